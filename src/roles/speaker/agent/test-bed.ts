/** An agent on an API server and beside a wire in memory, with time that moves when the test moves it. */
import { type MacAddress, macFromBytes } from "#base/mac";
import { type Duration, seconds, wallTime } from "#base/time";
import type { SpeakerEvent } from "#core/speaker/event";
import { snapshotOf } from "#core/speaker/snapshot";
import { emptySpeakerView, projectSpeaker } from "#core/speaker/view";
import { LINKS_ANNOTATION, type ReportedLink, reportText } from "#core/speaker-report/report";
import { type FakeCluster, fakeCluster } from "#drivers/kubernetes/fake";
import {
  CONFIGURATION_KINDS,
  CONFIGURATION_STATES,
  ENDPOINT_SLICES,
  L2_STATUSES,
  NODES,
  PODS,
  SERVICES,
} from "#runtime/cluster/resources";
import { createTestTime, type TestTime } from "#testing/time";
import { address } from "#testing/values";
import type { AgentToWire, WireToAgent } from "../messages.ts";
import { SpeakerAgent } from "./agent.ts";
import type { FollowingOptions } from "./following.ts";

const NAMESPACE = "steelyard-system";

/** The wire process: it keeps its journal, and gives back every event that it is told of as an observation. */
export type TestWire = {
  /** Everything that was sent since it was asked last. */
  take(): readonly AgentToWire[];
  /** What happens on the wire. */
  observe(event: SpeakerEvent): void;
  say(message: Exclude<WireToAgent, { type: "snapshot" | "observation" | "stop" }>): void;
  /** Whether it reads. */
  setReading(isReading: boolean): void;
};

type ServiceParts = {
  readonly ips: readonly string[];
  readonly spec?: object;
  /** The node of its endpoint, `node-a` by default. */
  readonly on?: string;
};

export type AgentBed = {
  readonly cluster: FakeCluster;
  readonly time: TestTime;
  readonly wire: TestWire;
  /** The lines of the log, as `type` of the events. */
  readonly logged: string[];
  /** An agent that the wire has greeted; it is this node's, `node-a`. */
  start(options?: Partial<FollowingOptions>): SpeakerAgent;
  /** Starts one and lets it follow the cluster. */
  follow(options?: Partial<FollowingOptions>): Promise<SpeakerAgent>;
  /** Ends one. */
  end(agent: SpeakerAgent): Promise<void>;
  /** Lets whatever follows happen, and some time pass. */
  rest(by?: Duration): Promise<void>;
  node(name: string, ip: string): void;
  /** Lets a speaker run on a node. */
  speaker(node: string): void;
  pool(addresses: readonly string[], name?: string): void;
  advertisement(spec?: object): void;
  /** Creates or changes `shop/NAME`, with an endpoint that serves. */
  service(name: string, parts: ServiceParts): void;
  /** Lets a node's speaker have told of an interface with this MAC address. */
  report(node: string, mac: MacAddress): void;
  /** Records a node as the one that announces a Service. */
  record(service: string, node: string): void;
};

const LINK: ReportedLink = {
  ...{ name: "eth0", mac: macFromBytes(Uint8Array.of(2, 0, 0, 0, 0, 0x0a)) },
  addresses: [{ address: address("192.0.2.1"), prefixLength: 24 }],
};

const kind = (name: string) => {
  const resource = CONFIGURATION_KINDS.get(name);
  if (resource === undefined) throw new Error(`no kind ${name}`);
  return resource;
};

