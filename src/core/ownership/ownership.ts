/**
 * All addresses of one node: the machine of `machine.ts` for each, and what they have in common.
 *
 * The contract for its caller, a fast thread:
 *
 * - Pure: no clock, no sockets. `now` is a monotonic clock that goes on while the machine sleeps (CLOCK_BOOTTIME).
 * - `step` gives effects; they are performed in order, at once. It is called with `timer` no later than `deadline`, past or not.
 * - Before an address is answered for, or announced by a timer, `mayAnswer` is asked. It turns false by time alone: a process
 *   that stood still says nothing of yesterday's when it wakes up.
 * - What is queued on sockets is read, and given to `step`, before `timer` is, which alone makes time pass: another input may be the first
 *   of many that waited while this process stood still. `awake` is given before anything is said because of these.
 * - `peerHeard` is called for each BFD packet of a member that was admitted; it costs nothing.
 * - `standings` come from `#core/liveness/liveness`; `heard` has what others announce, or answer to an `ask`, but nothing
 *   that this node sent itself.
 *
 * The cost of a step is proportional to the addresses that it may change: one that a node's death concerns, one that is held.
 */
import type { IpAddress } from "#base/address";
import { unreachable } from "#base/assert";
import type { MacAddress } from "#base/mac";
import { after, between, earliest, type Instant, instant, micros } from "#base/time";
import type { StandingChange } from "#core/liveness/liveness";
import type { Standing } from "#core/liveness/standing";
import { Book } from "./book.ts";
import type { CompanyInput, CompanyState } from "./company.ts";
import { companyDeadline, initialCompany, stepCompany } from "./company.ts";
import type { OwnershipConfig } from "./config.ts";
import { newEntry, unusedSince } from "./first-use.ts";
import type { Input, MemberMacs } from "./input.ts";
import { deadline, giveUp, isHeld, reconsider, tick } from "./machine.ts";
import { meet } from "./meeting.ts";
import {
  afterLapse,
  calmAt,
  noteGap,
  type Patience,
  patienceTime,
  relaxed,
  STEPS,
  timesOfStep,
  USUAL_PATIENCE,
} from "./patience.ts";
import { hear, miss, type Speaker } from "./rivals.ts";
import { areMany, type Settling, settleAfterLapse, settleAnew } from "./settling.ts";
import { Standings } from "./standings.ts";
import type { Effect, Entry, Step, Surroundings } from "./state.ts";
import { forgetStranger } from "./strangers.ts";
import { detectionTime } from "./timing.ts";

/** Addresses that are thought about in one step: a claim that is due does not wait until thousands of others have been asked for. */
const TURN = 256;

/** All addresses as one node sees them. */
export class Ownership {
  readonly #self: string;
  readonly #config: OwnershipConfig;
  readonly #book: Book;
  readonly #standings = new Standings();
  readonly #nodeByMac = new Map<MacAddress, string>();
  #company: CompanyState;
  #settling: Settling;
  #patience = USUAL_PATIENCE;
  readonly #timesByStep: readonly OwnershipConfig[];
  /** When this process was last seen running. */
  #runningAt: Instant;
  #leaving: "no" | "handing-over" | "left" = "no";
  /** Whether all addresses that were there when this process started have been told. */
  #past: "unknown" | "known" = "unknown";
  #effects: Effect[] = [];

  constructor(self: string, config: OwnershipConfig, now: Instant) {
    this.#self = self;
    this.#config = config;
    this.#book = new Book((entry) => deadline(config, entry));
    this.#company = initialCompany(now);
    this.#settling = { until: after(now, config.settle), lapses: [] };
    this.#timesByStep = Array.from({ length: STEPS }, (_, step) => timesOfStep(config, step));
    this.#runningAt = now;
  }

