/**
 * Tells the other edge which clients are kept on which backend, for the addresses that this one holds, and puts what the
 * other tells of its own into the kernel.
 */
import type { IpAddress } from "#base/address";
import { after, between, type Duration, type Instant, micros, seconds } from "#base/time";
import type { Pin } from "#core/balance/pin";
import type { ForwardingPlan, ServerPlan } from "#core/balance/plan-model";
import type { Desired } from "#core/config/desired";
import type { Event } from "#core/observation/event";
import { acceptablePins, hearPeer, missOne, type Peer, type PinSyncState } from "#core/pin-sync/listener";
import { type PinDatagram, serverNumber } from "#core/pin-sync/packet";
import { createTeller } from "#core/pin-sync/teller";
import type { Balancer } from "#drivers/balance/port";
import type { DatagramPort } from "#drivers/datagram/port";
import type { Secret } from "#drivers/files/secret";
import type { Clock, Deadlines } from "#runtime/deadlines";
import { createPinLink, type LinkRefusal, type PinLink, type PinPath } from "./pin-link.ts";

/** Both sides greet each other so often. */
const PERIOD: Duration = seconds(1);
/** Reading takes at most one part in so many of the time. */
const SHARE = 20;
const SILENCE: Duration = seconds(6);
/** After the peer has missed something it is told everything again, this often at most. */
const FORGET_PAUSE: Duration = seconds(10);
/** Datagrams that wait for the kernel; what comes beyond counts as missed. */
const MOST_WAITING = 256;
const DEADLINE_ID = "pin-sync";

export type PinSync = {
  update(desired: Desired): void;
  /** A plan has come into force. */
  onApplied(plan: ForwardingPlan): void;
  /** Resolves when nothing is under way. */
  settled(): Promise<void>;
  close(): void;
};

type Parts = {
  readonly engine: Pick<Balancer, "pins" | "carrier">;
  readonly datagrams: DatagramPort;
  readonly clock: Pick<Clock, "now">;
  readonly deadlines: Deadlines;
  readonly emit: (event: Event) => void;
  /** Whether this edge holds a virtual address now. */
  readonly isHeld: (address: IpAddress) => boolean;
  /** A random number, 1..2^32-1; asked for once, when there is something to tell. */
  readonly session: () => number;
  /** Eight random bytes. */
  readonly nonce: () => Uint8Array;
  /** The secret in a file, or why there is none. */
  readonly readSecret: (path: string, purpose: string) => Secret | string;
};

/** The way for pins: beside that of conntrackd. */
const pathOf = ({ syncs: [sync], servers }: Desired): PinPath | undefined => {
  if (sync === undefined || servers.every(({ persistence }) => persistence === undefined)) return undefined;
  const { interface: device, address, peer, port, pinSecretFile } = sync;
  return { interface: device, address, peer, port: port + 1, secretFile: pinSecretFile };
};

/** What a peer is that says what nobody here can read. */
type Stranger = Extract<PinSyncState, "other-version" | "other-secret">;

const STRANGERS: Readonly<Partial<Record<LinkRefusal, Stranger>>> = {
  "other-version": "other-version",
  sealed: "other-secret",
  unsealed: "other-secret",
  forged: "other-secret",
};

const STRANGER_WORDS: Readonly<Record<Stranger, string>> = {
  "other-version": "runs another version of steelyard",
  "other-secret": "has another secret, or one of the two has none",
};

class LinkedPins implements PinSync {
  readonly #parts: Parts;
  readonly #teller = createTeller();
  readonly #link: PinLink;
  #path: PinPath | undefined;
  #state: PinSyncState = "in-sync";
  #peer: Peer | undefined;
  /** What the peer said last that it has missed of ours. */
  #missed = 0;
  #forgetAt: Instant | undefined;
  #forgotAt: Instant | undefined;
  /** Since when the peer could have been heard. */
  #awaitedSince: Instant;
  /** Servers whose pins we take. */
  #taken: ReadonlySet<string> = new Set();
  /** Who was heard that cannot be understood, and when. */
  #stranger: { readonly is: Stranger; readonly at: Instant } | undefined;
  #drawn: number | undefined;
  #sequence = 0;
  #readAt: Instant;
  #isReading = false;
  #serverByNumber: ReadonlyMap<number, ServerPlan> = new Map();
  #waiting = 0;
  #refusal: string | undefined;
  #writing: Promise<void> = Promise.resolve();
  #reading: Promise<void> = Promise.resolve();
  #closed = false;

