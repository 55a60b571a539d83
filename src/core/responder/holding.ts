/** One address of this node: where it is told of, when it is announced or probed, and who disputes it. */
import { addressBytes, familyOf, type IpAddress, type IpFamily } from "#base/address";
import { after, type Duration, earliest, type Instant, micros, seconds } from "#base/time";
import { type State as Suspicions, INITIAL as UNSUSPECTED } from "#core/announce/duplicate";
import { type AnnouncementForm, formsFor } from "#core/announce/frames";
import * as announcing from "#core/announce/machine";
import type { Assignment, ResponderConfig } from "./config.ts";
import type { UsableLink } from "./fitness.ts";
import type { Lane, Outbox } from "./outbox.ts";

/**
 * Why an address that is held is announced again: the links are back; a stranger claimed it; another speaker uses it without holding it,
 * holds it too, or is back and may.
 */
export type AgainReason = "link-up" | "other-speaker" | "rival" | "defence" | "peer-returned";

/** Why a probe is sent, for counters. */
export type SendCause = announcing.Cause | "probe";

/** A frame that may wait its turn, in one form, on one link. */
export type Outgoing = {
  readonly holding: Holding;
  readonly linkIndex: number;
  readonly form: AnnouncementForm | "probe";
  cause: SendCause;
  lane: Lane | undefined;
};

/** What is announced on a link of an address that is held. */
type Voice = {
  readonly linkIndex: number;
  announcing: announcing.State;
  readonly announcements: readonly Outgoing[];
};

const NO_VOICES: readonly Voice[] = [];
const NO_LINKS: readonly number[] = [];

/** Somebody else has just told neighbours that the address is elsewhere. */
const DISPUTES: ReadonlySet<string> = new Set([
  "defence",
  "rival",
  "other-speaker",
] satisfies announcing.Cause[]);

type Probing = {
  /** Probes still to be sent. */
  left: number;
  /** When the next is due, or the outcome is known after the last. */
  at: Instant;
  /** One for each link, once it was sent. */
  probes: readonly Outgoing[];
};

/** Refreshes that are due within this time are made together: to wake up for each costs this node and all that hear it more than a frame. */
const REFRESH_BEAT: Duration = seconds(1);
/** Shorter intervals are kept to the millisecond. */
const SHORTEST_BEATEN: Duration = seconds(5);

/** Somewhere between a half and one, the same for an address each time: so thousands do not refresh at once. */
const shareOf = (address: IpAddress): number => {
  let hash = 0x811c_9dc5;
  for (const byte of addressBytes(address)) hash = Math.imul(hash ^ byte, 0x0100_0193);
  return 0.5 + (((hash ^ (hash >>> 15)) >>> 0) % 1_000) / 2_000;
};

export class Holding {
  assignment: Assignment;
  /** The links on which it is heard, whether or not something is said there. */
  fit: readonly UsableLink[] = [];
  suspicions: Suspicions = UNSUSPECTED;
  /** The same list as that of others that are told of there: there are thousands. */
  #links = NO_LINKS;
  /** One for each of these links, but only while it is held: of thousands of addresses others hold most. */
  #voices = NO_VOICES;
  readonly #config: ResponderConfig;
  /** Its own interval of refreshes. */
  readonly #refresh: Duration;
  readonly #outbox: Outbox<Outgoing>;
  #probing: Probing | undefined;
  #wantsProbing = false;

  constructor(assignment: Assignment, config: ResponderConfig, outbox: Outbox<Outgoing>) {
    this.assignment = assignment;
    this.#outbox = outbox;
    this.#config = config;
    this.#refresh = micros(config.gratuitous.refresh * shareOf(assignment.address));
  }

  get address(): IpAddress {
    return this.assignment.address;
  }

  get family(): IpFamily {
    return familyOf(this.assignment.address);
  }

  /** The links on which it is told of. */
  get links(): readonly number[] {
    return this.#links;
  }

  /** Whether it is told of on this link. */
  speaksOn(linkIndex: number): boolean {
    return this.#links.includes(linkIndex);
  }

  /** Whether questions for it are answered here, by us. */
  answers(): boolean {
    const { stance, answers } = this.assignment;
    return answers === "responder" && (stance === "holding" || stance === "yielding");
  }

  /** The address is told of on these links from now on; the list is kept. */
  speakOn(links: readonly number[], now: Instant): void {
    const silenced = this.#links.filter((index) => !links.includes(index));
    for (const index of silenced) this.#close(index);
    this.#links = links;
    if (this.assignment.stance === "holding") {
      const before = this.#voices;
      this.#takeOver(now);
      // Neighbours may have learnt the link that is silent now: two were found to be on one segment.
      if (silenced.length > 0) for (const voice of before) this.#again(voice, now);
    }
    this.#resumeProbing(now);
  }

