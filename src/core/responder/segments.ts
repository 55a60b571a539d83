/**
 * Which of this node's links are on one segment, so that only one of them answers for an address.
 *
 * Recognised by looking: where an address fits several links, each sends an ARP probe for 192.0.0.8, an address that nobody
 * may have (RFC 7600), with our nonce and the link's number where the standard leaves a field unused. A link that hears
 * another's look is on its segment. What is known that way is forgotten when a link goes down, or is not seen again for
 * three looks. A macvlan is on the segment of the link below it by its nature: those two do not hear each other.
 *
 * Until a link had time to be recognised it does not join in where another speaks already.
 */
import { isIpv4, parseAddress } from "#base/address";
import { assert } from "#base/assert";
import { readU16, readU32, writeU16, writeU32 } from "#base/bytes";
import { BROADCAST_MAC, macBytes, macFromBytes } from "#base/mac";
import { after, type Duration, earliest, type Instant, micros, millis, seconds } from "#base/time";
import type { Frame } from "#core/announce/frames";
import { type ArpPacket, encode, probe } from "#core/arp/packet";
import type { UsableLink } from "./fitness.ts";

const parsed = parseAddress("192.0.0.8");
assert(parsed !== undefined && isIpv4(parsed), "an IPv4 address");
/** The IPv4 dummy address: what looks ask for, and nobody answers. */
export const LOOK_ADDRESS = parsed;

/** Longer than a frame takes through the switches of one segment. */
const SETTLE: Duration = millis(200);
/** Looks beyond the regular ones, because our own frames were heard. */
const SHORTEST_PAUSE: Duration = seconds(1);
/** So many looks may be lost in a row. */
const LOOKS_TO_FORGET = 3.5;

type Meeting = { readonly links: readonly [number, number]; readonly until: Instant };

const keyOf = (one: number, other: number): string => `${Math.min(one, other)} ${Math.max(one, other)}`;

export class Segments {
  readonly #nonce: number;
  readonly #interval: Duration;
  /** When a link is known well enough, from the first time that it mattered. */
  readonly #settledAt = new Map<number, Instant>();
  /** When links will have settled. */
  readonly #pending = new Set<Instant>();
  readonly #meetings = new Map<string, Meeting>();
  #siblings: readonly (readonly [number, number])[] = [];
  #rootByLink = new Map<number, number>();
  #lookAt: Instant | undefined;
  #lookedAt: Instant | undefined;

  constructor({ nonce, segmentInterval }: { readonly nonce: number; readonly segmentInterval: Duration }) {
    this.#nonce = nonce;
    this.#interval = segmentInterval;
  }

