/**
 * The self-probe: asks, as another machine of the link would, for addresses that other nodes hold.
 *
 * It puts together, and decides nothing itself: `#core/reachability` (what is asked when, and what it means), `probes-links.ts`
 * (from where), `probes-sockets.ts` (the wire). Frames and segments are made by hand: this node's kernel would send a
 * connection to such an address straight to a backend.
 */
import type { IpAddress, IpFamily } from "#base/address";
import { unreachable } from "#base/assert";
import type { MacAddress } from "#base/mac";
import { after, type Duration, type Instant, micros, millis } from "#base/time";
import { gridPoint } from "#core/health/schedule";
import {
  deadline,
  type Effect,
  type Input,
  initialState,
  intervalFor,
  PROBE_DEFAULTS,
  type ProbeConfig,
  type State,
  step,
  type Verdict,
} from "#core/reachability/machine";
import type { SpeakerEvent } from "#core/speaker/event";
import { encodeReset, encodeSyn } from "#core/tcp/segment";
import type { NetlinkPort } from "#drivers/netlink/port";
import type { HeardFrame } from "#drivers/packet/responder-port";
import type { Deadlines } from "#runtime/deadlines";
import type { ProbeDuty } from "../messages.ts";
import { type Attempt, Hearing, isSameAttempt } from "./probes-hearing.ts";
import { type Place, Places } from "./probes-links.ts";
import { type ProbePackets, ProbeSockets } from "./probes-sockets.ts";

export type ProbesParts = {
  readonly packets: ProbePackets;
  readonly netlink: Pick<NetlinkPort, "links" | "addresses" | "routeTo">;
  readonly deadlines: Deadlines;
  readonly now: () => Instant;
  /** 0 or more, less than 1; nobody may be able to guess it. */
  readonly random: () => number;
  /**
   * Whether an answer for an address would mean something: not while this node holds it itself, nor while it hears nobody
   * at all. Where not, the verdict is `unknown`.
   */
  readonly mayAsk: (address: IpAddress) => boolean;
  /** Whether a machine is known to be no node of the cluster. */
  readonly isStranger: (mac: MacAddress) => boolean;
  /** What the last round came to, whenever that is another outcome than before, or another machine. */
  readonly onVerdict: (address: IpAddress, verdict: Verdict) => void;
  readonly tell: (event: SpeakerEvent) => void;
  readonly count: (what: string) => void;
};

type Probe = {
  readonly address: IpAddress;
  /** In the deadlines. */
  readonly id: string;
  readonly run: (now: Instant) => void;
  readonly port: number | undefined;
  state: State;
  /** From where this round asks. */
  place: Place | undefined;
  /** What was begun in this round. */
  attempt: Attempt | undefined;
  /** How many handshakes there were, from anywhere on. */
  turn: number;
};

/** The kernel tells of many changes at once; nothing here is in a hurry. */
const LOOK_PAUSE = millis(500);

/** What is due within this time is done together, at its end: to wake up, here and where it is heard, costs more than a question. */
const LONGEST_BEAT: Duration = millis(200);
/** The same for rounds that are expected to find what those before them have found. */
const ROUTINE_BEAT: Duration = millis(500);
/** Addresses whose rounds begin together, more or less, however often each is asked for. */
const TOGETHER = 8;

/** The beat of one of so many addresses. */
const beatFor = (
  { config, state: { phase, verdict } }: { readonly config: ProbeConfig; readonly state: State },
  addresses: number,
): Duration => {
  const isRoutine = phase.name === "waiting" && verdict.type === "reachable";
  const [longest, interval] = isRoutine
    ? [ROUTINE_BEAT, config.interval]
    : [LONGEST_BEAT, PROBE_DEFAULTS.interval];
  return micros(Math.min(longest, Math.ceil((TOGETHER * interval) / Math.max(1, addresses))));
};

/** How addresses are asked for: those with a port to connect to, and those without. */
const configsFor = (interval: Duration): { readonly [kind in "port" | "portless"]: ProbeConfig } => {
  const { timeout } = PROBE_DEFAULTS;
  return { port: { interval, timeout, connects: true }, portless: { interval, timeout, connects: false } };
};

/** Who answered; "" where that is nobody, or not one machine. */
const macOf = (verdict: Verdict): string => {
  if (verdict.type === "unknown") return "";
  if (verdict.type === "reachable") return verdict.mac;
  return "mac" in verdict.obstacle ? verdict.obstacle.mac : "";
};

