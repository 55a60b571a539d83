/** BGP in the wire process: what was told goes to the speaker and to the disk. */
import { after, between, type Instant, millis, seconds } from "#base/time";
import { estateText, readEstate } from "#core/bfd/legacy-words";
import type { PeerWord, RouteWord } from "#core/bgp/desired";
import type { BgpFacts } from "#core/speaker/bgp-facts";
import type { SpeakerEvent } from "#core/speaker/event";
import type { Bequest } from "#drivers/files/bequest";
import type { RunRecord } from "#drivers/files/record";
import type { Left } from "#runtime/bgp/leaving";
import { LeftSessions } from "#runtime/bgp/left-sessions";
import type { Deadlines } from "#runtime/deadlines";
import type { AgentToWire } from "../../messages.ts";
import { Saving } from "../saving.ts";
import { BgpKnowledge, type RouteChanges } from "./knowledge.ts";
import type { BgpPort, BgpSurroundings, OpenBgp } from "./port.ts";
import { bgpStateStamp, bgpStateText, lifeIn, readBgpState, type SavedBgp } from "./state.ts";
import { readPeerWord } from "./state-words.ts";

/** Routes that are taken in one turn. */
const SLICE = 256;
const RECALL_PAUSE = millis(1);
/** How long peers keep routes without a session at most (`core/bgp-peers`), and how often this run says that it is alive. */
const LONGEST_ABSENCE = seconds(120);
const ALIVE_PAUSE = seconds(10);

/** How much later than the end the agent may hear that it is only this pod's: both come from the API server, by different ways. */
const LATE_WORD = seconds(1);

export type WireBgpParts = {
  readonly node: string;
  readonly deadlines: Deadlines;
  readonly openState: (onFailure: (detail: string) => void) => RunRecord;
  /** What the last run has left of BFD, and this one will. */
  readonly bequest: Bequest;
  readonly bootId: string;
  readonly now: () => Instant;
  /** Opens what talks to the peers. */
  readonly open: OpenBgp;
  readonly tell: (event: SpeakerEvent) => void;
} & Pick<BgpSurroundings, "bfd" | "links" | "onFacts">;

/**
 * What it is told to end for: `restart`, that another run follows at once; `unsaid`, nothing, so that the cluster's word
 * about this node and its pod counts.
 */
export type Ending = "restart" | "unsaid";

/** Messages that are about BGP. */
export type BgpMessage = Extract<AgentToWire, { type: `bgp-${string}` }>;

export class WireBgp {
  readonly #parts: WireBgpParts;
  readonly #knowledge = new BgpKnowledge();
  readonly #saving: Saving<SavedBgp>;
  readonly #port: BgpPort;
  /** Whether this node stays if it is told to end now, as was heard last; `undefined`: nobody who has seen the cluster has said so. */
  #node: "stays" | "goes" | undefined;
  /** Whether all is known: some agent of this run has told it, or an earlier run has left it. */
  #isComplete = false;

  constructor(parts: WireBgpParts) {
    this.#parts = parts;
    const { node, bootId, now, deadlines, openState, tell, bfd, links, onFacts } = parts;
    this.#saving = new Saving({
      ...{ subject: "what is on disk of BGP", deadlines, openState, tell },
      read: (text) => readBgpState(node, text),
      text: () => {
        const { peers = [] } = this.#knowledge;
        return bgpStateText(node, { peers, routes: this.#knowledge.routes() }, { at: now(), bootId });
      },
    });
    const start = this.#wasAlive() ? "again" : "fresh";
    const left = new LeftSessions(readEstate(parts.bequest.take(), bootId));
    this.#port = parts.open({ tell, onFacts, bfd, links, start, left });
  }

  /** Whether this node knows any peers, from an agent or from disk. */
  get isInformed(): boolean {
    return this.#knowledge.peers !== undefined;
  }

  facts(): BgpFacts {
    return this.#port.facts();
  }

  /** A new agent begins to tell. */
  begin(): void {
    this.#knowledge.begin();
  }

  onAgent(message: BgpMessage, now: Instant): void {
    switch (message.type) {
      case "bgp-peers":
        this.#setPeers(message.peers, now);
        break;
      case "bgp-routes":
        this.#route(this.#knowledge.route(message), now);
        break;
      case "bgp-stance":
        this.#node = message.node;
        break;
      case "bgp-complete":
        this.#parts.deadlines.set("bgp alone", undefined, () => {});
        this.#route({ changed: [], removed: this.#knowledge.end() }, now);
        this.#completed(now);
        break;
    }
  }

