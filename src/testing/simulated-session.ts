/**
 * A signed BFD session as far as it matters to whoever watches its state: the three-way handshake, detection, news at once, one
 * packet a second while it is not up; and what keeps packets out that are old, were overtaken, or come from a program that started
 * anew: sequence numbers, and a discriminator that changes whenever the session goes down (`#core/bfd/session`). Packets are values;
 * negotiation is left out.
 */
import { after, type Duration, type Instant, instant, micros, seconds } from "#base/time";
import { reportOf } from "#core/liveness/report";
import type { SessionReport } from "#core/liveness/standing";
import type { Random } from "./random.ts";

type Name = "admin-down" | "down" | "init" | "up";
type Diagnostic = "none" | "detection-time-expired" | "neighbour-signalled-down" | "path-down";

/** What one end says. */
export type SessionPacket = {
  readonly state: Name;
  readonly diagnostic: Diagnostic;
  /** Discriminators: the sender's, and the receiver's as far as the sender knows it, else 0. */
  readonly mine: number;
  readonly yours: number;
  readonly sequence: number;
  /** After how many missing packets the sender wants to be called dead. */
  readonly multiplier: number;
};

/** What is known of the peer's sequence numbers, as in `#core/bfd/session`. */
type Received = { readonly sequence: number; readonly isFresh: boolean; readonly forgetAt: Instant };

const SLOW = seconds(1);
const WORD = 2 ** 32;

/** One end of a session. The caller sends a packet whenever a method says so. */
export class SimulatedSession {
  readonly #interval: Duration;
  #multiplier: number;
  readonly #random: Random;
  #mine: number;
  #sequence: number;
  #received: Received | undefined;
  #name: Name = "down";
  #diagnostic: Diagnostic = "none";
  #remote: SessionPacket | undefined;
  #heardAt: Instant = instant(0);
  #wasUp = false;

  constructor(
    { interval, multiplier }: { readonly interval: Duration; readonly multiplier: number },
    random: Random,
  ) {
    this.#interval = interval;
    this.#multiplier = multiplier;
    this.#random = random;
    this.#mine = this.#word();
    this.#sequence = this.#word();
  }

  /** The packet to send now. */
  nextPacket(now: Instant): SessionPacket {
    this.#forget(now);
    this.#sequence = (this.#sequence + 1) % WORD;
    return {
      ...{ state: this.#name, diagnostic: this.#diagnostic, mine: this.#mine, sequence: this.#sequence },
      ...{ yours: this.#remote?.mine ?? 0, multiplier: this.#multiplier },
    };
  }

  /** From the next packet on. */
  setMultiplier(multiplier: number): void {
    this.#multiplier = multiplier;
  }

  get report(): SessionReport | undefined {
    return reportOf({ name: this.#name, remote: this.#remote }, { wasUp: this.#wasUp });
  }

  /** Between two packets, before jitter; whoever leaves says so at the pace of an up session. */
  get interval(): Duration {
    return this.#name === "up" || this.#name === "admin-down" ? this.#interval : SLOW;
  }

  /** When the peer will have been silent for too long; `undefined` while there is none to miss. */
  get expireAt(): Instant | undefined {
    return this.#remote && after(this.#heardAt, this.#detectionTime(this.#remote));
  }

  /** Takes a packet; true if the peer is owed news. */
  hear(packet: SessionPacket, now: Instant): boolean {
    this.#forget(now);
    if (this.#name === "admin-down" || !this.#admits(packet, now)) return false;
    this.#remote = packet;
    this.#heardAt = now;
    if (packet.state === "admin-down")
      return this.#name !== "down" && this.#enter("down", "neighbour-signalled-down");
    if (this.#name === "down") {
      if (packet.state === "down") return this.#enter("init", this.#diagnostic);
      return packet.state === "init" && this.#enter("up", "none");
    }
    if (this.#name === "init") return packet.state !== "down" && this.#enter("up", "none");
    return packet.state === "down" && this.#enter("down", "neighbour-signalled-down");
  }

  /** Looks at the time; true if the peer is owed news. */
  expire(now: Instant): boolean {
    if (this.expireAt === undefined || now < this.expireAt) return false;
    this.#remote = undefined;
    return (this.#name === "up" || this.#name === "init") && this.#enter("down", "detection-time-expired");
  }

  /** Says that this end leaves. */
  leave(): void {
    this.#enter("admin-down", "none");
  }

  /** Says that this end is cut off. */
  fail(): void {
    if (this.#name !== "admin-down") this.#enter("down", "path-down");
  }

  #word(): number {
    return 1 + Math.floor(this.#random() * (WORD - 1));
  }

  #detectionTime({ state, multiplier }: SessionPacket): Duration {
    const pace = state === "up" || state === "admin-down" ? this.#interval : SLOW;
    return micros(multiplier * pace);
  }

  /** Whether a packet is for this session and may follow the last one; takes note of its number. */
  #admits(packet: SessionPacket, now: Instant): boolean {
    const { yours, state, sequence } = packet;
    const isFresh = yours === this.#mine;
    if (!isFresh && (yours !== 0 || state === "init" || state === "up")) return false;
    const before = this.#received;
    if (before !== undefined && (before.isFresh || !isFresh)) {
      const ahead = (sequence - before.sequence + WORD) % WORD;
      if (ahead === 0 || ahead > 3 * packet.multiplier) return false;
    }
    const forgetAt = after(now, micros(2 * this.#detectionTime(packet)));
    this.#received = { sequence, isFresh: isFresh || before?.isFresh === true, forgetAt };
    return true;
  }

  /** Twice the detection time after the last packet any number will do, of those who know the new name. */
  #forget(now: Instant): void {
    if (this.#remote !== undefined || this.#received === undefined || now < this.#received.forgetAt) return;
    this.#mine = this.#word();
    this.#received = undefined;
  }

  #enter(name: Name, diagnostic: Diagnostic): boolean {
    if (name === "down" && this.#name !== "down") {
      this.#mine = this.#word();
      this.#received &&= { ...this.#received, isFresh: false };
    }
    this.#name = name;
    this.#diagnostic = diagnostic;
    if (name === "up") this.#wasUp = true;
    return true;
  }
}