  /** What follows from an input. */
  step(input: Input, now: Instant): readonly Effect[] {
    this.#effects = [];
    this.#noticeFreeze(now);
    this.#apply(input, now);
    if (input.type === "timer") this.#passTime(now);
    if (this.#leaving === "handing-over" && this.#book.held.size === 0) {
      this.#leaving = "left";
      this.#effects.push({ type: "left" });
    }
    return this.#effects;
  }

  /** When `timer` must be delivered at the latest; `undefined` means only other inputs matter. */
  deadline(): Instant | undefined {
    // Held addresses need a proof now and then that the process runs.
    const proof = after(this.#runningAt, micros(detectionTime(this.#config) / 2));
    return earliest(
      this.#book.nextDue(),
      this.#leaving === "no" ? companyDeadline(this.#times, this.#company) : undefined,
      this.#book.held.size === 0 ? undefined : proof,
      calmAt(this.#patience),
    );
  }

  /** Whether this node answers for the address at `now`. */
  mayAnswer(address: IpAddress, now: Instant): boolean {
    return this.#book.holds(address) && !this.#stoodStill(now);
  }

  /** Takes note that this process runs, in the midst of long work that a step has asked for; no proof of it once it stood still. */
  keepsRunning(now: Instant): void {
    if (now > this.#runningAt && !this.#stoodStill(now)) this.#runs(now);
  }

  /** Takes note that a packet came from any peer: then, though it may have been read only later. */
  peerHeard(at: Instant): void {
    if (at > this.#company.heardAt) this.#company = { ...this.#company, heardAt: at };
  }

  /** What is known of an address; `undefined` if it has no placement. */
  entry(address: IpAddress): Entry | undefined {
    return this.#book.get(address);
  }

  /** All addresses, for people. */
  entries(): Iterable<Entry> {
    return this.#book.all();
  }

  /** Whether others wait longer than usual for this node. */
  get asksPatience(): boolean {
    return this.#patience.step > 0;
  }

  /** Whom this node hears. */
  get company(): CompanyState {
    return this.#company;
  }

  #stoodStill(now: Instant): boolean {
    return now > after(this.#runningAt, detectionTime(this.#times));
  }

  /** Times by which this node goes: with the patience that its peers have with it. */
  get #times(): OwnershipConfig {
    return this.#timesByStep[this.#patience.step] ?? this.#config;
  }

  /** Who holds nothing and hears nobody has nothing to do, for however long. */
  #mayBeIdle(): boolean {
    return this.#book.held.size === 0 && (this.#company.sessions?.up ?? 0) === 0;
  }

  #runs(now: Instant): void {
    if (!this.#mayBeIdle())
      this.#patience = noteGap(this.#config, this.#patience, between(this.#runningAt, now), now);
    this.#runningAt = instant(Math.max(this.#runningAt, now));
  }

  /** Asks peers for another patience than before. */
  #ask(patience: Patience): void {
    if (patience === this.#patience) return;
    this.#patience = patience;
    const { bfdMultiplier } = timesOfStep(this.#config, patience.step);
    const isUsual = patience.step === 0;
    this.#effects.push({
      type: "patience",
      bfdMultiplier,
      isUsual,
      wait: patienceTime(this.#config, patience),
    });
  }

  /**
   * Whoever stood still for as long as others need to find it dead believes nothing any more of what it held and knew, and
   * claims nothing before it has heard what has come meanwhile.
   */
  #noticeFreeze(now: Instant): void {
    const stoodStill = this.#stoodStill(now);
    const mayHaveBeenIdle = this.#mayBeIdle();
    const hadHeld = this.#book.held.size > 0;
    this.#runs(now);
    if (!stoodStill) return;
    this.#settling = settleAfterLapse(this.#config, this.#settling, now);
    if (!mayHaveBeenIdle) this.#ask(afterLapse(this.#patience, this.#settling.lapses, now));
    const contest = { by: undefined, at: now, until: after(now, this.#config.askTime) };
    const around = this.#around(now);
    for (const entry of this.#book.each([...this.#book.held, ...this.#book.wanted])) {
      const wary = { ...entry, memory: { ...entry.memory, holder: undefined, contest } };
      const isOver = { cause: "frozen", holder: undefined } as const;
      this.#keep(isHeld(entry) ? giveUp(around, wary, isOver) : reconsider(around, wary));
    }
    // Said last: who says that it holds nothing holds nothing.
    if (hadHeld && this.#leaving === "no") this.#effects.push({ type: "say-vacated" });
  }

  #apply(input: Input, now: Instant): void {
    switch (input.type) {
      case "placements":
        this.#place(input, now);
        break;
      case "all-placed":
        this.#past = "known";
        break;
      case "members":
        this.#setMembers(input.members);
        break;
      case "standings":
        this.#setStandings(input, now);
        break;
      case "fitness":
        this.#setFitness(input, now);
        break;
      case "heard":
        this.#hear(input, now);
        break;
      case "unanswered":
        for (const entry of this.#book.each([input.address])) this.#keep(miss(this.#around(now), entry));
        break;
      case "gateway":
      case "gateway-heard":
        this.#stepCompany(input, now);
        break;
      case "leave":
      case "stay":
        this.#setLeaving(input.type, now);
        break;
      case "timer":
      case "awake":
        break;
      default:
        unreachable(input);
    }
  }

  #around(now: Instant): Surroundings {
    return {
      self: this.#self,
      config: this.#config,
      now,
      isLeaving: this.#leaving !== "no",
      company: this.#company.verdict,
      // Who asks for patience takes nothing from those that are well.
      settledAt: instant(Math.max(this.#settling.until, calmAt(this.#patience) ?? this.#settling.until)),
      standingOf: (node) => this.#standings.of(node),
      aliveSince: (node) => this.#standings.aliveSince(node),
      isUnsteady: (node) =>
        node === this.#self ? areMany(this.#settling.lapses) : this.#standings.isUnsteady(node, now),
    };
  }

  #keep({ entry, effects }: Step): void {
    this.#effects.push(...effects);
    this.#book.keep(entry);
  }

  #reconsiderAll(addresses: Iterable<IpAddress>, now: Instant): void {
    const around = this.#around(now);
    for (const entry of this.#book.each(addresses)) this.#keep(reconsider(around, entry));
  }

  #passTime(now: Instant): void {
    this.#stepCompany({ type: "timer" }, now);
    this.#ask(relaxed(this.#patience, now));
    const around = this.#around(now);
    for (const entry of this.#book.each(this.#book.takeDue(now, TURN))) this.#keep(tick(around, entry));
  }

  #place({ changed, removed }: Extract<Input, { type: "placements" }>, now: Instant): void {
    const around = this.#around(now);
    for (const entry of this.#book.each(removed)) {
      const nobodys = { ...entry, candidates: [] };
      if (isHeld(entry)) this.#keep(giveUp(around, nobodys, { cause: "placement", holder: undefined }));
      else this.#keep(forgetStranger(entry));
      this.#book.remove(entry.address);
    }
    for (const { address, candidates } of changed) {
      const entry = this.#book.get(address) ?? newEntry(address, this.#past, now);
      // A dispute was about another placement.
      const settled = { mute: undefined, restraint: micros(0), restrainedUntil: instant(0) };
      const memory = { ...entry.memory, ...settled, unusedSince: unusedSince(entry, candidates, now) };
      this.#keep(reconsider(around, { ...entry, candidates, memory }));
    }
  }

  #setMembers(members: readonly MemberMacs[]): void {
    this.#nodeByMac.clear();
    for (const { name, macs } of members) {
      for (const mac of macs) if (name !== this.#self) this.#nodeByMac.set(mac, name);
    }
  }

  #setStandings({ changes, sessions }: Extract<Input, { type: "standings" }>, now: Instant): void {
    const before = new Map(changes.map(({ node }) => [node, this.#standings.of(node)]));
    for (const change of changes) {
      this.#standings.set(change, this.#config, now);
      // Who is not heard by somebody should not be quick to take addresses from others.
      if (change.standing.name === "alive" && change.standing.hearsUs === "no")
        this.#settling = settleAnew(this.#config, this.#settling, now);
    }
    this.#stepCompany({ type: "sessions", counts: sessions }, now);
    const around = this.#around(now);
    for (const entry of this.#book.each(this.#concernedBy(changes, before)))
      this.#keep(reconsider(around, entry));
    for (const change of changes) {
      const was = before.get(change.node);
      for (const entry of this.#book.each(this.#book.held))
        this.#keep(meet(around, entry, { ...change, was }));
    }
  }

  /** Addresses not held here whose plans such changes may alter. */
  #concernedBy(
    changes: readonly StandingChange[],
    before: ReadonlyMap<string, Standing>,
  ): ReadonlySet<IpAddress> {
    const { wanted } = this.#book;
    const concerned = new Set<IpAddress>();
    for (const { node, standing } of changes) {
      // Whether it hears us matters to what would be taken from it.
      const lives = standing.name === "alive" && before.get(node)?.name === "alive";
      const mayAlter = ({ candidates, memory: { holder, contest } }: Entry): boolean =>
        holder === node || (!lives && (candidates.includes(node) || contest?.by === node));
      for (const addresses of [wanted, this.#book.blockedBy(node)])
        for (const address of addresses) {
          const entry = this.#book.get(address);
          if (entry !== undefined && mayAlter(entry)) concerned.add(address);
        }
    }
    return concerned;
  }

  #setFitness({ changes }: Extract<Input, { type: "fitness" }>, now: Instant): void {
    const around = this.#around(now);
    for (const { address, isFit } of changes) {
      const entry = this.#book.get(address);
      if (entry === undefined || entry.fitness === (isFit ? "fit" : "unfit")) continue;
      const isBack = entry.fitness === "unfit";
      const settledAt = isBack ? after(now, this.#config.settle) : entry.memory.settledAt;
      const memory = { ...entry.memory, settledAt };
      this.#keep(reconsider(around, { ...entry, fitness: isFit ? "fit" : "unfit", memory }));
    }
  }

  #hear({ address, mac }: Extract<Input, { type: "heard" }>, now: Instant): void {
    const entry = this.#book.get(address);
    if (entry === undefined) return;
    const node = this.#nodeByMac.get(mac);
    const speaker: Speaker = node === undefined ? { type: "stranger", mac } : { type: "member", node };
    this.#keep(hear(this.#around(now), entry, speaker));
  }

  #setLeaving(type: "leave" | "stay", now: Instant): void {
    if ((type === "leave") === (this.#leaving !== "no")) return;
    this.#leaving = type === "leave" ? "handing-over" : "no";
    // Said first: the next ones take over from who they know leaves.
    this.#effects.push({ type: type === "leave" ? "say-leaving" : "say-staying" });
    if (type === "stay") this.peerHeard(now);
    const addresses = [...this.#book.all()].map(({ address }) => address);
    this.#reconsiderAll(addresses, now);
  }

  #stepCompany(input: CompanyInput, now: Instant): void {
    // Who leaves does not listen to its sessions any more, and gives up soon anyway.
    if (this.#leaving !== "no") return;
    const { verdict: before } = this.#company;
    const { state, asksGateway } = stepCompany(this.#times, this.#company, input, now);
    this.#company = state;
    if (asksGateway) this.#effects.push({ type: "ask-gateway" });
    const { verdict } = state;
    if (verdict === before) return;
    if (before === "isolated") this.#settling = settleAfterLapse(this.#config, this.#settling, now);
    const { held, wanted } = this.#book;
    this.#reconsiderAll(verdict === "isolated" ? [...held, ...wanted] : wanted, now);
    // Said last: who says that it holds nothing holds nothing.
    this.#effects.push({ type: "company", verdict });
  }
}
