/** The BFD sessions of this node with others: with whom liveness wants them, and what they say of each peer. */
import type { Instant } from "#base/time";
import type { SessionConfig } from "#core/bfd/config";
import type { Input, SessionState } from "#core/bfd/state";
import { reportOf } from "#core/liveness/report";
import type { SessionReport } from "#core/liveness/standing";
import type { BfdHub } from "#runtime/bfd/hub";

/** Another node, and how its session is to be. */
export type MeshPeer = { readonly node: string; readonly session: SessionConfig };

/** What this node says on every session: nothing special, that it goes on purpose, that it is cut off. */
export type Word = "staying" | "leaving" | "isolated";

export type MeshParts = {
  readonly hub: BfdHub;
  /** What the session of a node says of it; called when that changes. */
  readonly onReport: (node: string, report: SessionReport, now: Instant) => void;
  /** A packet of a peer came that counts: then, though it may be read only now. */
  readonly onHeard: (at: Instant) => void;
};

type Kept = {
  peer: MeshPeer;
  wasUp: boolean;
  report: SessionReport;
  /** When a packet of it came last that counts. */
  heardAt: Instant | undefined;
};

/** What peers take for the word that a node holds nothing (`#core/liveness/report`). */
const VACATED = { type: "failure", diagnostic: "path-down" } as const;
const UNKNOWN: SessionReport = { state: "unknown" };

/** Where a session's packets go and come from: another place is another session. */
const placeOf = ({ peer, localAddress, path }: SessionConfig): string =>
  `${peer} ${localAddress} ${path.type} ${path.type === "single-hop" ? path.link.index : ""}`;

const sameReport = (one: SessionReport, other: SessionReport): boolean =>
  one.state === other.state &&
  (one.state !== "down" || (other.state === "down" && one.cause === other.cause));

export class Mesh {
  readonly #parts: MeshParts;
  readonly #hub: BfdHub;
  readonly #keptByNode = new Map<string, Kept>();
  #word: Word = "staying";

  constructor(parts: MeshParts) {
    this.#parts = parts;
    this.#hub = parts.hub;
  }

  /** Keeps sessions with exactly these peers from now on. */
  setPeers(peers: readonly MeshPeer[], now: Instant): void {
    const wanted = new Map(peers.map((peer) => [peer.node, peer]));
    for (const [node, { peer }] of [...this.#keptByNode]) {
      const next = wanted.get(node);
      if (next === undefined || placeOf(next.session) !== placeOf(peer.session)) this.#drop(node);
    }
    for (const peer of peers) this.#keep(peer, now);
    this.#hub.open(now);
  }

  /** Says something on every session, and on those that come. */
  say(word: Word, now: Instant): void {
    if (this.#word === word) return;
    const input = this.#inputFor(word);
    this.#word = word;
    if (input === undefined) return;
    for (const node of this.#keptByNode.keys()) this.#hub.input(node, input, now);
  }

  /** Says on every session that this node holds nothing any more, once: they come up again by themselves. */
  vacate(now: Instant): void {
    if (this.#word !== "staying") return;
    for (const node of this.#keptByNode.keys()) this.#hub.input(node, VACATED, now);
  }

  /** Sends and reads what is due: to be called now and then by whoever keeps this thread for longer than packets may wait. */
  beat(now: Instant): void {
    this.#hub.beat(now);
  }

  /** Reads what is queued: call it before anything is concluded from silence. */
  drain(): void {
    this.#hub.drain();
  }

  /** What the session of a node says of it; `undefined` without a session. */
  report(node: string): SessionReport | undefined {
    return this.#keptByNode.get(node)?.report;
  }

  /** When a node was last heard; `undefined` if it never was, or has no session. */
  heardAt(node: string): Instant | undefined {
    return this.#keptByNode.get(node)?.heardAt;
  }

  /** Ends all at once, without a word. */
  close(): void {
    for (const node of [...this.#keptByNode.keys()]) this.#drop(node);
  }

  #inputFor(word: Word): Extract<Input, { type: "leave" | "return" | "failure" }> | undefined {
    if (word === "leaving") return { type: "leave" };
    if (this.#word === "leaving") return { type: "return" };
    return word === "isolated" ? VACATED : undefined;
  }

  #keep(peer: MeshPeer, now: Instant): void {
    const { node, session } = peer;
    const known = this.#keptByNode.get(node);
    if (known !== undefined) {
      known.peer = peer;
      this.#hub.configure(node, session, now);
      return;
    }
    const kept: Kept = { peer, wasUp: false, report: UNKNOWN, heardAt: undefined };
    const onHeard = (at: Instant): void => {
      kept.heardAt = at;
      this.#parts.onHeard(at);
    };
    const onState = (state: SessionState, _: unknown, at: Instant): void => this.#tell(kept, state, at);
    if (this.#hub.add(node, session, { onHeard, onState }, now).length > 0) return;
    this.#keptByNode.set(node, kept);
    if (this.#word === "leaving") this.#hub.input(node, { type: "leave" }, now);
  }

  #drop(node: string): void {
    this.#hub.remove(node);
    this.#keptByNode.delete(node);
  }

  #tell(kept: Kept, state: SessionState, now: Instant): void {
    if (state.name === "up") kept.wasUp = true;
    const report = reportOf(state, kept);
    if (report === undefined || sameReport(report, kept.report)) return;
    kept.report = report;
    this.#parts.onReport(kept.peer.node, report, now);
  }
}
