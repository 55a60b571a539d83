/** A speaker on a simulated link: the real liveness and ownership, with simple sessions and a simple responder around them. */
import type { IpAddress } from "#base/address";
import { after, type Duration, earliest, type Instant, instant, micros, millis, seconds } from "#base/time";
import * as announcing from "#core/announce/machine";
import { DEFAULT_GRACE } from "#core/liveness/config";
import { Liveness, type StandingChange } from "#core/liveness/liveness";
import type { Input } from "#core/ownership/input";
import { Ownership } from "#core/ownership/ownership";
import type { Effect } from "#core/ownership/state";
import { DEFAULTS } from "#core/responder/config";
import type { GratuitousPolicy } from "#core/vrrp/config";
import type { Cancel } from "./clock.ts";
import { type SessionPacket, SimulatedSession } from "./simulated-session.ts";
import { type Frame, type Knowledge, type Link, macOf, type SpeakerHost } from "./speaker-link.ts";

/** As the responder's, but for a refresh that comes within a history. */
const GRATUITOUS: GratuitousPolicy = { ...DEFAULTS.gratuitous, refresh: seconds(10) };
/** Socket buffers are full at some time. */
const QUEUE_LIMIT = 300;
const USUAL_LATENESS = millis(3);

type Work = () => void;

/** One node with its speaker. */
export class SimulatedSpeaker {
  readonly host: SpeakerHost;
  readonly #link: Link;
  power: "off" | "running" | "frozen" = "off";
  #term = 0;
  #queue: Work[] = [];
  #liveness = new Liveness(DEFAULT_GRACE);
  #ownership: Ownership;
  #sessions = new Map<string, SimulatedSession>();
  /** When a session that is not up speaks next. */
  readonly #slowAt = new Map<string, Instant>();
  #knowledge: Knowledge = { members: [], placements: [], apiOf: () => "unheard" };
  #cancelTimer: Cancel = () => {};
  hasLeft = false;
  #multiplier: number;
  /** When each address that is answered for is announced next. */
  readonly #announcements = new Map<IpAddress, announcing.State>();

  constructor(host: SpeakerHost, link: Link) {
    this.host = host;
    this.#link = link;
    this.#ownership = new Ownership(host.name, host.config, this.now);
    this.#multiplier = host.config.bfdMultiplier;
  }

  get name(): string {
    return this.host.name;
  }

