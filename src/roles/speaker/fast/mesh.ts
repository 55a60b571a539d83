/**
 * The BFD sessions of this node: with whom liveness wants them, over the sockets, and what they say of each peer.
 *
 * A session whose socket cannot be opened stays and is silent; opening is tried again. One listener for each family and
 * kind of path serves all sessions.
 */
import { familyOf, type IpFamily } from "#base/address";
import { after, type Instant, seconds } from "#base/time";
import type { Datagram } from "#core/bfd/admission";
import type { Digest } from "#core/bfd/authentication";
import type { SessionConfig } from "#core/bfd/config";
import { Sessions, type SessionsEffect } from "#core/bfd/sessions";
import type { Input } from "#core/bfd/state";
import { reportOf } from "#core/liveness/report";
import type { SessionReport } from "#core/liveness/standing";
import type { BfdError, BfdListener, BfdPort, BfdSender } from "#drivers/bfd/port";
import type { Deadlines } from "#runtime/deadlines";

/** Another node, and how its session is to be. */
export type MeshPeer = { readonly node: string; readonly session: SessionConfig };

/** What this node says on every session: nothing special, that it goes on purpose, that it is cut off. */
export type Word = "staying" | "leaving" | "isolated";

export type MeshParts = {
  readonly bfd: BfdPort;
  readonly deadlines: Deadlines;
  readonly now: () => Instant;
  /** Numbers in [0, 1) that nobody can foresee. */
  readonly random: () => number;
  readonly digest: Digest;
  /** What the session of a node says of it; called when that changes. */
  readonly onReport: (node: string, report: SessionReport, now: Instant) => void;
  /** A packet of a peer came that counts. */
  readonly onHeard: (now: Instant) => void;
  /** A packet was dropped or not sent, or a socket not opened. */
  readonly count: (what: string) => void;
};

const RETRY = seconds(1);

type Kept = {
  peer: MeshPeer;
  sender: BfdSender | undefined;
  wasUp: boolean;
  report: SessionReport;
  /** When a packet of it came last that counts. */
  heardAt: Instant | undefined;
};

const UNKNOWN: SessionReport = { state: "unknown" };

/** Where a session's packets go and come from: another place is another session. */
const placeOf = ({ peer, localAddress, path }: SessionConfig): string =>
  `${peer} ${localAddress} ${path.type} ${path.type === "single-hop" ? path.link.index : ""}`;

const sameReport = (one: SessionReport, other: SessionReport): boolean =>
  one.state === other.state &&
  (one.state !== "down" || (other.state === "down" && one.cause === other.cause));

export class Mesh {
  readonly #parts: MeshParts;
  readonly #sessions: Sessions;
  readonly #keptByNode = new Map<string, Kept>();
  readonly #listeners = new Map<string, BfdListener>();
  #word: Word = "staying";

  constructor(parts: MeshParts) {
    this.#parts = parts;
    this.#sessions = new Sessions({ random: parts.random, digest: parts.digest });
  }

