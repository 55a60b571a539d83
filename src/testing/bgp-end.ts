/**
 * One end of a BGP session on a simulated network: the real machine and codec, and a caller that does what it asks for and is strict about it.
 */
import { assert } from "#base/assert";
import { after, type Instant } from "#base/time";
import { decodeMessage } from "#core/bgp/message/decode";
import { encodeKeepalive, encodeNotification, encodeOpen } from "#core/bgp/message/encode";
import type { Keepalive, Notification, Open } from "#core/bgp/message/message";
import type { SessionConfig } from "#core/bgp/session/config";
import type { Effect } from "#core/bgp/session/effect";
import type { ConnectionId, Direction, Input, StopReason } from "#core/bgp/session/input";
import { deadline, INITIAL, step } from "#core/bgp/session/machine";
import {
  connectionsOf,
  establishedOf,
  type SessionName,
  type SessionState,
  sessionName,
} from "#core/bgp/session/state";
import { inWords } from "./bgp-session.ts";
import type { Cancel } from "./clock.ts";
import type { Random } from "./random.ts";
import type { EndEvents, SimulatedTcp, TcpEnd } from "./simulated-tcp.ts";

type End = TcpEnd<Uint8Array>;

const encode = (message: Open | Notification | Keepalive): Uint8Array => {
  if (message.type === "open") return encodeOpen(message);
  return message.type === "notification" ? encodeNotification(message) : encodeKeepalive();
};

/** One speaker. */
export class BgpEnd {
  readonly host: number;
  readonly config: SessionConfig;
  readonly #peer: number;
  readonly #network: SimulatedTcp<Uint8Array>;
  readonly #random: Random;
  #state: SessionState = INITIAL;
  #power: "off" | "running" | "frozen" = "off";
  #hasBeenUp = false;
  /** What happens to a frozen process is found by it later, in order. */
  #missed: (() => void)[] = [];
  readonly #endById = new Map<ConnectionId, End>();
  /** What the kernel has, and a frozen process does not know of yet. */
  readonly #unseen = new Set<End>();
  #lastId = 0;
  #cancelTimer: Cancel = () => {};
  #cancelAttempt: Cancel | undefined;
  /** The connection that is up, as the effects say. */
  #up: ConnectionId | undefined;
  /** What was done so far, in words. */
  log: string[] = [];
  /** How often a session was established, and how often one ended. */
  ups = 0;
  downs = 0;

  constructor(
    host: number,
    config: SessionConfig,
    {
      peer,
      network,
      random,
    }: { readonly peer: number; readonly network: SimulatedTcp<Uint8Array>; readonly random: Random },
  ) {
    this.host = host;
    this.#peer = peer;
    this.config = config;
    this.#network = network;
    this.#random = random;
  }

