/** What a peer is still to hear, in the order in which it will. */
import type { IpFamily } from "#base/address";
import type { RouteRefresh, Update } from "../message/message.ts";
import type { PeerRoute } from "./peer-route.ts";
import type { PrefixKey } from "./prefix-key.ts";

/** What a peer was told of a prefix. */
export type Told =
  | { readonly type: "nothing" }
  | { readonly type: "route"; readonly route: PeerRoute }
  /** It knows the route, or another one, and asked to hear of it once more. */
  | { readonly type: "again"; readonly route: PeerRoute };

export const NOTHING: Told = { type: "nothing" };

/** What is sent at a certain place between announcements; without a message it is only a place that is noticed. */
export type Marker = {
  readonly type: "begin-of-refresh" | "end-of-refresh" | "end-of-rib";
  readonly family: IpFamily;
  readonly message: Extract<Update, { readonly type: "end-of-rib" }> | RouteRefresh | undefined;
};

/** One after the other, from the first. */
export type Due =
  | { readonly type: "route"; readonly key: PrefixKey; readonly told: Told }
  | { readonly type: "marker"; readonly marker: Marker };

type MarkerKey = `${Marker["type"]} ${IpFamily}`;

const markerKey = ({ type, family }: Pick<Marker, "type" | "family">): MarkerKey => `${type} ${family}`;

/**
 * Withdrawals, which go first, and announcements with markers between them. Each prefix is there once at most, with what the peer was
 * told of it last: what changes again before it was sent costs nothing more.
 */
export class Queue {
  readonly #withdrawals = new Map<PrefixKey, Told>();
  readonly #announcements = new Map<PrefixKey | MarkerKey, Told | Marker>();

  /** Prefixes and markers. */
  get size(): number {
    return this.#withdrawals.size + this.#announcements.size;
  }

  /** What the peer was told of a prefix that waits here; `undefined` if it does not wait. */
  told(key: PrefixKey): Told | undefined {
    const leaving = this.#withdrawals.size === 0 ? undefined : this.#withdrawals.get(key);
    const waiting = leaving ?? this.#announcements.get(key);
    return waiting === undefined || "family" in waiting ? undefined : waiting;
  }

  /** Whether a prefix waits to be withdrawn. */
  withdraws(key: PrefixKey): boolean {
    return this.#withdrawals.has(key);
  }

  /** Lets a prefix wait to be announced. One that waits for that already keeps its place. */
  announce(key: PrefixKey, told: Told): void {
    this.#withdrawals.delete(key);
    this.#announcements.set(key, told);
  }

  withdraw(key: PrefixKey, told: Told): void {
    this.#announcements.delete(key);
    this.#withdrawals.set(key, told);
  }

  /** Lets a prefix wait no longer. */
  drop(key: PrefixKey): void {
    this.#withdrawals.delete(key);
    this.#announcements.delete(key);
  }

  /** Puts a marker behind all announcements. */
  mark(marker: Marker): void {
    const key = markerKey(marker);
    this.#announcements.delete(key);
    this.#announcements.set(key, marker);
  }

  /** Moves a marker, if it is there, behind all announcements. */
  postpone(marker: Pick<Marker, "type" | "family">): void {
    const found = this.#announcements.get(markerKey(marker));
    if (found !== undefined && "family" in found) this.mark(found);
  }

  /** Takes out `most` withdrawals, or fewer if there are no more. */
  *takeWithdrawals(most: number): Iterable<{ readonly key: PrefixKey; readonly told: Told }> {
    let left = most;
    for (const [key, told] of this.#withdrawals) {
      if (left <= 0) return;
      left -= 1;
      this.#withdrawals.delete(key);
      yield { key, told };
    }
  }

  /** Takes out `most` announcements and markers, or fewer if there are no more. */
  *takeAnnouncements(most: number): Iterable<Due> {
    let left = most;
    for (const [key, waiting] of this.#announcements) {
      if (left <= 0) return;
      left -= 1;
      this.#announcements.delete(key);
      if ("family" in waiting) yield { type: "marker", marker: waiting };
      else yield { type: "route", key: key as PrefixKey, told: waiting };
    }
  }

  clear(): void {
    this.#withdrawals.clear();
    this.#announcements.clear();
  }
}