  /** What its clock shows. */
  get now(): Instant {
    return instant(Math.floor(this.#link.clock.now * this.host.rate) + this.host.offset);
  }

  get ownership(): Ownership {
    return this.#ownership;
  }

  get liveness(): Liveness {
    return this.#liveness;
  }

  /** Whether it answers for an address. */
  answers(address: IpAddress): boolean {
    return this.power === "running" && this.#ownership.mayAnswer(address, this.now);
  }

  /** Starts the process from nothing. */
  start(knowledge: Knowledge): void {
    if (this.power !== "off") return;
    this.power = "running";
    this.hasLeft = false;
    this.#term += 1;
    this.#queue = [];
    this.#liveness = new Liveness(DEFAULT_GRACE);
    this.#ownership = new Ownership(this.name, this.host.config, this.now);
    this.#sessions = new Map();
    this.#multiplier = this.host.config.bfdMultiplier;
    this.#slowAt.clear();
    this.#announcements.clear();
    this.#knowledge = { ...knowledge, placements: [] };
    this.learn(knowledge);
    this.input({ type: "gateway", isKnown: this.host.hasGateway });
    this.#beat();
  }

  /** Takes new members, placements and words of the API server. */
  learn(knowledge: Knowledge): void {
    this.#deliver(() => {
      const before = new Map(this.#knowledge.placements.map((each) => [each.address, each]));
      this.#knowledge = knowledge;
      const { members, placements, apiOf } = knowledge;
      const times = { interval: this.host.config.bfdInterval, multiplier: this.#multiplier };
      const others = members.filter((name) => name !== this.name);
      for (const name of [...this.#sessions.keys()]) if (!others.includes(name)) this.#sessions.delete(name);
      for (const name of others) {
        if (!this.#sessions.has(name))
          this.#sessions.set(name, new SimulatedSession(times, this.#link.random));
      }
      const known = others.map((name) => ({ name, isWatched: true, api: apiOf(name) }));
      this.#step({ type: "members", members: others.map((name) => ({ name, macs: [macOf(name)] })) });
      this.#tell(this.#liveness.setMembers(known, this.now));
      const changed = placements.filter((placement) => before.get(placement.address) !== placement);
      for (const { address } of placements) before.delete(address);
      this.#step({ type: "placements", changed, removed: [...before.keys()] });
      this.#step({ type: "fitness", changes: changed.map(({ address }) => ({ address, isFit: true })) });
    });
  }

  /** Ends the process or the whole host without a word. */
  crash(): void {
    this.power = "off";
    this.#cancelTimer();
    this.#link.stepped(this.name, []);
  }

  /** As SIGSTOP. */
  freeze(): void {
    if (this.power !== "running") return;
    this.power = "frozen";
    this.#cancelTimer();
    this.#link.stepped(this.name, []);
  }

  /** As SIGCONT: what is queued is read first. */
  thaw(): void {
    if (this.power !== "frozen") return;
    this.power = "running";
    this.#link.stepped(this.name, []);
    const queue = this.#queue;
    this.#queue = [];
    for (const work of queue) work();
    this.#lookAtSessions();
    this.#step({ type: "timer" });
  }

  /** Leaves in an orderly manner, and ends when all is handed over. */
  leave(): void {
    this.input({ type: "leave" });
  }

  input(input: Input): void {
    this.#deliver(() => this.#step(input));
  }

  /** Something came from the network. */
  receive(from: string, frame: Frame): void {
    this.#deliver(() => {
      if (frame.type === "claim") this.#step({ type: "heard", address: frame.address, mac: macOf(from) });
      else if (frame.type === "ask") this.#answer(from, frame.address);
      else this.#hearSession(from, frame.packet);
    });
  }

  #deliver(work: Work): void {
    if (this.power === "running") work();
    else if (this.power === "frozen" && this.#queue.length < QUEUE_LIMIT) this.#queue.push(work);
  }

  #answer(to: string, address: IpAddress): void {
    if (this.#ownership.mayAnswer(address, this.now))
      this.#link.send(this.name, to, { type: "claim", address });
  }

  /** Does something later, unless the process has ended by then. */
  #later(delay: Duration, work: Work): void {
    const term = this.#term;
    const late = micros(this.#link.random() * USUAL_LATENESS);
    const at = after(this.#link.clock.now, micros(delay / this.host.rate + late));
    this.#link.clock.schedule(at, () => {
      if (this.#term === term && this.power !== "off") this.#deliver(work);
    });
  }

  #say(peer: string, session: SimulatedSession): void {
    this.#link.send(this.name, peer, { type: "bfd", packet: session.nextPacket(this.now) });
  }

  /** Speaks on every session that is due, and again an interval later. */
  #beat(): void {
    const { bfdInterval } = this.host.config;
    const jitter = 1 - 0.25 * this.#link.random();
    for (const [peer, session] of this.#sessions) {
      if (session.interval > bfdInterval) {
        if (this.now < (this.#slowAt.get(peer) ?? 0)) continue;
        this.#slowAt.set(peer, after(this.now, micros(session.interval * jitter)));
      }
      this.#say(peer, session);
    }
    this.#later(micros(bfdInterval * jitter), () => this.#beat());
  }

  #expire(peer: string, session: SimulatedSession): void {
    if (session.expire(this.now)) this.#say(peer, session);
    this.#report(peer, session);
  }

  #report(peer: string, session: SimulatedSession): void {
    const { report } = session;
    if (report !== undefined) this.#tell(this.#liveness.report(peer, report, this.now));
  }

  #lookAtSessions(): void {
    for (const [peer, session] of this.#sessions) this.#expire(peer, session);
  }

  #hearSession(from: string, packet: SessionPacket): void {
    const session = this.#sessions.get(from);
    if (session === undefined) return;
    this.#ownership.peerHeard(this.now);
    if (session.hear(packet, this.now)) this.#say(from, session);
    this.#report(from, session);
  }

