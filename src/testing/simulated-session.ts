/**
 * A BFD session as far as it matters to whoever watches its state: the three-way handshake, detection, news at once, one
 * packet a second while it is not up. Packets are values; negotiation and authentication are left out.
 */
import { after, type Duration, type Instant, instant, micros, seconds } from "#base/time";
import { reportOf } from "#core/liveness/report";
import type { SessionReport } from "#core/liveness/standing";

type Name = "admin-down" | "down" | "init" | "up";
type Diagnostic = "none" | "detection-time-expired" | "neighbour-signalled-down" | "path-down";

/** What one end says. */
export type SessionPacket = { readonly state: Name; readonly diagnostic: Diagnostic };

const SLOW = seconds(1);

/** One end of a session. The caller sends a packet whenever a method says so. */
export class SimulatedSession {
  readonly #interval: Duration;
  readonly #multiplier: number;
  #name: Name = "down";
  #diagnostic: Diagnostic = "none";
  #remote: SessionPacket | undefined;
  #heardAt: Instant = instant(0);
  #wasUp = false;

  constructor(interval: Duration, multiplier: number) {
    this.#interval = interval;
    this.#multiplier = multiplier;
  }

  get packet(): SessionPacket {
    return { state: this.#name, diagnostic: this.#diagnostic };
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
    if (this.#remote === undefined) return undefined;
    const { state } = this.#remote;
    const pace = state === "up" || state === "admin-down" ? this.#interval : SLOW;
    return after(this.#heardAt, micros(this.#multiplier * pace));
  }

  /** Takes a packet; true if the peer is owed news. */
  hear(packet: SessionPacket, now: Instant): boolean {
    if (this.#name === "admin-down") return false;
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

  #enter(name: Name, diagnostic: Diagnostic): boolean {
    this.#name = name;
    this.#diagnostic = diagnostic;
    if (name === "up") this.#wasUp = true;
    return true;
  }
}