  get name(): SessionName {
    return sessionName(this.#state);
  }

  get state(): SessionState {
    return this.#state;
  }

  /** The connection that the session is established on. */
  get established(): End | undefined {
    const established = establishedOf(this.#state);
    return established === undefined ? undefined : this.#endById.get(established.id);
  }

  get now(): Instant {
    return this.#network.clock.now;
  }

  /** Connections that are open, as this process sees it. */
  get connections(): readonly End[] {
    return [...this.#endById.values()];
  }

  /** Starts the process from nothing, if it is off. */
  start(): void {
    if (this.#power !== "off") return;
    this.#power = "running";
    this.#state = INITIAL;
    this.#network.power(this.host, true);
    this.#network.listen(this.host, (end) => this.#adopt(end, "incoming"));
    this.input({ type: "start", isRestarting: this.#hasBeenUp && this.#random() < 0.5 });
  }

  /** Begins anew with a session that was stopped. */
  begin(): void {
    this.input({ type: "start", isRestarting: false });
  }

  stop(reason: StopReason): void {
    this.input({ type: "stop", reason });
  }

  /** Ends the process: the kernel closes what it had. */
  crash(): void {
    this.#die((end) => end.abandon());
  }

  /** Ends the whole machine: it answers nothing any more. */
  losePower(): void {
    this.#die((end) => end.vanish());
    this.#network.power(this.host, false);
  }

  #die(leave: (end: End) => void): void {
    if (this.#power === "off") return;
    this.#power = "off";
    this.#cancelTimer();
    this.#cancelAttempt?.();
    this.#cancelAttempt = undefined;
    this.#network.listen(this.host, undefined);
    for (const end of [...this.#endById.values(), ...this.#unseen]) leave(end);
    this.#unseen.clear();
    this.#endById.clear();
    this.#missed = [];
    this.#up = undefined;
    this.#state = INITIAL;
  }

  /** As SIGSTOP: the kernel goes on taking connections and bytes. */
  freeze(): void {
    if (this.#power !== "running") return;
    this.#power = "frozen";
    this.#cancelTimer();
  }

  /** As SIGCONT: reads what is queued, then looks at the time, as a driver must. */
  thaw(): void {
    if (this.#power !== "frozen") return;
    this.#power = "running";
    for (const happen of this.#missed.splice(0)) happen();
    this.input({ type: "timer" });
  }

  /** Now, or once the process runs again. */
  #happen(action: () => void): void {
    if (this.#power === "running") action();
    if (this.#power === "frozen") this.#missed.push(action);
  }

  /** Steps the machine, unless the process is off or frozen. */
  input(input: Input): void {
    if (this.#power !== "running") return;
    // What came for a connection before the machine closed it is not for the machine any more.
    if ("connection" in input && !this.#endById.has(input.connection)) return;
    const { state, effects } = step(this.config, this.#state, input, {
      now: this.now,
      jitter: this.#random(),
    });
    if (input.type === "closed") this.#endById.delete(input.connection);
    if (input.type === "connect-failed" || (input.type === "connected" && input.direction === "outgoing")) {
      this.#cancelAttempt = undefined;
    }
    this.#state = state;
    for (const effect of effects) this.#perform(effect);
    const due = deadline(state) ?? Infinity;
    assert(input.type !== "timer" || due > this.now, "what was due is due again", state);
    this.#check();
    this.#arm();
  }

  #check(): void {
    const connections = connectionsOf(this.#state);
    assert(connections.length <= 2, "more than two connections", this.#state);
    assert(connections.filter(({ name }) => name === "established").length <= 1, "two are established");
    assert(establishedOf(this.#state)?.id === this.#up, "up and down do not say what is", this.log);
    const known = connections.map(({ id }) => id).sort();
    assert(
      known.join() === [...this.#endById.keys()].sort().join(),
      "connections are left over or missing",
      this.log,
    );
    const isDialling = this.#state.type === "running" && this.#state.outgoing.name === "connect";
    assert(
      isDialling === (this.#cancelAttempt !== undefined),
      "an attempt is left over or missing",
      this.log,
    );
  }

  #arm(): void {
    this.#cancelTimer();
    const due = deadline(this.#state);
    if (due === undefined) return;
    // Timers are late.
    const at = after(due, this.#network.delay());
    this.#cancelTimer = this.#network.clock.schedule(at, () => this.input({ type: "timer" }));
  }

  #perform(effect: Effect): void {
    const isKeepalive = effect.type === "send" && effect.message.type === "keepalive";
    if (!isKeepalive) this.log.push(`${this.now / 1_000_000} ${inWords(effect)}`);
    if (this.log.length > 200) this.log = this.log.slice(-100);
    switch (effect.type) {
      case "connect":
        this.#connect();
        return;
      case "abort-connect":
        assert(this.#cancelAttempt !== undefined, "no attempt to abort", this.log);
        this.#cancelAttempt();
        this.#cancelAttempt = undefined;
        return;
      case "send":
        this.#write(effect.connection, (end) => end.send(encode(effect.message)));
        return;
      case "close":
        this.#write(effect.connection, (end) => end.close());
        this.#endById.delete(effect.connection);
        return;
      case "up":
        assert(this.#up === undefined, "up twice", this.log);
        this.#end(effect.connection);
        this.#up = effect.connection;
        this.#hasBeenUp = true;
        this.ups += 1;
        return;
      case "down":
        assert(this.#up === effect.connection, "down without up", this.log);
        this.#up = undefined;
        this.downs += 1;
        return;
      default:
        return;
    }
  }

  #end(id: ConnectionId): End {
    const end = this.#endById.get(id);
    assert(end !== undefined, "a connection that is gone", this.log);
    return end;
  }

  /** A connection may be closed already without the machine having been told: it was frozen. */
  #write(id: ConnectionId, write: (end: End) => void): void {
    const end = this.#end(id);
    if (end.isOpen) write(end);
  }

  #connect(): void {
    assert(this.#cancelAttempt === undefined, "two attempts at once", this.log);
    let isAborted = false;
    const cancel = this.#network.connect(this.host, this.#peer, {
      onConnected: (end) => this.#adopt(end, "outgoing", () => isAborted),
      onFailed: (reason) =>
        this.#happen(() => {
          if (!isAborted) this.input({ type: "connect-failed", reason });
        }),
    });
    this.#cancelAttempt = () => {
      isAborted = true;
      cancel();
    };
  }

  #hear(connection: ConnectionId, bytes: Uint8Array): void {
    const heard = decodeMessage(bytes, { hasFourOctetAsn: true, kind: undefined });
    assert(heard.ok, "two of a kind do not understand each other", this.log);
    this.input({ type: "message", connection, message: heard.value });
  }

  #adopt(end: End, direction: Direction, isAborted = () => false): EndEvents<Uint8Array> {
    this.#lastId += 1;
    const connection = this.#lastId;
    this.#unseen.add(end);
    this.#happen(() => {
      this.#unseen.delete(end);
      if (isAborted()) return end.abandon();
      this.#endById.set(connection, end);
      this.input({ type: "connected", connection, direction });
    });
    return {
      onMessage: (bytes) => this.#happen(() => this.#hear(connection, bytes)),
      onClosed: (reason) => this.#happen(() => this.input({ type: "closed", connection, reason })),
    };
  }
}
