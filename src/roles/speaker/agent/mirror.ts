/**
 * What a speaker reads of the cluster, kept up to date and told to the machine that decides about placements. What is kept of each object
 * is in `projections.ts`.
 *
 * Nothing is concluded before every watch has told all there is: half a list of nodes gives the wrong first choice. After that
 * an API server that goes away changes nothing, since what was read last stays.
 */

import { isDeepStrictEqual } from "node:util";
import type { EndpointSlice } from "#core/endpoint-slice/endpoint-slice";
import { type ObjectKey, objectKey, type TextMap } from "#core/kubernetes/meta";
import type { Placements } from "#core/layer2/placements";
import { SeenStatuses } from "#core/layer2-status/plan";
import type { Node } from "#core/node/node";
import type { Service } from "#core/service/service";
import { isSameReport, type SpeakerReport } from "#core/speaker-report/report";
import type { SaidVerdict } from "#core/speaker-report/verdict";
import type { ClusterPort, Failure, Watch, WatchOptions } from "#drivers/kubernetes/port";
import {
  CONFIGURATION_STATES,
  ENDPOINT_SLICES,
  L2_STATUSES,
  NODES,
  PODS,
  SERVICES,
} from "#runtime/cluster/resources";
import { createSliceReader } from "./lean-slice.ts";
import { type Member, membersOf } from "./members.ts";
import {
  projectNode,
  projectReport,
  projectService,
  projectStatus,
  type SeenHolder,
  type SeenReport,
} from "./projections.ts";
import { readSpeakerPod, SPEAKER_SELECTOR, type SpeakerPod } from "./speaker-pod.ts";

/** What may be different: who the members are, and with them everything else; or everything else only. */
export type Changed = "members" | "workload";

export type MirrorListener = {
  /**
   * Something that decides about placements or members may be different; only once all has been read. `services`: it has to do with
   * these, as far as it is known.
   */
  changed(what: Changed, services?: readonly ObjectKey[]): void;
  /** A kind cannot be read, or can again. */
  trouble(resource: string, failure: Failure | undefined): void;
};

/** Whoever decides by Services, endpoints and nodes. */
export type WorkloadHearer = Pick<
  Placements,
  "setService" | "removeService" | "setSlice" | "removeSlice" | "setNode" | "removeNode"
>;

type Hooks<Item> = {
  readonly put: (item: Item, before: Item | undefined) => void;
  readonly remove: (before: Item) => void;
  readonly changes: Changed;
  /** The Service that an object has to do with; without it that may be any. */
  readonly serviceOf?: (item: Item) => ObjectKey;
};

export class ClusterMirror {
  /** The `ServiceL2Status` objects that are there. */
  readonly statuses = new SeenStatuses();
  readonly #cluster: ClusterPort;
  readonly #namespace: string;
  readonly #placements: Placements;
  readonly #hearers: readonly WorkloadHearer[];
  readonly #listener: MirrorListener;
  readonly #holders: "followed" | "ignored";
  readonly #nodes = new Map<string, Node>();
  readonly #uidByNode = new Map<string, string>();
  readonly #pods = new Map<string, SpeakerPod>();
  readonly #reports = new Map<string, SpeakerReport>();
  readonly #verdicts = new Map<string, SaidVerdict>();
  readonly #ownersByNode = new Map<string, readonly unknown[]>();
  #services: ReadonlyMap<string, Service> = new Map();
  #slices: ReadonlyMap<string, EndpointSlice> = new Map();
  #labelsVersion = 0;
  readonly #waiting = new Set<string>();
  readonly #watches: Pick<Watch<unknown>, "close">[] = [];

  /** Opens the watches; `namespace` is where our own objects lie. Nothing is told before this has returned. */
  constructor(
    cluster: ClusterPort,
    options: {
      readonly namespace: string;
      readonly placements: Placements;
      /** Who decides besides. */
      readonly routes?: WorkloadHearer;
      readonly listener: MirrorListener;
      /** Whether placements go by who is recorded as the holder, which only the even spread does; default: they do. */
      readonly holders?: "followed" | "ignored";
    },
  ) {
    this.#cluster = cluster;
    this.#namespace = options.namespace;
    this.#placements = options.placements;
    this.#hearers = [options.placements, ...(options.routes === undefined ? [] : [options.routes])];
    this.#listener = options.listener;
    this.#holders = options.holders ?? "followed";
    this.#watchWorkload();
    this.#watchNodes();
    this.#watchSpeakers();
  }

