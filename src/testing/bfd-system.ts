/** Two systems with BFD sessions on a bad path: each has a clock of its own, and may freeze, die and begin anew. */
import { createHash } from "node:crypto";
import type { IpAddress } from "#base/address";
import { after, type Duration, type Instant, instant, micros } from "#base/time";
import type { Digest } from "#core/bfd/authentication";
import type { SessionConfig } from "#core/bfd/config";
import type { PeerEvent } from "#core/bfd/observe";
import { type DropReason, Sessions, type SessionsEffect } from "#core/bfd/sessions";
import type { SessionState } from "#core/bfd/state";
import type { Cancel, Clock } from "./clock.ts";
import { integerBetween, type Random } from "./random.ts";

/** The hash functions that authentication needs. */
export const digest: Digest = (algorithm, bytes) => createHash(algorithm).update(bytes).digest();

/** One direction of the path. */
type Direction = {
  /** Whether a packet is lost; asked for each. */
  loses: (payload: Uint8Array) => boolean;
  minimumDelay: Duration;
  maximumDelay: Duration;
};

/** A direction that loses nothing and takes 100 us. */
const perfectDirection = (): Direction => ({
  loses: () => false,
  minimumDelay: micros(100),
  maximumDelay: micros(100),
});

/** An event and when it happened, by everybody's clock. */
type Happening = { readonly at: Instant; readonly event: PeerEvent };

type Options = {
  readonly config: SessionConfig;
  /** Local microseconds for each of everybody's. */
  readonly clockRate: number;
  /** How late its timers may be. */
  readonly lateness: Duration;
};

const NAME = "peer";

/** One of the two. `out` is the direction to the other one. */
export class BfdSystem {
  readonly options: Options;
  readonly out: Direction = perfectDirection();
  happenings: Happening[] = [];
  drops: DropReason[] = [];
  /** When a packet was last delivered to it, by everybody's clock. */
  deliveredAt: Instant = instant(0);
  /** Called after each step. */
  onStep: () => void = () => {};
  #peer: BfdSystem | undefined;
  #power: "off" | "running" | "frozen" = "off";
  #sessions: Sessions | undefined;
  #queue: Uint8Array[] = [];
  #cancel: Cancel = () => {};
  readonly #clock: Clock;
  readonly #random: Random;

  constructor(options: Options, clock: Clock, random: Random) {
    this.options = options;
    this.#clock = clock;
    this.#random = random;
  }

  /** Lets two systems talk. */
  connect(peer: BfdSystem): void {
    this.#peer = peer;
    peer.#peer = this;
  }

  /** Its only session; `undefined` while it is off. */
  get state(): SessionState | undefined {
    return this.#sessions?.state(NAME);
  }

  get isUp(): boolean {
    return this.state?.name === "up";
  }

  start(): void {
    if (this.#power !== "off") return;
    this.#power = "running";
    this.#sessions = new Sessions({ random: this.#random, digest });
    this.#sessions.add(NAME, this.options.config, this.#now());
    this.#arm();
  }

  crash(): void {
    this.#power = "off";
    this.#sessions = undefined;
    this.#queue = [];
    this.#cancel();
    this.onStep();
  }

  freeze(): void {
    if (this.#power === "running") this.#power = "frozen";
    this.#cancel();
  }

  /** Reads what is queued, then looks at the time, as a driver must. */
  thaw(): void {
    if (this.#power !== "frozen") return;
    this.#power = "running";
    for (const payload of this.#queue.splice(0)) this.deliver(payload);
    this.#elapse();
  }

  input(type: "leave" | "return"): void {
    if (this.#power === "running") this.#perform(this.#sessions?.input(NAME, { type }, this.#now()));
  }

  /** A packet arrives, from the peer or from whoever pretends to be it. */
  deliver(payload: Uint8Array): void {
    if (this.#power === "frozen") this.#queue.push(payload);
    if (this.#power !== "running") return;
    this.deliveredAt = this.#clock.now;
    const { peer, localAddress, path } = this.options.config;
    const datagram = {
      ...{ payload, source: peer, destination: localAddress, hopLimit: 255, path: path.type },
      ...{ linkIndex: path.type === "single-hop" ? path.link.index : 9, waited: micros(0) },
    };
    this.#perform(this.#sessions?.receive(datagram, this.#now()));
  }

  #now(): Instant {
    return instant(Math.floor(this.#clock.now * this.options.clockRate));
  }

  #elapse(): void {
    if (this.#power === "running") this.#perform(this.#sessions?.elapse(this.#now()));
  }

  #arm(): void {
    this.#cancel();
    const due = this.#sessions?.deadline();
    if (due === undefined) return;
    const at = instant(Math.ceil(due / this.options.clockRate));
    const late = micros(integerBetween(this.#random, 0, this.options.lateness));
    const wake = instant(Math.max(after(at, late), this.#clock.now));
    this.#cancel = this.#clock.schedule(wake, () => this.#elapse());
  }

  #perform(effects: readonly SessionsEffect[] = []): void {
    for (const effect of effects) {
      if (effect.type === "send") this.#send(effect.payload);
      if (effect.type === "peer") this.happenings.push({ at: this.#clock.now, event: effect.event });
      if (effect.type === "drop") this.drops.push(effect.reason);
    }
    this.#arm();
    this.onStep();
  }

  #send(payload: Uint8Array): void {
    if (this.out.loses(payload)) return;
    const delay = micros(integerBetween(this.#random, this.out.minimumDelay, this.out.maximumDelay));
    this.#clock.schedule(after(this.#clock.now, delay), () => this.#peer?.deliver(payload));
  }
}

/** A session to `peer` over one hop: 50 ms both ways, multiplier 3, active, no authentication. */
export const bfdSession = (
  peer: IpAddress,
  localAddress: IpAddress,
  overrides: Partial<SessionConfig> = {},
): SessionConfig => ({
  peer,
  localAddress,
  path: { type: "single-hop", link: { index: 2, name: "eth0" } },
  desiredMinTxInterval: micros(50_000),
  requiredMinRxInterval: micros(50_000),
  detectMultiplier: 3,
  role: "active",
  ...overrides,
});