const createObjects = (cluster: FakeCluster) => ({
  node: (name: string, ip: string): void =>
    void cluster.put(NODES, {
      metadata: { name },
      status: {
        addresses: [{ type: "InternalIP", address: ip }],
        conditions: [{ type: "Ready", status: "True" }],
      },
    }),
  speaker: (node: string): void =>
    void cluster.put(PODS, {
      metadata: {
        ...{ name: `speaker-${node}`, namespace: NAMESPACE },
        labels: { "app.kubernetes.io/name": "steelyard", "app.kubernetes.io/component": "speaker" },
      },
      spec: { nodeName: node },
      status: { phase: "Running" },
    }),
  pool: (addresses: readonly string[], name = "home"): void =>
    void cluster.put(kind("IPAddressPool"), {
      metadata: { name, namespace: NAMESPACE },
      spec: { addresses },
    }),
  advertisement: (spec: object = {}): void =>
    void cluster.put(kind("L2Advertisement"), { metadata: { name: "all", namespace: NAMESPACE }, spec }),
  service: (name: string, { ips, spec = {}, on = "node-a" }: ServiceParts) => {
    cluster.put(SERVICES, {
      metadata: { name, namespace: "shop" },
      spec: { type: "LoadBalancer", ports: [{ port: 80, protocol: "TCP" }], ...spec },
      status: { loadBalancer: { ingress: ips.map((ip) => ({ ip })) } },
    });
    cluster.put(ENDPOINT_SLICES, {
      metadata: { name, namespace: "shop", labels: { "kubernetes.io/service-name": name } },
      addressType: "IPv4",
      endpoints: [{ addresses: ["10.1.0.5"], nodeName: on, conditions: { ready: true } }],
    });
  },
  report: (node: string, mac: MacAddress): void =>
    void cluster.put(CONFIGURATION_STATES, {
      metadata: {
        ...{ name: `speaker-${node}`, namespace: NAMESPACE },
        labels: { "metallb.io/component-type": "speaker", "metallb.io/node-name": node },
        annotations: { [LINKS_ANNOTATION]: reportText([{ ...LINK, mac }]) },
      },
    }),
  record: (service: string, node: string): void =>
    void cluster.put(L2_STATUSES, {
      metadata: { name: `l2-${node}-${service}`, namespace: NAMESPACE },
      status: { node, serviceName: service, serviceNamespace: "shop" },
    }),
});

/** A cluster with nothing in it, and a wire that has started. */
export const createAgentBed = (): AgentBed => {
  const cluster = fakeCluster();
  const time = createTestTime();
  const logged: string[] = [];
  const view = emptySpeakerView();
  let sent: AgentToWire[] = [];
  let isReading = true;
  let agent: SpeakerAgent | undefined;
  const observe = (event: SpeakerEvent): void => {
    const observation = { sequence: view.sequence + 1, at: time.wall(), event };
    projectSpeaker(view, observation);
    agent?.hear({ type: "observation", observation: structuredClone(observation) });
  };
  const start = (options: Partial<FollowingOptions> = {}): SpeakerAgent => {
    const made = new SpeakerAgent(
      {
        wire: {
          send: (message) => {
            sent.push(structuredClone(message));
            if (message.type === "event") setImmediate(() => observe(message.event));
            return isReading;
          },
          writable: () => isReading,
        },
        clock: time,
        log: { write: ({ event }) => void logged.push(event.type) },
        options: {
          ...{ node: "node-a", namespace: NAMESPACE, loadBalancerClass: undefined, rules: "steelyard" },
          ...{
            spread: undefined,
            ignoreExcludeLabel: false,
            probe: true,
            bgpListen: undefined,
            bgpEngine: "own",
            ...options,
          },
        },
        process: { pid: 7, startedAt: time.wall() },
      },
      {
        ...{ type: "snapshot", view: structuredClone(snapshotOf(view)), recent: [], told: view.sequence },
        wire: { pid: 1, startedAt: wallTime(0), version: "test" },
        ...{ voices: [], links: [LINK], bgp: [] },
      },
    );
    agent = made;
    return made;
  };
  const rest = (by: Duration = seconds(2)): Promise<void> => time.advance(by);
  return {
    ...{ cluster, time, logged, start, rest, ...createObjects(cluster) },
    wire: {
      take: () => {
        const taken = sent;
        sent = [];
        return taken;
      },
      observe,
      say: (message) => agent?.hear(structuredClone(message)),
      setReading: (reads) => {
        isReading = reads;
        if (reads) agent?.drained();
      },
    },
    end: async (ended) => {
      const end = ended.close();
      await rest(seconds(3));
      await end;
    },
    follow: async (options) => {
      const made = start(options);
      made.follow(cluster);
      await rest();
      return made;
    },
  };
};

/** Two nodes with speakers, and Services with these addresses. */
export const createCluster = (services: Readonly<Record<string, readonly string[]>>): AgentBed => {
  const bed = createAgentBed();
  for (const [index, name] of ["node-a", "node-b"].entries()) {
    bed.node(name, `192.0.2.${index + 1}`);
    bed.speaker(name);
  }
  bed.pool(["192.0.2.100-192.0.2.250", "198.51.100.0/24"]);
  bed.advertisement();
  for (const [name, ips] of Object.entries(services)) bed.service(name, { ips });
  return bed;
};
