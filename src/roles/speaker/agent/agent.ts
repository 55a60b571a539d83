/**
 * The agent: it knows what the wire has said, follows the cluster once there is one, and answers on its pages.
 *
 * Everything it needs of the world comes in, so that a test runs it against an API server and a wire in memory.
 */
import type { SpeakerAddressExplanation, SpeakerExplanation, SpeakerStatus } from "#api/speaker";
import type { IpAddress } from "#base/address";
import type { MacAddress } from "#base/mac";
import { wallTime } from "#base/time";
import type { SpeakerEvent, SpeakerObservation } from "#core/speaker/event";
import type { ClusterPort } from "#drivers/kubernetes/port";
import type { Time } from "#drivers/kubernetes/time";
import type { ObservationLog } from "#runtime/cluster/observation-log";
import { countRequests } from "#runtime/cluster/requests";
import { createRecent } from "#runtime/recent";
import type { WireToAgent } from "../messages.ts";
import { type ExplainSources, explainAddress, explainService } from "./explain.ts";
import { Following, type FollowingOptions } from "./following.ts";
import { Heard } from "./heard.ts";
import { speakerMetrics } from "./metrics.ts";
import { speakerStatus } from "./status.ts";
import type { ToWire } from "./to-wire.ts";
import { Troubles } from "./troubles.ts";

export type AgentParts = {
  readonly wire: ToWire;
  readonly clock: Time;
  readonly log: Pick<ObservationLog<SpeakerEvent>, "write">;
  readonly options: FollowingOptions;
  readonly process: { readonly pid: number; readonly startedAt: number };
};

/** An agent that the wire has spoken to. */
export class SpeakerAgent {
  readonly recent = createRecent<SpeakerObservation>();
  readonly #parts: AgentParts;
  readonly #heard: Heard;
  readonly #troubles: Troubles;
  #following: Following | undefined;
  #requests: ReturnType<typeof countRequests>["samples"] = () => [];

  /** The wire's first word. */
  constructor(parts: AgentParts, snapshot: Extract<WireToAgent, { type: "snapshot" }>) {
    this.#parts = parts;
    this.#heard = new Heard(snapshot);
    this.#troubles = new Troubles({
      clock: parts.clock,
      tell: (event) => this.#tell(event),
      inherited: this.#heard.view.trouble.keys(),
    });
    this.#remember(snapshot);
  }

  /** Whether the wire could take over addresses: it knows the cluster, and has said that it hears somebody or is rightly alone. */
  get isReady(): boolean {
    const { isSynced, company } = this.#heard.view;
    return isSynced && (company === "accompanied" || company === "alone");
  }

  /** Takes note of what the wire says. */
  hear(message: Exclude<WireToAgent, { type: "stop" }>): void {
    const news = this.#heard.take(message);
    if (message.type === "snapshot") this.#remember(message);
    if (message.type === "observation") {
      this.recent.add([message.observation]);
      this.#parts.log.write(message.observation);
    }
    this.#following?.heardNews(news);
  }

  /** The wire reads again after it was behind. */
  drained(): void {
    this.#following?.drained();
  }

  /** There is no way to an API server: says so once. */
  findNoCluster(problem: string): void {
    this.#troubles.begin("credentials", problem, "at-once");
  }

  /** From now on the cluster is read, and the wire told of it. */
  follow(cluster: ClusterPort): void {
    this.#troubles.end("credentials");
    const counted = countRequests(cluster);
    this.#requests = counted.samples;
    const { wire, clock, options } = this.#parts;
    this.#following = new Following({
      ...{ cluster: counted.cluster, wire, clock, options, heard: this.#heard, troubles: this.#troubles },
      tell: (event) => this.#tell(event),
    });
  }

  status(): SpeakerStatus {
    const { clock, options, process } = this.#parts;
    return speakerStatus({
      ...{ heard: this.#heard, now: clock.wall(), node: options.node, agent: process },
      members: this.#following?.mirror.members() ?? [],
      placements: this.#following?.orders.placements,
      strangers: this.#strangers,
      waitingWrites: this.#following?.waitingWrites ?? 0,
      bgp: {
        engine: options.bgpEngine,
        ...{ routes: this.#following?.bgp.orders.routes, plan: this.#following?.bgp.plan },
      },
    });
  }

  metrics(): string {
    const following = this.#following;
    return speakerMetrics({
      ...{ heard: this.#heard, node: this.#parts.options.node, requests: this.#requests() },
      conflicts: this.#strangers.size,
      startedAt: wallTime(this.#parts.process.startedAt),
      placements: following?.orders.placementsByCandidates,
      servicesAt: (address) => following?.placements.get(address)?.services ?? [],
      bgpAnnounced: following?.bgp.announced() ?? [],
      isConfigured: following?.isConfigured ?? false,
      waitingWrites: following?.waitingWrites ?? 0,
    });
  }

  /** Why nothing can be said of any Service yet; `undefined` when all has been read and decided once. */
  get ignorance(): string | undefined {
    const following = this.#following;
    if (following?.mirror.isSynced !== true) return "this agent has not read the cluster yet";
    if (!following.isConfigured) return "there has been no valid configuration of pools and L2Advertisements";
    return following.orders.isAllPlaced ? undefined : "it is still being decided who may answer";
  }

  /** Why a Service is answered for by whom; `undefined` for one that does not concern us, or is not known yet. */
  explain(key: string): SpeakerExplanation | undefined {
    const sources = this.#explainSources();
    return sources === undefined ? undefined : explainService(key, sources);
  }

  /** The same of an address, with the peers that have its route. */
  explainAddress(address: string): SpeakerAddressExplanation | undefined {
    const sources = this.#explainSources();
    return sources === undefined ? undefined : explainAddress(address, sources);
  }

  #explainSources(): ExplainSources | undefined {
    if (this.#following === undefined || this.ignorance !== undefined) return undefined;
    const { placements, mirror, bgp } = this.#following;
    return { bgp, node: this.#parts.options.node, heard: this.#heard, placements, mirror };
  }

  /** Writes what must be written before the end. */
  async close(): Promise<void> {
    this.#troubles.close();
    await this.#following?.close();
  }

  /** Before the cluster has been read whoever the wire takes for one counts, but for what MetalLB's speakers may be. */
  get #strangers(): ReadonlyMap<IpAddress, MacAddress> {
    const { rules } = this.#parts.options;
    return this.#following?.strangers ?? (rules === "metallb" ? new Map() : this.#heard.view.duplicates);
  }

  #tell(event: SpeakerEvent): void {
    this.#parts.wire.send({ type: "event", event });
  }

  /** What an agent before this one has logged is not logged again. */
  #remember({ recent, told }: Extract<WireToAgent, { type: "snapshot" }>): void {
    for (const observation of this.recent.add(recent))
      if (observation.sequence > told) this.#parts.log.write(observation);
  }
}
