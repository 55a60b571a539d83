/**
 * Follows what of the cluster is about BGP: decides which peers this node has and what they are told, tells the wire, and has it written down.
 *
 * Nothing is told before all has been read and a valid configuration has been in force: until then the wire goes on with what it
 * knows, from an earlier agent or from its disk.
 */
import { between } from "#base/time";
import { withLinkBandwidth } from "#core/bgp-peers/link-bandwidth";
import type { PeerPlan } from "#core/bgp-peers/plan";
import { refusedPeerSentence } from "#core/bgp-peers/reason";
import { BgpRoutes } from "#core/bgp-routes/bgp-routes";
import { DEFAULT_LINK_BANDWIDTH, DEFAULT_RULES, type Rules } from "#core/bgp-routes/rules";
import { readBgpStatus, type SeenBgpStatus } from "#core/bgp-status/object";
import { parseServiceAddress } from "#core/ipam/block";
import { objectKey } from "#core/kubernetes/meta";
import { SeenStatuses } from "#core/layer2-status/plan";
import { METALLB_GRADING } from "#core/node/grading";
import type { SpeakerEvent } from "#core/speaker/event";
import type { ClusterPort, Failure, Watch } from "#drivers/kubernetes/port";
import type { Cancel, Time } from "#drivers/kubernetes/time";
import type { RawObject } from "#runtime/cluster/configuration-mirror";
import { BGP_STATUSES } from "#runtime/cluster/resources";
import type { SpeakerOptions } from "../../options.ts";
import type { Heard } from "../heard.ts";
import type { ClusterMirror, WorkloadHearer } from "../mirror.ts";
import type { ToWire } from "../to-wire.ts";
import { BgpConfiguration } from "./configuration.ts";
import { MetallbPods } from "./metallb-pods.ts";
import type { BgpAnnouncement } from "./metrics.ts";
import { BgpOrders } from "./orders.ts";
import { BgpPeers } from "./peers.ts";
import { BgpWriters } from "./writers.ts";

export type BgpFollowingOptions = Pick<
  SpeakerOptions,
  "node" | "namespace" | "loadBalancerClass" | "rules" | "ignoreExcludeLabel" | "bgpListen"
>;

export type BgpFollowingParts = {
  readonly cluster: ClusterPort;
  readonly clock: Time;
  readonly wire: ToWire;
  readonly heard: Heard;
  readonly tell: (event: SpeakerEvent) => void;
  readonly trouble: (resource: string, failure: Failure | undefined) => void;
  /** What nodes tell routers is another thing than before. */
  readonly onTold: () => void;
  readonly options: BgpFollowingOptions;
};

/** What it needs of the rest of the agent, which is there once both have been made. */
export type BgpSurroundings = {
  readonly mirror: ClusterMirror;
  readonly pools: () => readonly RawObject[] | undefined;
};

/** Services and prefixes that are decided about in one turn of the event loop. */
const TURN = 64;

const rulesOf = ({ rules, ignoreExcludeLabel }: BgpFollowingOptions): Rules => ({
  ...DEFAULT_RULES,
  ...(rules === "metallb" ? { grading: METALLB_GRADING } : {}),
  excludeLabel: ignoreExcludeLabel ? "ignored" : "respected",
});

const besideOf = (presence: MetallbPods["presence"]): "metallb-speaker" | "nobody" | undefined =>
  presence === undefined ? undefined : presence === "here" ? "metallb-speaker" : "nobody";

/** Hears of the workload only once it is asked for: a cluster without BGP need not remember it twice. */
const hearerOf = (routes: BgpRoutes, isUsed: () => boolean): WorkloadHearer => {
  const heard =
    <Item>(take: (item: Item) => void) =>
    (item: Item): void => {
      if (isUsed()) take(item);
    };
  return {
    setService: heard((service) => routes.setService(service)),
    removeService: heard((key) => routes.removeService(key)),
    setSlice: heard((slice) => routes.setSlice(slice)),
    removeSlice: heard((key) => routes.removeSlice(key)),
    setNode: heard((node) => routes.setNode(node)),
    removeNode: heard((name) => routes.removeNode(name)),
  };
};