export class Probes {
  readonly #parts: ProbesParts;
  readonly #places: Places;
  readonly #sockets: ProbeSockets;
  readonly #hearing: Hearing;
  readonly #probes = new Map<IpAddress, Probe>();
  #configs = configsFor(PROBE_DEFAULTS.interval);
  #hasLooked = false;
  #looksSoon = false;

  constructor(parts: ProbesParts) {
    const { packets, netlink, count } = parts;
    this.#parts = parts;
    this.#places = new Places(netlink);
    this.#hearing = new Hearing(count);
    this.#sockets = new ProbeSockets({
      ...{ packets, count },
      onFrame: (linkIndex, family, frame) => this.#onFrame(linkIndex, family, frame),
      onSegment: (packet) => this.#onSegment(packet),
    });
  }

  /** Asks for exactly these from now on. What is known of those that stay is kept. */
  setDuties(duties: readonly ProbeDuty[], now: Instant): void {
    if (!this.#hasLooked && duties.length > 0) this.#look(now);
    const portByAddress = new Map(duties.map(({ address, port }) => [address, port]));
    // Rounds that are due come as they were; those after them at another pace.
    this.#configs = configsFor(intervalFor(portByAddress.size));
    let changed = false;
    for (const probe of [...this.#probes.values()]) {
      if (portByAddress.has(probe.address)) continue;
      this.#forget(probe);
      changed = true;
    }
    for (const [address, port] of portByAddress) {
      const known = this.#probes.get(address);
      if (known !== undefined && known.port === port) continue;
      this.#begin(address, port, now);
      changed ||= known === undefined;
    }
    if (changed) this.#sockets.setAddresses(this.#probes.keys());
  }

  /** Links or addresses of this node are others than before. */
  linksChanged(now: Instant): void {
    if (this.#looksSoon || !this.#hasLooked) return;
    this.#looksSoon = true;
    this.#parts.deadlines.set("probes", after(now, LOOK_PAUSE), (at) => this.#look(at));
  }

  /** Reads what is queued. */
  drain(): void {
    this.#sockets.drain();
  }

  /** Ends at once, without a word. */
  close(): void {
    const { deadlines } = this.#parts;
    deadlines.set("probes", undefined, () => {});
    for (const { id, run } of this.#probes.values()) deadlines.set(id, undefined, run);
    this.#probes.clear();
    this.#sockets.close();
  }

  #look(now: Instant): void {
    this.#looksSoon = false;
    this.#hasLooked = true;
    if (this.#places.look()) this.#sockets.keep((link) => this.#places.has(link));
    else {
      this.#parts.count("prober read links");
      this.linksChanged(now);
    }
  }

  #configOf({ port }: Pick<Probe, "port">): ProbeConfig {
    return port === undefined ? this.#configs.portless : this.#configs.port;
  }

  /** One whose port is another than before goes on from what is known until it is asked for again. */
  #begin(address: IpAddress, port: number | undefined, now: Instant): void {
    const known = this.#probes.get(address);
    const fresh = initialState(address, this.#configOf({ port }), now);
    // Not spread from others, which costs each of thousands some room.
    const probe: Probe = {
      address,
      id: `probe ${address}`,
      run: (at) => this.#onTimer(probe, at),
      port,
      state: known === undefined ? fresh : { ...known.state, phase: fresh.phase },
      place: undefined,
      attempt: undefined,
      turn: known?.turn ?? Math.floor(this.#parts.random() * 0x1_0000),
    };
    if (known !== undefined) this.#takeBack(known);
    this.#probes.set(address, probe);
    this.#schedule(probe);
  }

  #schedule(probe: Probe): void {
    const { id, state, run } = probe;
    const config = this.#configOf(probe);
    const beat = { interval: beatFor({ config, state }, this.#probes.size), phase: micros(0) };
    this.#parts.deadlines.set(id, gridPoint(beat, deadline(config, state)), run);
  }

  /** Nobody keeps for bad what is not looked after any more. */
  #forget(probe: Probe): void {
    this.#takeBack(probe);
    this.#probes.delete(probe.address);
    this.#places.forget(probe.address);
    this.#parts.deadlines.set(probe.id, undefined, probe.run);
    this.#tell(probe, probe.state.verdict, { type: "unknown" });
  }

  #onTimer(probe: Probe, now: Instant): void {
    if (probe.state.phase.name !== "waiting") this.drain();
    this.#give(probe, { type: this.#parts.mayAsk(probe.address) ? "timer" : "unable" }, now);
  }

  #give(probe: Probe, input: Input, now: Instant): void {
    const { address } = probe;
    const config = this.#configOf(probe);
    const before = probe.state;
    const { isStranger } = this.#parts;
    const { state, effects } = step({ name: address, config, isStranger }, before, input, now);
    probe.state = state;
    let isAble = true;
    for (const effect of effects) isAble = this.#perform(probe, effect) && isAble;
    if (state.phase.name === "waiting") probe.attempt = undefined;
    const isNews =
      effects.some(({ type }) => type === "tell") || macOf(state.verdict) !== macOf(before.verdict);
    if (isNews) this.#parts.onVerdict(address, state.verdict);
    if (isAble) this.#schedule(probe);
    // What was not sent is no question, so silence is no answer.
    else this.#give(probe, { type: "unable" }, now);
  }

  /** Gives false for a question that could not be asked. */
  #perform(probe: Probe, effect: Effect): boolean {
    switch (effect.type) {
      case "resolve":
        probe.attempt = undefined;
        probe.place = this.#places.of(probe.address);
        if (probe.place === undefined) this.#parts.count("prober has no interface for an address");
        return probe.place !== undefined && this.#sockets.ask(probe.place, probe.address);
      case "connect": {
        const { place } = probe;
        if (place === undefined || probe.port === undefined) return false;
        // A segment that is sent again is the same, as TCP's own would be: a late answer counts.
        probe.attempt ??= this.#newAttempt(probe, place, probe.port);
        const { flow, sequence } = probe.attempt;
        return this.#sockets.send(place, effect.mac, encodeSyn(flow, sequence));
      }
      case "reset":
        if (probe.place !== undefined && probe.attempt !== undefined) {
          const { flow, sequence } = probe.attempt;
          this.#sockets.send(probe.place, effect.mac, encodeReset(flow, sequence));
        }
        return true;
      case "tell":
        this.#tell(probe, effect.from, effect.to);
        return true;
      default:
        return unreachable(effect);
    }
  }

  #newAttempt(probe: Probe, { source }: Place, destinationPort: number): Attempt {
    probe.turn += 1;
    const sourcePort = this.#sockets.portFor(probe.turn);
    const sequence = Math.floor(this.#parts.random() * 0x1_0000_0000);
    return { flow: { source, destination: probe.address, sourcePort, destinationPort }, sequence };
  }

  /** Leaves no handshake half done behind. */
  #takeBack(probe: Probe): void {
    const { phase } = probe.state;
    if (phase.name === "connecting") this.#perform(probe, { type: "reset", mac: phase.mac });
  }

  /** That it was begun to ask, or cannot be asked for a while, is told to nobody: thousands of addresses change hands at once. */
  #tell({ address }: Probe, from: Verdict, to: Verdict): void {
    if (from.type !== "unreachable" && to.type !== "unreachable") return;
    const obstacle = to.type === "unreachable" ? { obstacle: to.obstacle.type } : {};
    this.#parts.tell({ type: "reachability", address, from: from.type, to: to.type, ...obstacle });
  }

  #onFrame(linkIndex: number, family: IpFamily, frame: HeardFrame): void {
    const now = this.#parts.now();
    const heard = this.#hearing.frame(family, frame, now);
    const probe = heard === undefined ? undefined : this.#probes.get(heard.address);
    // Each round asks on one link; what is said on another is about another network.
    if (heard === undefined || probe?.place?.link.index !== linkIndex) return;
    this.#give(probe, heard.input, now);
  }

  #onSegment(packet: Uint8Array): void {
    const now = this.#parts.now();
    const heard = this.#hearing.segment(packet, now);
    if (heard === undefined) return;
    const { attempt, kind } = heard;
    const probe = this.#probes.get(attempt.flow.destination);
    if (probe?.attempt !== undefined && isSameAttempt(probe.attempt, attempt)) {
      this.#give(probe, { type: "segment", kind }, now);
    } else this.#parts.count("prober dropped a segment: not ours");
  }
}
