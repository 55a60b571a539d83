/** Looks now and then whether k3s' ServiceLB is at work: it serves the same Services, with addresses of nodes. */
import { type Duration, seconds } from "#base/time";
import { fieldsOf, listOf } from "#core/kubernetes/read";
import { findServiceLb } from "#core/migration/service-lb";
import type { Service } from "#core/service/service";
import type { ClusterPort, Target } from "#drivers/kubernetes/port";
import type { Time } from "#drivers/kubernetes/time";
import { DAEMON_SETS, NODES } from "#runtime/cluster/resources";
import type { Tap } from "./tap.ts";

const EVERY: Duration = seconds(600);

/** What the controller may not read, or what does not answer now, is not worth a word: the next look follows. */
const itemsOf = async (cluster: ClusterPort, target: Target): Promise<readonly unknown[] | undefined> => {
  const answer = await cluster.read(target);
  return answer.ok ? listOf(fieldsOf(answer.body).items) : undefined;
};

/** Looks at once and every ten minutes; gives how to stop. */
export const watchOtherBalancers = (options: {
  readonly cluster: ClusterPort;
  readonly tap: Tap;
  readonly clock: Time;
  readonly services: () => Iterable<Service>;
}): (() => void) => {
  const { cluster, tap, clock, services } = options;
  let isStopped = false;
  let cancel: (() => void) | undefined;
  const look = async (): Promise<void> => {
    const nodes = await itemsOf(cluster, { resource: NODES });
    const daemonSets = await itemsOf(cluster, { resource: DAEMON_SETS, namespace: "kube-system" });
    if (isStopped) return;
    if (nodes !== undefined && daemonSets !== undefined) {
      const found = findServiceLb({ nodes, daemonSets, services: [...services()] });
      const detail = found.state === "absent" ? undefined : `${found.message} ${found.remedy}`;
      if (detail !== undefined && detail !== tap.view.otherBalancer)
        tap.tell({ type: "other-balancer", state: "found", detail });
      if (detail === undefined && tap.view.otherBalancer !== undefined)
        tap.tell({ type: "other-balancer", state: "gone", detail: "ServiceLB" });
    }
    cancel = clock.later(EVERY, () => void look());
  };
  void look();
  return () => {
    isStopped = true;
    cancel?.();
  };
};