export class BgpFollowing {
  /** Who hears of Services, endpoints and nodes. */
  readonly hearer: WorkloadHearer;
  readonly routes: BgpRoutes;
  readonly orders: BgpOrders;
  /** The `ServiceBGPStatus` objects that are there, of all nodes. */
  readonly statuses = new SeenStatuses<SeenBgpStatus>();
  readonly #parts: BgpFollowingParts;
  readonly #rules: Rules;
  readonly #peers: BgpPeers;
  #around: BgpSurroundings | undefined;
  #configuration: BgpConfiguration | undefined;
  #writers: BgpWriters | undefined;
  #metallb: MetallbPods | undefined;
  #watch: Pick<Watch<unknown>, "close" | "isSynced"> | undefined;
  /** Whether there has been anything to announce by BGP. */
  #isUsed = false;
  #labelsVersion = -1;
  /** Peers that ask for the link bandwidth, as routes were told last. */
  #asking = "";
  #deadline: Cancel | undefined;
  /** Whether a pod of this node's speaker was ever seen. */
  #isInPod = false;
  #turn: "none" | "planned" | "closed" = "none";

  constructor(parts: BgpFollowingParts) {
    const { cluster, wire, tell, heard, options } = parts;
    const { node, namespace, loadBalancerClass: lbClass, bgpListen } = options;
    this.#parts = parts;
    this.#rules = rulesOf(options);
    this.routes = new BgpRoutes({ node, lbClass, rules: this.#rules });
    this.hearer = hearerOf(this.routes, () => this.#isUsed);
    this.orders = new BgpOrders({ wire, onAllRouted: () => this.heardFacts() });
    this.#peers = new BgpPeers({
      ...{ cluster, namespace, tell, listening: bgpListen === undefined ? "no" : "yes" },
      ...{ told: heard.view.bgpRefusals, onPlanned: (plan) => this.#onPlanned(plan) },
    });
  }

  /** Whether there has been a valid configuration. */
  get isConfigured(): boolean {
    return this.#configuration?.isInForce ?? false;
  }

  /** The peers of this node; `undefined` before everything is known that they follow from. */
  get plan(): PeerPlan | undefined {
    return this.#peers.plan;
  }

  /** Addresses of Services that this node is to tell routers of. */
  *announced(): Iterable<BgpAnnouncement> {
    for (const service of this.#around?.mirror.services.values() ?? []) {
      const key = objectKey(service.meta);
      if (this.routes.peersOf(key).length === 0) continue;
      for (const { ip } of service.ingress) {
        const address = parseServiceAddress(ip ?? "");
        if (address !== undefined) yield { service: key, address };
      }
    }
  }

  /** Writes that wait for their turn or for the API server. */
  get waitingWrites(): number {
    return this.#writers?.waiting ?? 0;
  }

  /** Reads from now on. */
  begin(around: BgpSurroundings): void {
    const { cluster, clock, tell, trouble, heard, options } = this.#parts;
    const { node: self, namespace } = options;
    const { mirror, pools } = around;
    this.#around = around;
    this.#configuration = new BgpConfiguration({
      ...{ cluster, namespace, pools, nodes: () => mirror.labelsByNode(), tell, trouble },
      ...{ refused: heard.view.bgpRefused },
      onApplied: (configuration) => {
        if (!this.#isUsed && configuration.bgpAdvertisements.length > 0) {
          this.#isUsed = true;
          mirror.replay(this.routes);
        }
        this.routes.configure(configuration);
        this.#peers.configure(configuration);
        this.#plan();
      },
    });
    const bgpStatuses = this.statuses;
    this.#writers = new BgpWriters({
      ...{ cluster, clock, self, namespace, tell, peersOf: (service) => this.routes.peersOf(service) },
      isUsed: () => this.#isUsed,
      // Not known yet is as good as here.
      isLeftToMetallb: () => options.rules === "metallb" && this.#metallb?.presence !== "gone",
      mirror: {
        ...{ bgpStatuses, podOf: (node) => mirror.podOf(node), reportOf: (node) => mirror.reportOf(node) },
        verdictOf: (node) => mirror.verdictOf(node),
        services: mirror.services,
      },
    });
    this.#watch = this.#watchStatuses();
    if (options.rules === "metallb")
      this.#metallb = new MetallbPods({
        ...{ cluster, namespace, node: self, trouble },
        changed: () => this.#peers.setBeside(besideOf(this.#metallb?.presence)),
      });
    else this.#peers.setBeside("nobody");
  }

  /** Pools are others than before. */
  poolsChanged(): void {
    this.#configuration?.changed();
  }

  /** Something of the cluster is another thing than before. */
  clusterChanged(): void {
    this.#plan();
    this.#writers?.changed();
  }

  /** What is refused may be another thing than before. */
  heardNews(): void {
    const { refused, bgpRefused } = this.#parts.heard.view;
    const { plan } = this;
    if (plan === undefined) return;
    // That MetalLB's speaker has a session is nothing wrong.
    const wrong = plan.refused.filter(({ reason }) => reason !== "metallb-speaker");
    const peers = wrong.map((each) => `${refusedPeerSentence(each)}.`);
    this.#writers?.problems([...refused, ...bgpRefused, ...peers]);
  }

  /** With peers it is otherwise than before. */
  heardFacts(): void {
    const up = this.#parts.heard.bgp.filter(({ state }) => state === "established");
    if (this.orders.isAllRouted) this.#writers?.sessions(up.map(({ name }) => name));
  }

  /** The wire reads again. */
  drained(): void {
    this.orders.pump();
  }

  close(): void {
    this.#turn = "closed";
    this.#deadline?.();
    this.#configuration?.close();
    this.#peers.close();
    this.#watch?.close();
    this.#metallb?.close();
    this.#writers?.close();
  }

  #onPlanned({ peers }: PeerPlan): void {
    const linkBandwidth = peers.some((peer) => peer.linkBandwidth) ? DEFAULT_LINK_BANDWIDTH : undefined;
    this.routes.follow({ ...this.#rules, linkBandwidth });
    this.routes.setPeers(peers.map(({ word }) => word.name));
    this.orders.setPeers(peers.map(({ word }) => word));
    this.heardNews();
    this.#plan();
  }

  #plan(): void {
    if (this.#turn !== "none") return;
    this.#turn = "planned";
    setImmediate(() => {
      if (this.#turn === "closed") return;
      this.#turn = "none";
      this.#takeTurn();
    });
  }

  #takeTurn(): void {
    const mirror = this.#around?.mirror;
    if (mirror?.isSynced !== true) return;
    if (this.#labelsVersion !== mirror.labelsVersion) {
      this.#labelsVersion = mirror.labelsVersion;
      this.#configuration?.changed();
    }
    this.#peers.setNode(mirror.nodeOf(this.#parts.options.node));
    const { plan } = this;
    if (!this.isConfigured || plan === undefined) return;
    const names = plan.peers.flatMap((peer) => (peer.linkBandwidth ? [peer.word.name] : []));
    const asking = new Set(names);
    const { changed, removed, rest } = this.routes.settle(this.#parts.clock.now(), TURN);
    this.orders.setStance(
      this.routes.stance === "regular" && !this.#goesWithMachine(mirror) ? "stays" : "goes",
    );
    const isAskedByOthers = names.join(" ") !== this.#asking;
    this.#asking = names.join(" ");
    // Routes themselves are the same then, and what each peer is told of them is not.
    const told = isAskedByOthers ? [...this.routes.all()] : changed;
    this.orders.route({ changed: told.map((route) => withLinkBandwidth(route, asking)), removed, rest });
    if (rest === "some") this.#plan();
    else this.#settled();
  }

  /**
   * Whether an end now would be that of the machine: a pod that is upgraded or restarted on purpose is deleted first, and outside of
   * pods whoever restarts it says so by the signal.
   */
  #goesWithMachine(mirror: BgpSurroundings["mirror"]): boolean {
    const pod = mirror.podOf(this.#parts.options.node);
    this.#isInPod ||= pod !== undefined;
    return !this.#isInPod || pod?.life === "running";
  }

  #settled(): void {
    const { clock } = this.#parts;
    this.#deadline?.();
    const { deadline } = this.routes;
    this.#deadline =
      deadline === undefined
        ? undefined
        : clock.later(between(clock.now(), deadline), () => {
            this.#deadline = undefined;
            this.#plan();
          });
    if (this.#watch?.isSynced === true) this.#writers?.decided();
  }

  #watchStatuses(): Watch<SeenBgpStatus> {
    const { cluster, options, trouble } = this.#parts;
    const { namespace } = options;
    const changed = (): void => {
      this.#writers?.changed();
      this.#parts.onTold();
    };
    return cluster.watch<SeenBgpStatus>(
      {
        ...{ resource: BGP_STATUSES, namespace, project: readBgpStatus },
        keyOf: ({ name }) => `${namespace}/${name}`,
      },
      {
        changed: (status, before) => {
          this.statuses.put(status, before);
          changed();
        },
        removed: (status) => {
          this.statuses.remove(status);
          changed();
        },
        synced: () => this.#plan(),
        trouble: (state) => trouble(BGP_STATUSES.plural, state?.failure),
      },
    );
  }
}
