/**
 * The standing of every member, from sessions, the API server's words, and time.
 *
 * Pure: the caller passes `now`, and calls `timer` no later than `deadline`. Each call gives what has changed; the caller
 * hands that on to `#core/ownership/ownership`.
 */
import { after, type Duration, earliest, type Instant } from "#base/time";
import { type ApiWord, isSameStanding, judge, type SessionReport, type Standing } from "./standing.ts";

/** Another speaker's node. */
export type Member = {
  readonly name: string;
  /** Whether this node keeps a session with it (`peersOf`). */
  readonly isWatched: boolean;
  readonly api: ApiWord;
};

/** A member's new standing. */
export type StandingChange = { readonly node: string; readonly standing: Standing };

/** How many sessions are in which condition. */
export type SessionCounts = {
  readonly up: number;
  /** Peers that say, or said, that they leave: their silence means nothing. */
  readonly leaving: number;
  /** All others: nothing comes, or nothing that shows that we are heard. */
  readonly missing: number;
};

type Known = {
  readonly name: string;
  readonly api: ApiWord;
  /** `undefined` while it is not watched. */
  readonly session: SessionReport | undefined;
  /** When the session will have had its time to come up; `undefined` when it has. */
  readonly graceUntil: Instant | undefined;
  readonly standing: Standing;
};

/** All members as one node sees them. */
export class Liveness {
  readonly #grace: Duration;
  readonly #knownByName = new Map<string, Known>();
  /** Those whose sessions have yet to have their time. */
  readonly #inGrace = new Set<string>();
  #isBfdProven = false;

  constructor(grace: Duration) {
    this.#grace = grace;
  }

  /** The members are these from now on, without this node itself. */
  setMembers(members: readonly Member[], now: Instant): readonly StandingChange[] {
    const changes: StandingChange[] = [];
    const names = new Set(members.map(({ name }) => name));
    for (const name of [...this.#knownByName.keys()]) {
      if (names.has(name)) continue;
      this.#knownByName.delete(name);
      this.#inGrace.delete(name);
      changes.push({ node: name, standing: { name: "dead", since: now, cause: "not-a-member" } });
    }
    for (const member of members) changes.push(...this.#setMember(member, now));
    return changes;
  }

  /** A session's report; of a member without session, as after a change of members, it is passed over. */
  report(name: string, report: SessionReport, now: Instant): readonly StandingChange[] {
    const before = this.#knownByName.get(name);
    if (before?.session === undefined) return [];
    const session = afterReport(before.session, report);
    if (isSameReport(before.session, session)) return [];
    if (session.state === "up" && !this.#isBfdProven) {
      this.#isBfdProven = true;
      return this.#judgeAll({ ...before, session }, now);
    }
    return this.#judge({ ...before, session }, now);
  }

  /** Time has passed; harmless when nothing is due. */
  timer(now: Instant): readonly StandingChange[] {
    const changes: StandingChange[] = [];
    for (const known of this.#each(this.#inGrace)) {
      if (known.graceUntil !== undefined && now < known.graceUntil) continue;
      changes.push(...this.#judge({ ...known, graceUntil: undefined }, now));
    }
    return changes;
  }

  /** When the next grace ends; `undefined` means only other inputs matter. */
  deadline(): Instant | undefined {
    let first: Instant | undefined;
    for (const { graceUntil } of this.#each(this.#inGrace)) first = earliest(first, graceUntil);
    return first;
  }

  /** How many sessions are in which condition. */
  sessions(): SessionCounts {
    const counts = { up: 0, leaving: 0, missing: 0 };
    for (const { session } of this.#knownByName.values()) {
      if (session?.state === "up") counts.up += 1;
      else if (session?.state === "leaving") counts.leaving += 1;
      else if (session !== undefined) counts.missing += 1;
    }
    return counts;
  }

  /** What is believed of each member. */
  standings(): ReadonlyMap<string, Standing> {
    return new Map([...this.#knownByName].map(([name, { standing }]) => [name, standing]));
  }

  #each(names: Iterable<string>): readonly Known[] {
    return [...names].flatMap((name) => this.#knownByName.get(name) ?? []);
  }

  #setMember({ name, isWatched, api }: Member, now: Instant): readonly StandingChange[] {
    const before = this.#knownByName.get(name);
    const session = isWatched ? (before?.session ?? { state: "unknown" as const }) : undefined;
    const begins = isWatched && before?.session === undefined;
    const graceUntil = begins ? after(now, this.#grace) : isWatched ? before?.graceUntil : undefined;
    return this.#judge({ name, api, session, graceUntil }, now);
  }

  #judgeAll(changed: Known, now: Instant): readonly StandingChange[] {
    const all = [...this.#knownByName.values()];
    return all.flatMap((known) => this.#judge(known.name === changed.name ? changed : known, now));
  }

  #judge(known: Omit<Known, "standing">, now: Instant): readonly StandingChange[] {
    const before = this.#knownByName.get(known.name)?.standing;
    const evidence = {
      session: known.session,
      api: known.api,
      isGraceOver: known.graceUntil === undefined,
      isBfdProven: this.#isBfdProven,
    };
    const standing = judge(evidence, now);
    // The time of the first stays: a death is as old as it was when the API server agrees.
    const isSame = before !== undefined && isSameStanding(before, standing);
    this.#knownByName.set(known.name, { ...known, standing: isSame ? before : standing });
    if (known.graceUntil === undefined) this.#inGrace.delete(known.name);
    else this.#inGrace.add(known.name);
    return isSame ? [] : [{ node: known.name, standing }];
  }
}

const isSameReport = (one: SessionReport, other: SessionReport): boolean =>
  one.state === other.state && (one.state !== "down" || other.state !== "down" || one.cause === other.cause);

/** Who has said that it leaves falls silent in the end, and is not dead for that. */
const afterReport = (before: SessionReport, report: SessionReport): SessionReport => {
  const isSilence = report.state === "unknown" || (report.state === "down" && report.cause === "detected");
  return before.state === "leaving" && isSilence ? before : report;
};