  /** It is treated in another way from now on. */
  assign(assignment: Assignment, now: Instant): void {
    const before = this.assignment.stance;
    this.assignment = assignment;
    const { stance } = assignment;
    if (stance === before) return;
    this.#wantsProbing = stance === "probing";
    if (!this.#wantsProbing) this.#stopProbing();
    if (stance !== "holding") {
      this.#silence();
      this.suspicions = UNSUSPECTED;
    }
    if (stance === "holding") this.#takeOver(now);
    this.#resumeProbing(now);
  }

  /** Starts to probe, if that is asked for. */
  begin(now: Instant): void {
    this.#wantsProbing = this.assignment.stance === "probing";
    this.#resumeProbing(now);
  }

  /** Nothing of it may leave any more. */
  end(): void {
    this.stopProbing();
    this.#silence();
    this.#links = NO_LINKS;
  }

  /** Announces again wherever it is held, in the way that the reason asks for. */
  sayAgain(input: AgainReason, now: Instant, on?: number): void {
    if (this.assignment.stance !== "holding") return;
    for (const voice of this.#voices) {
      if (on === undefined || on === voice.linkIndex) this.#feed(voice, input, now);
    }
  }

  /** When something is due. */
  deadline(): Instant | undefined {
    let at = this.#probing?.at;
    for (const { announcing: state } of this.#voices) at = earliest(at, announcing.deadline(state));
    return at;
  }

  /** Does what is due; gives whether a probing ended and nobody has the address. */
  due(now: Instant): "free" | undefined {
    for (const voice of this.#voices) {
      const at = announcing.deadline(voice.announcing);
      if (at !== undefined && at <= now) this.#feed(voice, "timer", now);
    }
    return this.#probing !== undefined && this.#probing.at <= now
      ? this.#probe(this.#probing, now)
      : undefined;
  }

  isProbing(): boolean {
    return this.#wantsProbing;
  }

  /** Somebody has the address: no more probes. */
  stopProbing(): void {
    this.#wantsProbing = false;
    this.#stopProbing();
  }

  /** Nothing of it may leave any more on this link. */
  #close(linkIndex: number): void {
    const [voice] = this.#voices.filter((each) => each.linkIndex === linkIndex);
    for (const outgoing of voice?.announcements ?? []) outgoing.lane = undefined;
    this.#voices = this.#voices.filter((each) => each !== voice);
    for (const probe of this.#probing?.probes ?? [])
      if (probe.linkIndex === linkIndex) probe.lane = undefined;
  }

  #outgoing(linkIndex: number, form: Outgoing["form"]): Outgoing {
    return { holding: this, linkIndex, form, cause: "takeover", lane: undefined };
  }

  /** Begins to announce where that is not done yet. */
  #takeOver(now: Instant): void {
    const added = this.#links
      .filter((index) => !this.#voices.some(({ linkIndex }) => linkIndex === index))
      .map((linkIndex): Voice => {
        const announcements = formsFor(this.address).map((form) => this.#outgoing(linkIndex, form));
        return { linkIndex, announcing: announcing.INITIAL, announcements };
      });
    this.#voices = [...this.#voices, ...added];
    for (const voice of added) this.#feed(voice, "takeover", now);
  }

  #feed(voice: Voice, type: announcing.Input["type"], now: Instant): void {
    const policy = { ...this.#config.gratuitous, refresh: this.#refreshFrom(now) };
    const config = { addresses: [this.address], policy };
    const { announcing: before } = voice;
    const { state, effects } = announcing.step(config, before, { type }, now);
    voice.announcing = state;
    for (const { cause } of effects) {
      const begins = state.name === "announcing" && state.lastBurstAt === now;
      const isAnswer = before.name === "announcing" && before.once !== undefined;
      const isNews = type !== "timer" || begins || isAnswer;
      const isUrgent = isNews && cause !== "second-burst" && cause !== "refresh";
      const lane = DISPUTES.has(cause) ? "disputed" : "first";
      for (const [order, outgoing] of voice.announcements.entries()) {
        outgoing.cause = cause;
        this.#outbox.put(outgoing, isUrgent && order === 0 ? lane : "again");
      }
    }
    if (type === "defence") this.#hurry(voice);
  }

  /** The time until the next refresh: no longer than its interval, to the second. */
  #refreshFrom(now: Instant): Duration {
    const refresh = this.#refresh;
    if (refresh < SHORTEST_BEATEN) return refresh;
    const at = after(now, refresh);
    return micros(at - (at % REFRESH_BEAT) - now);
  }

  /** What was said a moment ago is not said again, but it may be waiting behind thousands of others. */
  #hurry({ announcements: [first] }: Voice): void {
    if (first?.lane !== undefined) this.#outbox.put(first, "disputed");
  }

  /** A burst now, whatever was said lately. */
  #again(voice: Voice, now: Instant): void {
    this.#feed(voice, "reconfigured", now);
  }

  #silence(): void {
    for (const { announcements } of this.#voices) {
      for (const outgoing of announcements) outgoing.lane = undefined;
    }
    this.#voices = NO_VOICES;
  }

  #stopProbing(): void {
    for (const probe of this.#probing?.probes ?? []) probe.lane = undefined;
    this.#probing = undefined;
  }

  /** Without a link there is nobody to ask: then it waits. */
  #resumeProbing(now: Instant): void {
    if (!this.#wantsProbing || this.#links.length === 0) {
      this.#stopProbing();
      return;
    }
    this.#probing ??= { left: this.#config.probing.count, at: now, probes: [] };
  }

  #probe(probing: Probing, now: Instant): "free" | undefined {
    const probes = this.#links.map(
      (index) =>
        probing.probes.find(({ linkIndex }) => linkIndex === index) ?? this.#outgoing(index, "probe"),
    );
    probing.probes = probes;
    probing.at = after(now, this.#config.probing.interval);
    // One that waits its turn has not been heard by anybody yet.
    if (probes.some(({ lane }) => lane !== undefined)) return undefined;
    if (probing.left === 0) {
      this.stopProbing();
      return "free";
    }
    probing.left -= 1;
    for (const probe of probes) {
      probe.cause = "probe";
      this.#outbox.put(probe, "probe");
    }
    return undefined;
  }
}