  /** These are the usable links from now on; what was known of others is forgotten. */
  setLinks(links: ReadonlyMap<number, UsableLink>): void {
    for (const index of [...this.#settledAt.keys()]) if (!links.has(index)) this.#settledAt.delete(index);
    for (const [key, { links: ends }] of [...this.#meetings]) {
      if (!ends.every((index) => links.has(index))) this.#meetings.delete(key);
    }
    this.#siblings = [...links.values()].flatMap(({ index, sibling }) =>
      sibling !== undefined && links.has(sibling) ? [[sibling, index] as const] : [],
    );
    this.#regroup();
  }

  /** The links that matter to looks: an address fits more than one of them. */
  contestedLinks(): Iterable<number> {
    return this.contested === 0 ? [] : this.#settledAt.keys();
  }

  /** How many these are: none, or at least two. */
  get contested(): number {
    return this.#settledAt.size < 2 ? 0 : this.#settledAt.size;
  }

  /**
   * Which of the links that an address fits speak for it: one of each segment, and of several that which speaks already,
   * or else the oldest.
   */
  choose(fit: readonly UsableLink[], speaks: (index: number) => boolean, now: Instant): ReadonlySet<number> {
    const indexes = fit.map(({ index }) => index).sort((one, other) => one - other);
    if (indexes.length <= 1) return new Set(indexes);
    for (const index of indexes) this.#contest(index, now);
    const settled = indexes.filter((index) => this.#isSettled(index, now));
    const speaking = indexes.filter(speaks);
    const candidates = settled.length > 0 ? settled : (speaking.length > 0 ? speaking : indexes).slice(0, 1);
    const voiceByRoot = new Map<number, number>();
    for (const index of candidates) {
      const root = this.#rootByLink.get(index) ?? index;
      const chosen = voiceByRoot.get(root);
      if (chosen === undefined || (speaks(index) && !speaks(chosen))) voiceByRoot.set(root, index);
    }
    return new Set(voiceByRoot.values());
  }

  /** One of our links heard a look; gives whether that tells something new. */
  hear(packet: ArpPacket, at: number, now: Instant): boolean {
    if (packet.targetAddress !== LOOK_ADDRESS) return false;
    const mark = macBytes(packet.targetMac);
    if (readU32(mark, 0) !== this.#nonce >>> 0) return false;
    const from = [...this.#settledAt.keys()].find((index) => (index & 0xffff) === readU16(mark, 4));
    if (from === undefined || from === at) return false;
    const key = keyOf(from, at);
    const isNew = !this.#meetings.has(key);
    this.#meetings.set(key, { links: [from, at], until: after(now, this.#lifetime()) });
    if (isNew) this.#regroup();
    return isNew;
  }

  /** One of our links heard another of our links: look again soon, if it matters. */
  suspect(now: Instant): void {
    if (this.#settledAt.size > 1) this.#lookNoLaterThan(now);
  }

  /** When something is to be done at the latest. */
  deadline(): Instant | undefined {
    return earliest(
      this.#settledAt.size > 1 ? this.#lookAt : undefined,
      ...this.#pending,
      ...[...this.#meetings.values()].map(({ until }) => until),
    );
  }

  /** Forgets what is old; gives whether the choices may be others now. */
  expire(now: Instant): boolean {
    let changed = false;
    for (const at of [...this.#pending]) {
      if (at > now) continue;
      this.#pending.delete(at);
      changed = true;
    }
    for (const [key, { until }] of [...this.#meetings]) {
      if (until > now) continue;
      this.#meetings.delete(key);
      changed = true;
    }
    if (changed) this.#regroup();
    return changed;
  }

  /** Whether looks are due, and for which links they matter is to be found anew (`keep`). */
  isLookDue(now: Instant): boolean {
    return this.#lookAt !== undefined && this.#lookAt <= now && this.#settledAt.size > 1;
  }

  /** No address fits other links than these together with another: those need not be looked at. */
  keep(contested: ReadonlySet<number>): void {
    for (const index of [...this.#settledAt.keys()]) {
      if (!contested.has(index)) this.#settledAt.delete(index);
    }
  }

  /** The looks that are due, by link. */
  looks(
    links: ReadonlyMap<number, UsableLink>,
    now: Instant,
  ): readonly { readonly linkIndex: number; readonly frame: Frame }[] {
    if (!this.isLookDue(now)) return [];
    this.#lookedAt = now;
    this.#lookAt = after(now, this.#interval);
    return [...this.#settledAt.keys()].flatMap((linkIndex) => {
      const link = links.get(linkIndex);
      return link === undefined ? [] : [{ linkIndex, frame: this.#frame(link) }];
    });
  }

  #lifetime(): Duration {
    return micros(this.#interval * LOOKS_TO_FORGET);
  }

  #isSettled(index: number, now: Instant): boolean {
    const at = this.#settledAt.get(index);
    return at !== undefined && at <= now;
  }

  #contest(index: number, now: Instant): void {
    if (this.#settledAt.has(index)) return;
    const at = after(now, SETTLE);
    this.#settledAt.set(index, at);
    this.#pending.add(at);
    // A link that is new is looked at once; the pause is for what repeats.
    this.#lookAt = now;
  }

  #lookNoLaterThan(now: Instant): void {
    const at =
      this.#lookedAt === undefined || now >= after(this.#lookedAt, SHORTEST_PAUSE)
        ? now
        : after(this.#lookedAt, SHORTEST_PAUSE);
    if (this.#lookAt === undefined || at < this.#lookAt) this.#lookAt = at;
  }

  /** Who is on whose segment; each is told by its smallest number. */
  #regroup(): void {
    const root = new Map<number, number>();
    const find = (index: number): number => {
      let at = index;
      for (let next = root.get(at); next !== undefined && next !== at; next = root.get(at)) at = next;
      return at;
    };
    const pairs = [...this.#siblings, ...[...this.#meetings.values()].map(({ links }) => links)];
    for (const [one, other] of pairs) {
      const [left, right] = [find(one), find(other)];
      root.set(Math.max(left, right), Math.min(left, right));
    }
    this.#rootByLink = new Map(pairs.flat().map((index) => [index, find(index)]));
  }

  #frame({ index, mac }: UsableLink): Frame {
    const mark = new Uint8Array(6);
    writeU32(mark, 0, this.#nonce >>> 0);
    writeU16(mark, 4, index & 0xffff);
    const packet = { ...probe(LOOK_ADDRESS, mac), targetMac: macFromBytes(mark) };
    return { destination: BROADCAST_MAC, payload: encode(packet) };
  }
}
