/** Speakers' writers on an API server in memory, with time that moves when the test moves it. */
import { type Duration, seconds } from "#base/time";
import { fieldsOf, listOf, textOf } from "#core/kubernetes/read";
import { createPlacements, type Placements } from "#core/layer2/placements";
import { DEFAULT_RULES } from "#core/layer2/rules";
import type { SpeakerEvent } from "#core/speaker/event";
import { type FakeCluster, fakeCluster } from "#drivers/kubernetes/fake";
import type { ClusterPort } from "#drivers/kubernetes/port";
import { ENDPOINT_SLICES, EVENTS, L2_STATUSES, NODES, PODS, SERVICES } from "#runtime/cluster/resources";
import { addressPool } from "#testing/services";
import { createTestTime, type TestTime } from "#testing/time";
import { address } from "#testing/values";
import { ClusterMirror } from "../mirror.ts";
import { Touched } from "../touched.ts";
import { Writers } from "./writers.ts";

export const NAMESPACE = "steelyard-system";

export const V4 = address("192.0.2.10");
export const V6 = address("2001:db8::10");

/** One speaker's writers, with what they see. */
export type Speaker = {
  readonly node: string;
  readonly writers: Writers;
  readonly placements: Placements;
  readonly told: SpeakerEvent[];
  /** It answers for these addresses, on `eth0`, and for nothing else. */
  holds(...addresses: readonly string[]): void;
  /** Ends at once, without a word. */
  kill(): void;
};

type StartOptions = { readonly cluster?: ClusterPort; readonly probing?: "on" | "off" };

export type WritersBed = {
  readonly cluster: FakeCluster;
  readonly time: TestTime;
  /** Starts the writers of a node's speaker; `cluster` is another way to the API server. */
  start(node: string, options?: StartOptions): Speaker;
  /** Lets whatever follows happen, and time pass. */
  rest(by?: Duration): Promise<void>;
  /** A node with a speaker. */
  node(name: string, more?: { readonly spec?: object; readonly ready?: string }): void;
  /** The Service `shop/NAME`; what it says already stays. */
  service(
    name?: string,
    parts?: { readonly ips?: readonly string[]; readonly spec?: object; readonly endpoints?: "one" | "keep" },
  ): void;
  /** Who serves `shop/NAME`. */
  status(name?: string): Readonly<Record<string, unknown>>;
  condition(type: "Announced" | "Reachable", name?: string): Readonly<Record<string, unknown>> | undefined;
  /** Nodes in the ServiceL2Status objects, in order. */
  announcing(): readonly string[];
  /** Events so far, as `reason: message`. */
  events(): readonly string[];
  /** Requests since this was asked last, as `verb plural/subresource`; reads are not among them. */
  writes(): readonly string[];
};

export const ADVERTISEMENT = {
  ...{ name: "all", pools: new Set(["home"]), nodeSelectors: [], serviceSelectors: [] },
  ...{ interfaces: undefined, preferredNodes: [] },
};
export const POOL = addressPool("home", ["192.0.2.0/24", "2001:db8::/64"]);

const startSpeaker = (
  node: string,
  time: TestTime,
  { cluster: shared, probing = "on" }: StartOptions & { readonly cluster: ClusterPort },
): Speaker => {
  let life: "alive" | "dead" = "alive";
  const never = new Promise<never>(() => {});
  const cluster: ClusterPort = {
    ...shared,
    read: (target) => (life === "dead" ? never : shared.read(target)),
    write: (...write) => (life === "dead" ? never : shared.write(...write)),
  };
  const told: SpeakerEvent[] = [];
  const placements = createPlacements({ lbClass: undefined, rules: DEFAULT_RULES });
  placements.configure({ pools: [POOL], l2Advertisements: [ADVERTISEMENT] });
  const touched = new Touched();
  let isPlanned = false;
  const mirror: ClusterMirror = new ClusterMirror(cluster, {
    ...{ namespace: NAMESPACE, placements },
    listener: {
      changed: (_, services) => {
        touched.services(services);
        if (isPlanned) return;
        isPlanned = true;
        setImmediate(() => {
          isPlanned = false;
          touched.addresses(placements.settle());
          writers.changed(touched.take());
        });
      },
      trouble: () => {},
    },
  });
  const writers = new Writers({
    ...{ cluster, clock: time, mirror, placements, self: node, namespace: NAMESPACE },
    ...{ conflicts: "reported", probing },
    tell: (event) => void told.push(event),
  });
  return {
    ...{ node, writers, placements, told },
    holds: (...addresses) => writers.announced(new Map(addresses.map((each) => [address(each), ["eth0"]]))),
    kill: () => {
      life = "dead";
      mirror.close();
    },
  };
};

/** A cluster in which there is nothing. */
export const createWritersBed = (): WritersBed => {
  const cluster = fakeCluster();
  const time = createTestTime();
  let asked = 0;
  const status = (name = "web") => fieldsOf(cluster.store.get(SERVICES, `shop/${name}`)?.status);
  return {
    ...{ cluster, time, status },
    start: (node, options = {}) => startSpeaker(node, time, { cluster, ...options }),
    rest: (by = seconds(3)) => time.advance(by),
    node: (name, { spec = {}, ready = "True" } = {}) => {
      cluster.put(NODES, {
        ...{ metadata: { name }, spec },
        status: {
          addresses: [{ type: "InternalIP", address: `192.0.2.${name.charCodeAt(name.length - 1)}` }],
          conditions: [{ type: "Ready", status: ready }],
        },
      });
      cluster.put(PODS, {
        metadata: {
          ...{ name: `speaker-${name}`, namespace: NAMESPACE },
          labels: { "app.kubernetes.io/name": "steelyard", "app.kubernetes.io/component": "speaker" },
        },
        spec: { nodeName: name },
        status: { phase: "Running" },
      });
    },
    service: (name = "web", { ips = [V4], spec = {}, endpoints = "one" } = {}) => {
      const { conditions } = status(name);
      cluster.put(SERVICES, {
        metadata: { name, namespace: "shop" },
        spec: { type: "LoadBalancer", ports: [{ port: 80, protocol: "TCP" }], ...spec },
        status: {
          loadBalancer: { ingress: ips.map((ip) => ({ ip })) },
          ...(conditions === undefined ? {} : { conditions }),
        },
      });
      if (endpoints === "keep") return;
      cluster.put(ENDPOINT_SLICES, {
        metadata: { name: `${name}-1`, namespace: "shop", labels: { "kubernetes.io/service-name": name } },
        addressType: "IPv4",
        endpoints: [{ addresses: ["10.1.0.5"], conditions: { ready: true } }],
      });
    },
    condition: (type, name) => {
      const found = listOf(status(name).conditions).find(
        (each) => fieldsOf(each).type === `steelyard.dev/${type}`,
      );
      return found === undefined ? undefined : fieldsOf(found);
    },
    announcing: () =>
      cluster.store
        .list(L2_STATUSES)
        .map((each) => textOf(fieldsOf(each.status).node))
        .sort(),
    events: () =>
      cluster.store.list(EVENTS).map(({ reason, message }) => `${textOf(reason)}: ${textOf(message)}`),
    writes: () => {
      const since = cluster.requests.slice(asked);
      asked = cluster.requests.length;
      return since.flatMap(({ verb, target: { resource, subresource } }) =>
        verb === "read"
          ? []
          : [`${verb} ${resource.plural}${subresource === undefined ? "" : `/${subresource}`}`],
      );
    },
  };
};