  constructor(parts: Parts) {
    this.#parts = parts;
    this.#awaitedSince = parts.clock.now();
    this.#readAt = this.#awaitedSince;
    this.#link = createPinLink({
      ...parts,
      onDatagram: (datagram) => this.#onDatagram(datagram),
      onRefused: (reason) => this.#onRefused(reason),
    });
  }

  update(desired: Desired): void {
    const path = pathOf(desired);
    if (JSON.stringify(path) === JSON.stringify(this.#path)) return;
    this.#path = path;
    this.#link.close();
    this.#peer = undefined;
    this.#teller.forget();
    this.#state = "in-sync";
    this.#awaitedSince = this.#parts.clock.now();
    this.#schedule(path === undefined ? undefined : this.#awaitedSince);
  }

  onApplied({ servers }: ForwardingPlan): void {
    const { engine } = this.#parts;
    const kept = servers.filter(
      (server) => server.persistence !== undefined && engine.carrier(server).engine === "nftables",
    );
    this.#serverByNumber = new Map(kept.map((server) => [serverNumber(server.name), server]));
  }

  async settled(): Promise<void> {
    await this.#reading;
    await this.#writing;
  }

  close(): void {
    this.#closed = true;
    this.#schedule(undefined);
    this.#link.close();
  }

  #schedule(at: Instant | undefined): void {
    this.#parts.deadlines.set(DEADLINE_ID, at, this.#onTimer);
  }

  readonly #onTimer = (now: Instant): void => {
    this.#schedule(after(now, PERIOD));
    this.#open(now);
    this.#judge(now);
    if (!this.#isReading && this.#peer !== undefined && !this.#isSilent(now)) {
      if (now >= this.#readAt) this.#reading = this.#read(now);
      else this.#tell(now);
    }
    this.#askForMore();
    const heard = { session: this.#peer?.session ?? 0, missed: this.#peer?.missed ?? 0 };
    this.#send({ type: "hello", heard });
  };

  #isSilent(now: Instant): boolean {
    return between(this.#peer?.at ?? this.#awaitedSince, now) > SILENCE;
  }

  /** A silent socket may be bound to an interface that is no more: another is opened every few seconds. */
  #open(now: Instant): void {
    const link = this.#link;
    const isStale = this.#isSilent(now) && between(link.openedAt, now) > SILENCE;
    if (link.isOpen && (isStale || link.isOutdated(now))) link.close();
    if (link.isOpen || this.#path === undefined) return;
    const failed = link.open(this.#path, now);
    if (failed !== undefined) this.#become("unavailable", failed);
    else if (this.#state === "unavailable") this.#awaitedSince = now;
  }

  #judge(now: Instant): void {
    if (!this.#link.isOpen || this.#path === undefined) return;
    const { peer, port } = this.#path;
    if (!this.#isSilent(now)) {
      if (this.#peer === undefined) return;
      if (this.#refusal === undefined) this.#become("in-sync", `with ${peer} port ${port}`);
      else this.#become("refused", this.#refusal);
    } else if (this.#stranger !== undefined && between(this.#stranger.at, now) < SILENCE) {
      this.#become(this.#stranger.is, `${peer} ${STRANGER_WORDS[this.#stranger.is]}`);
    } else this.#become("peer-silent", `${peer} port ${port} is not heard`);
  }

  #become(state: PinSyncState, detail: string): void {
    if (state === this.#state) return;
    this.#state = state;
    this.#parts.emit({ type: "pin-sync", state, detail });
  }

  get #session(): number {
    this.#drawn ??= this.#parts.session();
    return this.#drawn;
  }

  #send(
    content:
      | Omit<PinDatagram & { type: "hello" }, "session" | "sequence">
      | Omit<PinDatagram & { type: "pins" }, "session" | "sequence">,
  ): void {
    this.#link.send({ ...content, session: this.#session, sequence: this.#sequence });
    if (content.type === "pins") this.#sequence += 1;
  }

  /** Reads the pins of what we hold, and begins to tell what the peer does not know. */
  async #read(now: Instant): Promise<void> {
    const { engine, clock } = this.#parts;
    this.#isReading = true;
    const held = this.#held();
    this.#forgetIfDue(now);
    this.#teller.keep(new Set(held.map(({ name }) => name)));
    this.#teller.begin(now);
    let cost = 0;
    for (const server of held) {
      const { name, persistence } = server;
      if (persistence === undefined) continue;
      const { timeout } = persistence;
      cost += (await engine.pins.read(server, (pin) => this.#teller.see({ name, timeout }, pin))) ?? 0;
    }
    this.#isReading = false;
    // Half a period early: this is not to be put off by a whole one when the timer is a moment late.
    this.#readAt = after(clock.now(), micros(Math.max(PERIOD / 2, cost * SHARE)));
    this.#tell(clock.now());
  }

  #held(): readonly ServerPlan[] {
    return [...this.#serverByNumber.values()].filter(({ address }) => this.#parts.isHeld(address));
  }

  /** As much as may be sent at once; the timer comes again for the rest. */
  #tell(now: Instant): void {
    const held = new Set(this.#held().map(({ name }) => name));
    for (const { server, pins } of this.#teller.take(now)) {
      if (held.has(server)) this.#send({ type: "pins", server: serverNumber(server), pins });
    }
  }

  #forgetIfDue(now: Instant): void {
    if (this.#forgetAt === undefined || now < this.#forgetAt) return;
    this.#forgetAt = undefined;
    this.#forgotAt = now;
    this.#teller.forget();
  }

  #onRefused(reason: LinkRefusal): void {
    const is = STRANGERS[reason];
    if (is !== undefined) this.#stranger = { is, at: this.#parts.clock.now() };
  }

  #onDatagram(datagram: PinDatagram): void {
    if (this.#closed) return;
    const now = this.#parts.clock.now();
    const before = this.#peer?.session;
    const { peer, isNews } = hearPeer(this.#peer, datagram, now);
    this.#peer = peer;
    if (!isNews) return;
    if (datagram.type === "pins") this.#take(datagram);
    else this.#answer(datagram, before !== peer.session, now);
  }

  /** A peer that is new, or that has missed something, is told everything. */
  #answer({ heard }: PinDatagram & { type: "hello" }, isNew: boolean, now: Instant): void {
    const hasMissed = heard.session === this.#session && heard.missed !== this.#missed;
    if (heard.session === this.#session) this.#missed = heard.missed;
    if (!isNew && !hasMissed) return;
    const soonest = this.#forgotAt === undefined ? now : after(this.#forgotAt, FORGET_PAUSE);
    this.#forgetAt ??= isNew || soonest < now ? now : soonest;
  }

  #take({ server: number, pins }: PinDatagram & { type: "pins" }): void {
    const server = this.#serverByNumber.get(number);
    // Who holds the address knows better.
    if (server === undefined || this.#parts.isHeld(server.address)) return;
    const acceptable = acceptablePins(server, pins);
    if (acceptable.length === 0) return;
    if (this.#waiting >= MOST_WAITING) {
      this.#miss();
      return;
    }
    this.#waiting += 1;
    this.#writing = this.#writing.then(() => this.#write(server, acceptable));
  }

  /** What the peer said of a server while we held its address we did not take. */
  #askForMore(): void {
    const servers = [...this.#serverByNumber.values()].filter(({ address }) => !this.#parts.isHeld(address));
    const taken = new Set(servers.map(({ name }) => name));
    if ([...taken].some((name) => !this.#taken.has(name))) this.#miss();
    this.#taken = taken;
  }

  /** Has the peer tell everything again. */
  #miss(): void {
    if (this.#peer !== undefined) this.#peer = missOne(this.#peer);
  }

  async #write(server: ServerPlan, pins: readonly Pin[]): Promise<void> {
    this.#waiting -= 1;
    // It may have become ours, or another, while this waited.
    const current = this.#serverByNumber.get(serverNumber(server.name));
    if (this.#closed || current === undefined || this.#parts.isHeld(current.address)) return;
    const failed = await this.#parts.engine.pins.write(current, pins);
    this.#refusal = failed === undefined ? undefined : `server ${server.name}: ${failed}`;
  }
}

/** Does nothing until `update` finds a `ConnectionSync` and a server that keeps its clients. */
export const createPinSync = (parts: Parts): PinSync => new LinkedPins(parts);