  /** Nobody has told everything for a while. What an earlier run knew is better than nothing. */
  goAlone(now: Instant): void {
    const saved = this.#isComplete ? undefined : this.#saving.load();
    if (saved === undefined) return;
    const { peers, routes } = saved;
    if (peers.length === 0) return;
    const detail = `${peers.length} BGP peer${peers.length === 1 ? "" : "s"}, ${routes.length} routes`;
    this.#parts.tell({ type: "speaker", change: "alone", detail });
    if (!this.isInformed) this.#setPeers(peers, now);
    this.#recall(routes, now);
  }

  /** Ends all sessions, for the next run if it was told that there will be one; calls back once, when that is over. */
  leave(ending: Ending, done: () => void): void {
    const { deadlines, now } = this.#parts;
    const isRestart = (): boolean => ending === "restart" || this.#node === "stays";
    const end = (): void => {
      // Nobody comes back on a node that is about to go, and peers would send to it until they forget.
      const reason = isRestart() ? "restart" : "shutdown";
      this.#port.leave((left) => {
        if (left !== undefined && left.sessions.length > 0) this.#bequeath(left);
        done();
      }, reason);
    };
    const { peers = [] } = this.#knowledge;
    if (isRestart() || peers.length === 0) end();
    else deadlines.set("bgp end", after(now(), LATE_WORD), end);
  }

  /** Interfaces or their addresses are others. */
  linksChanged(now: Instant): void {
    this.#port.linksChanged(now);
  }

  /** What waits for the disk is written at once. */
  save(): void {
    this.#saving.close();
    if (this.#isComplete) this.#saving.stamp(bgpStateStamp(this.#parts.now()));
    this.#parts.deadlines.set("bgp alive", undefined, () => {});
  }

  close(): void {
    this.#port.close();
  }

  /** Whether an earlier run on this start of the machine was alive so lately that peers may still have its routes. */
  #wasAlive(): boolean {
    const { bootId, now } = this.#parts;
    const past = lifeIn(this.#saving.found);
    if (past?.bootId !== bootId) return false;
    const silence = between(past.at, now());
    return silence >= 0 && silence < LONGEST_ABSENCE;
  }

  #bequeath(left: Left): void {
    const { bequest, bootId, tell } = this.#parts;
    const message = bequest.leave(estateText({ ...left, bootId }));
    if (message !== undefined)
      tell({ type: "write-failed", subject: "state on disk", reason: "disk", message });
  }

  /** Everything has been said to the peers' side, and is what the next run may go on from. */
  #completed(now: Instant): void {
    this.#isComplete = true;
    this.#port.complete();
    this.#saving.saveSoon(now);
    this.#stamp(now);
  }

  /** Says on disk, again and again, that this run is alive. */
  #stamp(now: Instant): void {
    this.#saving.stamp(bgpStateStamp(now));
    this.#parts.deadlines.set("bgp alive", after(now, ALIVE_PAUSE), (at) => this.#stamp(at));
  }

  /** As they would come back from disk, so that the same peers are the same text. */
  #setPeers(peers: readonly PeerWord[], now: Instant): void {
    const words = peers.map((peer) => readPeerWord(peer) ?? peer);
    if (!this.#knowledge.setPeers(words)) return;
    this.#port.setPeers(words, now);
    if (this.#isComplete) this.#saving.saveSoon(now);
  }

  #route(changes: RouteChanges, now: Instant): void {
    if (changes.changed.length + changes.removed.length === 0) return;
    this.#port.route(changes);
    // What is known in part must not take the place of what is on disk.
    if (this.#isComplete) this.#saving.saveSoon(now);
  }

  /** In parts: there may be thousands. An agent that begins to tell meanwhile knows better. */
  #recall(routes: readonly RouteWord[], now: Instant): void {
    this.#route(this.#knowledge.recall(routes.slice(0, SLICE)), now);
    const rest = routes.slice(SLICE);
    if (rest.length === 0) this.#completed(now);
    const next = rest.length > 0 ? after(now, RECALL_PAUSE) : undefined;
    this.#parts.deadlines.set("bgp alone", next, (at) => this.#recall(rest, at));
  }
}