  /** Whether everything has been read once. */
  get isSynced(): boolean {
    return this.#waiting.size === 0;
  }

  /** By `namespace/name`: those of type LoadBalancer, and those of another type that still have a condition of ours. */
  get services(): ReadonlyMap<string, Service> {
    return this.#services;
  }

  /** A kind that the API server does not know counts as empty from now on; it is read if it comes to be known. */
  countAsEmpty(plural: string): void {
    if (this.#waiting.delete(plural) && this.isSynced) this.#listener.changed("members");
  }

  /** All members, this node included. */
  members(): readonly Member[] {
    return membersOf({ pods: this.#pods.values(), nodes: this.#nodes, reports: this.#reports });
  }

  /** What a node's speaker has reported; `undefined` when there is no report of it. */
  reportOf(node: string): SpeakerReport | undefined {
    return this.#reports.get(node);
  }

  /** The owner references of the object with a node's report, as they stand there. */
  ownersOf(node: string): readonly unknown[] {
    return this.#ownersByNode.get(node) ?? [];
  }

  /** The uid of a node's object; `undefined` when there is none. */
  uidOf(node: string): string | undefined {
    return this.#uidByNode.get(node);
  }

  /** What a node's speaker has said of the configuration; `undefined` when there is no object of it. */
  verdictOf(node: string): SaidVerdict | undefined {
    return this.#verdicts.get(node);
  }

  /** Nodes that there are, whether or not a speaker runs there. */
  nodes(): Iterable<string> {
    return this.#nodes.keys();
  }

  /** Tells somebody who begins to decide of all that there is. */
  replay(hearer: WorkloadHearer): void {
    for (const node of this.#nodes.values()) hearer.setNode(node);
    for (const service of this.#services.values())
      if (service.type === "LoadBalancer") hearer.setService(service);
    for (const slice of this.#slices.values()) hearer.setSlice(slice);
  }

  /** A node as it is now; `undefined` while there is none of that name. */
  nodeOf(name: string): Node | undefined {
    return this.#nodes.get(name);
  }

  /** Labels of all nodes; `undefined` until they have been read. */
  labelsByNode(): ReadonlyMap<string, TextMap> | undefined {
    if (this.#waiting.has(NODES.plural)) return undefined;
    return new Map([...this.#nodes].map(([name, { labels }]) => [name, labels]));
  }

  /** Another number whenever nodes, or labels of one, are others than before. */
  get labelsVersion(): number {
    return this.#labelsVersion;
  }

  /** The pod of a node's speaker, one that is not being deleted if there is one: the owner of what it writes. */
  podOf(node: string): SpeakerPod | undefined {
    const pods = [...this.#pods.values()].filter((pod) => pod.node === node);
    return pods.find(({ life }) => life === "running") ?? pods[0];
  }

  close(): void {
    for (const watch of this.#watches) watch.close();
  }

  #watchWorkload(): void {
    const hearers = this.#hearers;
    this.#services = this.#watch(
      { resource: SERVICES, project: projectService, keyOf: ({ meta }) => objectKey(meta) },
      {
        put: (service) => {
          for (const hearer of hearers)
            if (service.type === "LoadBalancer") hearer.setService(service);
            else hearer.removeService(objectKey(service.meta));
        },
        remove: ({ meta }) => {
          for (const hearer of hearers) hearer.removeService(objectKey(meta));
        },
        changes: "workload",
        serviceOf: ({ meta }) => objectKey(meta),
      },
    ).items;
    this.#slices = this.#watch(
      { resource: ENDPOINT_SLICES, project: createSliceReader(), keyOf: ({ key }) => key },
      {
        put: (slice) => {
          for (const hearer of hearers) hearer.setSlice(slice);
        },
        remove: ({ key }) => {
          for (const hearer of hearers) hearer.removeSlice(key);
        },
        changes: "workload",
        serviceOf: ({ service }) => service,
      },
    ).items;
  }

  #watchNodes(): void {
    this.#watch(
      { resource: NODES, project: projectNode, keyOf: ({ node }) => node.name },
      {
        put: ({ node, uid }) => {
          const before = this.#nodes.get(node.name)?.labels;
          if (before === undefined || !isDeepStrictEqual(before, node.labels)) this.#labelsVersion += 1;
          this.#nodes.set(node.name, node);
          this.#uidByNode.set(node.name, uid);
          for (const hearer of this.#hearers) hearer.setNode(node);
        },
        remove: ({ node: { name } }) => {
          this.#nodes.delete(name);
          this.#uidByNode.delete(name);
          this.#labelsVersion += 1;
          for (const hearer of this.#hearers) hearer.removeNode(name);
        },
        changes: "members",
      },
    );
  }

  #watchSpeakers(): void {
    const namespace = this.#namespace;
    const placements = this.#placements;
    this.#watch<SpeakerPod>(
      {
        ...{ resource: PODS, namespace, labelSelector: SPEAKER_SELECTOR },
        ...{ project: readSpeakerPod, keyOf: ({ key }) => key },
      },
      {
        put: (pod) => {
          this.#pods.set(pod.key, pod);
          this.#tellSpeakers();
        },
        remove: ({ key }) => {
          this.#pods.delete(key);
          this.#tellSpeakers();
        },
        changes: "members",
      },
    );
    this.#watch<SeenReport>(
      {
        ...{ resource: CONFIGURATION_STATES, namespace, project: projectReport },
        keyOf: ({ report }) => `${namespace}/speaker-${report.node}`,
        isSame: (left, right) =>
          isSameReport(left.report, right.report) &&
          isDeepStrictEqual([left.owners, left.verdict], [right.owners, right.verdict]),
      },
      {
        put: ({ report, owners, verdict }) => {
          this.#verdicts.set(report.node, verdict);
          this.#reports.set(report.node, report);
          this.#ownersByNode.set(report.node, owners);
          placements.setFitness(report.node, { links: report.links });
        },
        remove: ({ report: { node } }) => {
          this.#reports.delete(node);
          this.#ownersByNode.delete(node);
          this.#verdicts.delete(node);
          placements.setFitness(node, undefined);
        },
        changes: "members",
      },
    );
    this.#watch<SeenHolder>(
      {
        resource: L2_STATUSES,
        namespace,
        project: projectStatus(this.#holders),
        keyOf: ({ seen }) => objectKey({ namespace, name: seen.name }),
      },
      {
        put: ({ seen, record }, before) => {
          this.statuses.put(seen, before?.seen);
          if (record !== undefined) placements.setHolder(record);
        },
        remove: ({ seen, record }) => {
          this.statuses.remove(seen);
          if (record !== undefined) placements.removeHolder(record.key);
        },
        changes: "workload",
        serviceOf: ({ seen }) => seen.service,
      },
    );
  }

  #tellSpeakers(): void {
    this.#placements.setSpeakers(new Set([...this.#pods.values()].map(({ node }) => node)));
  }

  #watch<Item>(options: WatchOptions<Item>, { put, remove, changes, serviceOf }: Hooks<Item>): Watch<Item> {
    const { plural } = options.resource;
    this.#waiting.add(plural);
    const changed = (...items: readonly (Item | undefined)[]): void => {
      if (!this.isSynced) return;
      const known = items.flatMap((item) => (item === undefined ? [] : [item]));
      this.#listener.changed(changes, serviceOf === undefined ? undefined : known.map(serviceOf));
    };
    const watch = this.#cluster.watch(options, {
      changed: (item, before) => {
        put(item, before);
        changed(item, before);
      },
      removed: (before) => {
        remove(before);
        changed(before);
      },
      synced: () => {
        if (this.#waiting.delete(plural) && this.isSynced) this.#listener.changed("members");
      },
      trouble: (trouble) => this.#listener.trouble(plural, trouble?.failure),
    });
    this.#watches.push(watch);
    return watch;
  }
}
