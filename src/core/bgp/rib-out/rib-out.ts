/** The table of one peer: what it is to know, what it was told, and what it must hear to know it. */
import type { IpFamily } from "#base/address";
import { assert } from "#base/assert";
import type { InterfaceAddress } from "#base/prefix";
import { type Counts, leftOutOf, type Standing } from "./left-out.ts";
import { Limit } from "./limit.ts";
import { isSameNextHop, type NextHops } from "./next-hops.ts";
import { type Outgoing, Parcel } from "./parcel.ts";
import { type FamilyObstacle, obstacleOf, type PeerSession } from "./path-attributes.ts";
import { isSameTowards, type PeerChanges, type PeerRoute } from "./peer-route.ts";
import { familyOfKey, type PrefixKey, prefixKey } from "./prefix-key.ts";
import { type Due, NOTHING, Queue, type Told } from "./queue.ts";
import { Refreshing } from "./refreshing.ts";

const FAMILIES: readonly IpFamily[] = ["IPv4", "IPv6"];
const CLEAR = { IPv4: undefined, IPv6: undefined };

export type RibOutOptions = {
  /** Routes beyond so many are left out; those with the lowest addresses stay, IPv4 before IPv6. */
  readonly mostRoutes: number;
};

/** Adj-RIB-Out (RFC 4271 §3.2). See the folder's `index.ts` for what its caller does. */
export class RibOut {
  readonly #wanted = new Map<PrefixKey, PeerRoute>();
  readonly #wantedCounts = { IPv4: 0, IPv6: 0 };
  readonly #announcedCounts = { IPv4: 0, IPv6: 0 };
  readonly #limit: Limit;
  readonly #queue = new Queue();
  readonly #refreshing = new Refreshing();
  #session: PeerSession | undefined;
  /** What keeps routes of a family from the peer of the session. */
  #obstacles: Readonly<Record<IpFamily, FamilyObstacle | undefined>> = CLEAR;
  #initial: "partial" | "complete" = "partial";

  constructor({ mostRoutes }: RibOutOptions) {
    this.#limit = new Limit(mostRoutes);
  }

  /** How many prefixes and markers wait to be sent. */
  get pending(): number {
    return this.#queue.size;
  }

  /** Takes note of what the peer is to know now. */
  set({ changed, removed }: PeerChanges): void {
    for (const key of removed) this.#change(key, undefined);
    for (const route of changed) this.#change(route.key, route);
    this.#settleLimit();
  }

  /** Allows another number of routes from now on. */
  allow(mostRoutes: number): void {
    this.#limit.most = mostRoutes;
    this.#settleLimit();
  }