  /** Keeps sessions with exactly these peers from now on. */
  setPeers(peers: readonly MeshPeer[], now: Instant): void {
    const wanted = new Map(peers.map((peer) => [peer.node, peer]));
    for (const [node, { peer }] of [...this.#keptByNode]) {
      const next = wanted.get(node);
      if (next === undefined || placeOf(next.session) !== placeOf(peer.session)) this.#drop(node);
    }
    for (const peer of peers) this.#keep(peer, now);
    this.#openSockets(now);
    this.#schedule();
  }

  /** Says something on every session, and on those that come. */
  say(word: Word, now: Instant): void {
    if (this.#word === word) return;
    const input = this.#inputFor(word);
    this.#word = word;
    if (input === undefined) return;
    for (const node of this.#keptByNode.keys()) this.#perform(this.#sessions.input(node, input, now), now);
    this.#schedule();
  }

  /** Sends and reads what is due: to be called now and then by whoever keeps this thread for longer than packets may wait. */
  beat(now: Instant): void {
    const due = this.#sessions.deadline();
    if (due !== undefined && due <= now) this.#onTimer(now);
  }

  /** Reads what is queued: call it before anything is concluded from silence. */
  drain(): void {
    for (const listener of this.#listeners.values()) listener.drain();
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
    for (const listener of this.#listeners.values()) listener.close();
    this.#listeners.clear();
    this.#parts.deadlines.set("bfd", undefined, this.#onTimer);
    this.#parts.deadlines.set("bfd sockets", undefined, this.#onRetry);
  }

  #inputFor(word: Word): Extract<Input, { type: "leave" | "return" | "failure" }> | undefined {
    if (word === "leaving") return { type: "leave" };
    if (this.#word === "leaving") return { type: "return" };
    return word === "isolated" ? { type: "failure", diagnostic: "path-down" } : undefined;
  }

  #keep(peer: MeshPeer, now: Instant): void {
    const { node, session } = peer;
    const kept = this.#keptByNode.get(node);
    if (kept !== undefined) {
      kept.peer = peer;
      const { problems, effects } = this.#sessions.configure(node, session, now);
      for (const problem of problems) this.#parts.count(`bfd session ${node}: ${problem}`);
      this.#perform(effects, now);
      return;
    }
    const problems = this.#sessions.add(node, session, now);
    for (const problem of problems) this.#parts.count(`bfd session ${node}: ${problem}`);
    if (problems.length > 0) return;
    this.#keptByNode.set(node, {
      ...{ peer, sender: undefined, wasUp: false, report: UNKNOWN, heardAt: undefined },
    });
    if (this.#word === "leaving") this.#perform(this.#sessions.input(node, { type: "leave" }, now), now);
  }

  #drop(node: string): void {
    this.#sessions.remove(node);
    this.#keptByNode.get(node)?.sender?.close();
    this.#keptByNode.delete(node);
  }

  /** Opens what is missing; what is refused is tried again. */
  #openSockets(now: Instant): void {
    let isComplete = true;
    for (const { session } of [...this.#keptByNode.values()].map(({ peer }) => peer)) {
      if (!this.#listen(familyOf(session.peer), session.path.type)) isComplete = false;
    }
    for (const kept of this.#keptByNode.values()) {
      if (kept.sender !== undefined) continue;
      const { path, localAddress, peer } = kept.peer.session;
      const opened = this.#parts.bfd.openSender({ path, localAddress, peer });
      if (opened.ok) kept.sender = opened.value;
      else isComplete = this.#refused(opened.error);
    }
    const retryAt = isComplete ? undefined : after(now, RETRY);
    this.#parts.deadlines.set("bfd sockets", retryAt, this.#onRetry);
  }

  #refused({ operation, code }: BfdError): false {
    this.#parts.count(`bfd ${operation}: ${code}`);
    return false;
  }

  #listen(family: IpFamily, path: Datagram["path"]): boolean {
    const key = `${family} ${path}`;
    if (this.#listeners.has(key)) return true;
    const opened = this.#parts.bfd.listen({
      ...{ family, path },
      onDatagram: (datagram) => this.#onDatagram(datagram),
      onError: (error) => void this.#refused(error),
    });
    if (!opened.ok) return this.#refused(opened.error);
    this.#listeners.set(key, opened.value);
    return true;
  }

  #onDatagram(datagram: Datagram): void {
    const now = this.#parts.now();
    const effects = this.#sessions.receive(datagram, now);
    const counts = !effects.some(({ type }) => type === "drop");
    if (counts) this.#parts.onHeard(now);
    this.#perform(effects, now);
    for (const kept of this.#keptByNode.values()) {
      if (kept.peer.session.peer !== datagram.source) continue;
      if (counts) kept.heardAt = now;
      // A packet may change what its session says without moving it to another state.
      this.#tell(kept.peer.node, now);
    }
    this.#schedule();
  }

  readonly #onRetry = (now: Instant): void => this.#openSockets(now);

  readonly #onTimer = (now: Instant): void => {
    // A peer that spoke is believed before its silence is.
    this.drain();
    this.#perform(this.#sessions.elapse(now), now);
    for (const node of this.#keptByNode.keys()) this.#tell(node, now);
    this.#schedule();
  };

  #schedule(): void {
    this.#parts.deadlines.set("bfd", this.#sessions.deadline(), this.#onTimer);
  }

  #perform(effects: readonly SessionsEffect[], now: Instant): void {
    for (const effect of effects) {
      if (effect.type === "drop") this.#parts.count(`bfd-packet ${effect.reason}`);
      if (effect.type === "send") this.#send(effect.session, effect.payload, now);
      if (effect.type === "peer" || effect.type === "transition") this.#tell(effect.session, now);
    }
  }

  #send(node: string, payload: Uint8Array, now: Instant): void {
    const kept = this.#keptByNode.get(node);
    if (kept?.sender === undefined) return;
    const sent = kept.sender.send(payload);
    if (sent.ok) return;
    this.#refused(sent.error);
    // Its link or address may have gone and come back, which no socket outlives.
    kept.sender.close();
    kept.sender = undefined;
    this.#parts.deadlines.set("bfd sockets", after(now, RETRY), this.#onRetry);
  }

  #tell(node: string, now: Instant): void {
    const kept = this.#keptByNode.get(node);
    const state = this.#sessions.state(node);
    if (kept === undefined || state === undefined) return;
    if (state.name === "up") kept.wasUp = true;
    const report = reportOf(state, kept);
    if (report === undefined || sameReport(report, kept.report)) return;
    kept.report = report;
    this.#parts.onReport(node, report, now);
  }
}
