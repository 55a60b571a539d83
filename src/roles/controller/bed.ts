/** A controller on an API server in memory, with time that moves when the test moves it. */

import { type Duration, type Instant, instant, wallTime } from "#base/time";
import { type FakeCluster, fakeCluster } from "#drivers/kubernetes/fake";
import type { ClusterPort } from "#drivers/kubernetes/port";
import type { Time } from "#drivers/kubernetes/time";
import { createFakeLog } from "#drivers/log/fake";
import { NAMESPACES, POOLS, SERVICES } from "#runtime/cluster/resources";
import type { Controller } from "./controller.ts";
import { Controller as RealController } from "./controller.ts";
import type { ControllerOptions } from "./options.ts";
import { createTap, type Tap } from "./tap.ts";

/** Timers run when `advance` passes them, in order. */
export type TestTime = Time & { advance(by: Duration): Promise<void> };

/** Turns of the event loop in which a chain of requests and answers comes to rest. */
const TURNS = 12;

/** A clock at rest. */
const createTestTime = (): TestTime => {
  let now = 0;
  const timers = new Set<{ readonly at: number; readonly run: () => void }>();
  return {
    now: (): Instant => instant(now),
    wall: () => wallTime(Date.UTC(2026, 2, 1) + now / 1_000),
    random: () => 0.5,
    later(delay, run) {
      const timer = { at: now + Math.max(0, delay), run };
      timers.add(timer);
      return () => void timers.delete(timer);
    },
    async advance(by) {
      const end = now + by;
      for (;;) {
        // What follows from what has happened so far, request by request, comes before the next timer.
        for (let turn = 0; turn < TURNS; turn += 1) await new Promise((resolve) => setImmediate(resolve));
        const [next] = [...timers].filter(({ at }) => at <= end).sort((left, right) => left.at - right.at);
        if (next === undefined) break;
        timers.delete(next);
        now = Math.max(now, next.at);
        next.run();
      }
      now = end;
    },
  };
};

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