  /** A session has come up, and the peer knows nothing of ours, or takes what it knows for stale. */
  up(session: PeerSession): void {
    this.down();
    this.#meet(session);
    for (const key of this.#wanted.keys()) if (this.#isOut(key)) this.#queue.announce(key, NOTHING);
    if (this.#initial === "complete") this.#markEnds(session);
  }

  /**
   * Packets are to go elsewhere from now on: what the peer knows it is told again with the new next hop, and what leads nowhere any
   * more is withdrawn.
   */
  redirect(nextHops: NextHops): void {
    const before = this.#session;
    if (before === undefined) return;
    const hasMoved = {
      IPv4: !isSameNextHop(before.nextHops.IPv4, nextHops.IPv4),
      IPv6: !isSameNextHop(before.nextHops.IPv6, nextHops.IPv6),
    };
    if (!hasMoved.IPv4 && !hasMoved.IPv6) return;
    const known = [...this.#wanted.keys()].map((key) => ({ key, told: this.#toldOf(key) }));
    this.#meet({ ...before, nextHops });
    for (const { key, told } of known) {
      const isStale = told.type === "route" && hasMoved[familyOfKey(key)];
      this.#enqueue(key, isStale ? { type: "again", route: told.route } : told);
    }
  }

  /** The session is gone, and with it everything that was to be sent. */
  down(): void {
    this.#session = undefined;
    this.#obstacles = CLEAR;
    this.#queue.clear();
    this.#refreshing.clear();
    for (const family of FAMILIES) this.#announcedCounts[family] = 0;
  }

  /** What was set is all that there is to begin with: the peer may drop what it kept from an earlier session (RFC 4724 §2). */
  complete(): void {
    if (this.#initial === "complete") return;
    this.#initial = "complete";
    if (this.#session !== undefined) this.#markEnds(this.#session);
  }

  /** The peer asked to hear all routes of a family again (RFC 2918, RFC 7313). */
  refresh(family: IpFamily): void {
    const session = this.#session;
    if (session === undefined || !session.negotiated.families.includes(family)) return;
    const { hasEnhancedRouteRefresh } = session.negotiated;
    if (this.#refreshing.ask(family, hasEnhancedRouteRefresh) === "begin")
      this.#beginRefresh(family, session);
  }

  /**
   * What is to be sent next, of `most` prefixes at most: withdrawals first, then announcements with equal attributes together. Nothing is
   * said twice: what is taken counts as told, so all of it must be sent, in order, or the session end.
   */
  take(most: number): readonly Outgoing[] {
    const session = this.#session;
    if (session === undefined) return [];
    const parcel = new Parcel(session);
    let left = most;
    for (const { key, told } of this.#queue.takeWithdrawals(left)) {
      left -= 1;
      if (told.type === "nothing") continue;
      this.#announcedCounts[familyOfKey(key)] -= 1;
      parcel.withdraw(told.route);
    }
    for (const due of this.#queue.takeAnnouncements(left)) this.#takeDue(due, parcel);
    return parcel.outgoing();
  }

  /** What there is, what was told, and what is left out and why. */
  get counts(): Counts {
    return {
      wanted: { ...this.#wantedCounts },
      announced: { ...this.#announcedCounts },
      pending: this.pending,
      leftOut: leftOutOf({
        wanted: this.#wantedCounts,
        admitted: this.#limit.shares(this.#wantedCounts),
        obstacles: this.#obstacles,
      }),
    };
  }

  /** How it stands with one prefix. */
  standing(prefix: InterfaceAddress): Standing {
    const key = prefixKey(prefix);
    const isKnown = this.#wanted.has(key);
    if (this.#queue.told(key) !== undefined)
      return isKnown && !this.#queue.withdraws(key) ? "pending" : "leaving";
    if (!isKnown) return "not-wanted";
    if (!this.#limit.admits(key)) return "over-limit";
    if (this.#session === undefined) return "no-session";
    return this.#obstacles[familyOfKey(key)] ?? "announced";
  }

  #meet(session: PeerSession): void {
    this.#session = session;
    this.#obstacles = { IPv4: obstacleOf(session, "IPv4"), IPv6: obstacleOf(session, "IPv6") };
  }

  /** Whether the peer is to know the prefix, given that it is wanted. */
  #isOut(key: PrefixKey): boolean {
    return (
      this.#session !== undefined &&
      this.#limit.admits(key) &&
      this.#obstacles[familyOfKey(key)] === undefined
    );
  }

  /** What the peer was told of a prefix: what it is to know, unless something waits. */
  #toldOf(key: PrefixKey): Told {
    const waiting = this.#queue.told(key);
    if (waiting !== undefined) return waiting;
    const route = this.#wanted.get(key);
    return route !== undefined && this.#isOut(key) ? { type: "route", route } : NOTHING;
  }

  #change(key: PrefixKey, route: PeerRoute | undefined): void {
    const told = this.#toldOf(key);
    const wasWanted = this.#wanted.has(key);
    if (route === undefined) this.#wanted.delete(key);
    else this.#wanted.set(key, route);
    if (wasWanted !== (route !== undefined)) {
      this.#wantedCounts[familyOfKey(key)] += wasWanted ? -1 : 1;
      this.#limit.note(key, wasWanted ? "went" : "came");
    }
    this.#enqueue(key, told);
  }

  #settleLimit(): void {
    const { crossed, move } = this.#limit.plan(this.#wanted);
    const before = crossed.map((key) => ({ key, told: this.#toldOf(key) }));
    move();
    for (const { key, told } of before) this.#enqueue(key, told);
  }

  /** Lets a prefix wait for what brings the peer from what it was told to what it is to know. */
  #enqueue(key: PrefixKey, told: Told): void {
    if (this.#session === undefined) return;
    const route = this.#isOut(key) ? this.#wanted.get(key) : undefined;
    if (route === undefined) {
      if (told.type === "nothing") this.#queue.drop(key);
      else this.#queue.withdraw(key, told);
      return;
    }
    const { kind } = this.#session.negotiated;
    if (told.type === "route" && isSameTowards(kind, told.route.attributes, route.attributes)) {
      this.#queue.drop(key);
      return;
    }
    // Else the peer would drop the route at the end of the refresh, and hear of it only then.
    const isLate = told.type === "again" && this.#queue.withdraws(key);
    this.#queue.announce(key, told);
    if (isLate) this.#queue.postpone({ type: "end-of-refresh", family: familyOfKey(key) });
  }

  #takeDue(due: Due, parcel: Parcel): void {
    if (due.type === "route") {
      const route = this.#wanted.get(due.key);
      assert(route !== undefined, "what waits to be announced is wanted", { key: due.key });
      if (due.told.type === "nothing") this.#announcedCounts[familyOfKey(due.key)] += 1;
      parcel.announce(route);
      return;
    }
    const { marker } = due;
    if (marker.message !== undefined) parcel.put(marker.message);
    if (marker.type === "begin-of-refresh" || this.#session === undefined) return;
    const { family } = marker;
    const next =
      marker.type === "end-of-rib" ? this.#refreshing.completed(family) : this.#refreshing.ended(family);
    if (next === "begin") this.#beginRefresh(family, this.#session);
  }

  #markEnds({ negotiated }: PeerSession): void {
    for (const family of negotiated.families)
      this.#queue.mark({ type: "end-of-rib", family, message: { type: "end-of-rib", family } });
  }

  #beginRefresh(family: IpFamily, { negotiated }: PeerSession): void {
    const { begin, end } = this.#refreshing.markers(family, negotiated.hasEnhancedRouteRefresh);
    this.#queue.mark(begin);
    for (const [key, route] of this.#wanted) {
      if (familyOfKey(key) !== family || !this.#isOut(key)) continue;
      const waiting = this.#queue.told(key);
      // From its place, which may be before the begin, to behind it: the peer drops what it heard before and not again.
      if (waiting !== undefined) this.#queue.drop(key);
      this.#queue.announce(key, waiting?.type === "nothing" ? waiting : { type: "again", route });
    }
    this.#queue.mark(end);
    this.#queue.postpone({ type: "end-of-rib", family });
  }
}
