/** A controller on an API server in memory, with time that moves when the test moves it. */

import { type FakeCluster, fakeCluster } from "#drivers/kubernetes/fake";
import type { ClusterPort } from "#drivers/kubernetes/port";
import { createFakeLog } from "#drivers/log/fake";
import { NAMESPACES, POOLS, SERVICES } from "#runtime/cluster/resources";
import { createTestTime, type TestTime } from "#testing/time";
import type { Controller } from "./controller.ts";
import { Controller as RealController } from "./controller.ts";
import type { ControllerOptions } from "./options.ts";
import { createTap, type Tap } from "./tap.ts";

const NAMESPACE = "metallb-system";

export type ControllerBed = {
  readonly cluster: FakeCluster;
  readonly time: TestTime;
  readonly tap: Tap;
  /** Another replica on the same cluster, or on `cluster`; `mayWrite` is what its lease says. */
  start(
    options?: Partial<ControllerOptions>,
    parts?: { readonly mayWrite?: () => boolean; readonly cluster?: ClusterPort },
  ): Controller;
  pool(name: string, addresses: readonly string[], spec?: Readonly<Record<string, unknown>>): void;
  /** Creates or changes a Service `shop/NAME` as somebody else. */
  service(name: string, parts?: { readonly spec?: object; readonly annotations?: object }): void;
  get(name: string): Readonly<Record<string, unknown>> | undefined;
  /** The addresses in the status of `shop/NAME`. */
  addresses(name: string): readonly string[];
  /** Writes so far, as `verb plural/subresource`. */
  writes(): readonly string[];
};

type Spec = { readonly ingress?: readonly { readonly ip?: string }[] };

/** A cluster with two namespaces and nothing else. */
export const createBed = (): ControllerBed => {
  const cluster = fakeCluster();
  const time = createTestTime();
  const tap = createTap({ log: createFakeLog(), withFields: false, now: () => time.wall() });
  let hosts = 0;
  for (const name of ["shop", NAMESPACE])
    cluster.put(NAMESPACES, { metadata: { name, labels: { team: name } } });
  const get = (name: string) => cluster.store.get(SERVICES, `shop/${name}`);
  return {
    cluster,
    time,
    tap,
    start: (options = {}, parts = {}) =>
      new RealController({
        ...{ cluster, tap, clock: time, mayWrite: () => true, ...parts },
        options: {
          ...{ namespace: NAMESPACE, loadBalancerClass: undefined, shadow: false },
          ...{ metallbMetrics: false, identity: "replica-1" },
          ...options,
        },
      }),
    pool: (name, addresses, spec = {}) =>
      void cluster.put(POOLS, {
        apiVersion: "metallb.io/v1beta1",
        kind: "IPAddressPool",
        metadata: { name, namespace: NAMESPACE },
        spec: { addresses, ...spec },
      }),
    service: (name, { spec = {}, annotations = {} } = {}) => {
      hosts += 1;
      const before = get(name);
      cluster.put(SERVICES, {
        apiVersion: "v1",
        kind: "Service",
        metadata: { name, namespace: "shop", annotations },
        spec: {
          ...{ type: "LoadBalancer", clusterIPs: [`10.96.0.${hosts}`], ipFamilies: ["IPv4"] },
          ...{ ipFamilyPolicy: "SingleStack", ports: [{ port: 80, protocol: "TCP" }], ...spec },
        },
        ...(before?.status === undefined ? {} : { status: before.status }),
      });
    },
    get,
    addresses: (name) => {
      const status = get(name)?.status as { readonly loadBalancer?: Spec } | undefined;
      return (status?.loadBalancer?.ingress ?? []).map(({ ip }) => ip ?? "");
    },
    writes: () =>
      cluster.requests.flatMap(({ verb, target }) =>
        verb === "read"
          ? []
          : [
              `${verb} ${target.resource.plural}${target.subresource === undefined ? "" : `/${target.subresource}`}`,
            ],
      ),
  };
};