  #tell(changes: readonly StandingChange[]): void {
    if (changes.length === 0) return;
    this.#step({ type: "standings", changes, sessions: this.#liveness.sessions() });
  }

  #step(input: Input): void {
    const effects = this.#ownership.step(input, this.now);
    for (const effect of effects) this.#perform(effect);
    this.#arm();
    this.#link.stepped(this.name, effects);
    if (this.hasLeft) this.crash();
  }

  #arm(): void {
    this.#cancelTimer();
    const silences = [...this.#sessions.values()].map(({ expireAt }) => expireAt);
    const due = earliest(this.#ownership.deadline(), this.#liveness.deadline(), ...silences);
    if (due === undefined) return;
    const late = micros(this.#link.random() * USUAL_LATENESS);
    const wait = micros(Math.max(due - this.now, 0) / this.host.rate + late);
    this.#cancelTimer = this.#link.clock.schedule(after(this.#link.clock.now, wait), () => {
      if (this.power !== "running") return;
      this.#lookAtSessions();
      this.#tell(this.#liveness.timer(this.now));
      this.#step({ type: "timer" });
    });
  }

  #perform(effect: Effect): void {
    if (effect.type === "answer") this.#announce(effect.address, "takeover");
    // Taking it has begun a whole burst.
    if (effect.type === "announce" && effect.cause !== "takeover")
      this.#announce(effect.address, effect.cause);
    const isYielded = effect.type === "transition" && effect.to === "yielding";
    if (effect.type === "silence" || isYielded) this.#announcements.delete(effect.address);
    if (effect.type === "ask") this.#ask(effect.address, effect.of);
    if (effect.type === "ask-gateway") this.#link.askGateway(this.name);
    if (effect.type === "patience") this.#askPatience(effect.bfdMultiplier);
    if (effect.type === "left") this.hasLeft = true;
    const isCutOff = effect.type === "company" && effect.verdict === "isolated";
    if (!isCutOff && effect.type !== "say-leaving" && effect.type !== "say-vacated") return;
    for (const [peer, session] of this.#sessions) {
      if (effect.type === "say-leaving") session.leave();
      else session.fail();
      this.#say(peer, session);
    }
  }

  #askPatience(multiplier: number): void {
    this.#multiplier = multiplier;
    for (const session of this.#sessions.values()) session.setMultiplier(multiplier);
  }

  /** Announces what is due, and again when that is due, as long as nothing else is done for the address meanwhile. */
  #announce(address: IpAddress, type: announcing.Input["type"]): void {
    const before = this.#announcements.get(address) ?? announcing.INITIAL;
    const config = { addresses: [address], policy: GRATUITOUS };
    const { state, effects } = announcing.step(config, before, { type }, this.now);
    this.#announcements.set(address, state);
    for (const _ of effects) this.#broadcast({ type: "claim", address });
    const at = announcing.deadline(state);
    if (at === undefined) return;
    this.#later(micros(Math.max(0, at - this.now)), () => {
      if (this.#announcements.get(address) !== state) return;
      if (this.answers(address)) this.#announce(address, "timer");
      else this.#announcements.delete(address);
    });
  }

  #ask(address: IpAddress, of: string | undefined): void {
    if (of === undefined) this.#broadcast({ type: "ask", address });
    else this.#link.send(this.name, of, { type: "ask", address });
  }

  #broadcast(frame: Frame): void {
    for (const name of this.#knowledge.members)
      if (name !== this.name) this.#link.send(this.name, name, frame);
  }
}
