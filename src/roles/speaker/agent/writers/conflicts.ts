/**
 * Machines that are not ours and answer for addresses of ours.
 *
 * An address that nobody used yet is reported as an `AddressConflict`, so that the controller gives the Service another one. The report
 * goes when nothing has been heard of the machine for ten minutes, or when this node holds the address after all and
 * nobody is heard; should the machine still be there, it is found again before the address is used. Of an address that is held
 * only the condition, the event and the metric tell: to take it away would break what works for some.
 *
 * A machine that answers for every address makes at most so many reports, and a few in a while: it must not use up a pool.
 */
import type { IpAddress } from "#base/address";
import type { MacAddress } from "#base/mac";
import { after, earliest, type Instant, seconds } from "#base/time";
import { fieldsOf, listOf } from "#core/kubernetes/read";
import type { Stage } from "#core/ownership/state";
import type { Owner } from "#core/service-status/object";
import type { ClusterPort } from "#drivers/kubernetes/port";
import { CONFIGURATION_KINDS } from "#runtime/cluster/resources";
import type { Writes } from "#runtime/cluster/writes";
import type { Attempts } from "./attempts.ts";
import { conflictName, conflictObject, readOwnConflict } from "./conflict-object.ts";

/** A machine that is none of ours, and what becomes of the address. */
export type Duplicate = { readonly mac: MacAddress; readonly stage: Stage };

export type ConflictParts = {
  readonly self: string;
  readonly namespace: string;
  readonly cluster: Pick<ClusterPort, "read">;
  /** `expected`: others answer until they are replaced, and no report is made. */
  readonly policy: "reported" | "expected";
  readonly writes: Writes;
  readonly attempts: Attempts;
  readonly now: () => Instant;
  readonly owner: () => Owner | undefined;
  /** Whether anybody may answer for an address: for one that is nobody's any more nothing is heard, and nothing said. */
  readonly isPlaced: (address: IpAddress) => boolean;
  /** Whether this node answers for an address. */
  readonly isHeld: (address: IpAddress) => boolean;
  /** Has `look` called again at that time. */
  readonly lookAgain: (when: Instant) => void;
};

type Sighting = {
  /** `undefined` of one that was only found in a report from before this process was started. */
  readonly mac: MacAddress | undefined;
  readonly stage: Duplicate["stage"];
  readonly presence: "heard" | "quiet";
  /** When it began to be quiet. */
  readonly since: Instant;
};

/** A report goes when the machine has been quiet for so long. */
const OVER = seconds(600);
/** For so long a condition goes on telling of it: between two questions nothing is heard. */
const STILL_TOLD = seconds(60);
/** Reports of one node. */
const MOST = 64;
/** Until reports that were there before are asked for again. */
const LIST_AGAIN = seconds(30);
/** How many reports may be made at once, and how soon one more, is what `Attempts` allows one key. */
const REPORTS = "AddressConflict";

const resourceOf = () => CONFIGURATION_KINDS.get("AddressConflict");

export class Conflicts {
  readonly #parts: ConflictParts;
  readonly #sightings = new Map<IpAddress, Sighting>();
  /** Reports of ours that are there, with their uid if it is known; `undefined` until they were asked for. */
  #reported: Map<IpAddress, string | undefined> | undefined;
  readonly #open = new Set<IpAddress>();
  #listing: "idle" | "under-way" = "idle";
  #listAt: Instant | undefined;

  constructor(parts: ConflictParts) {
    this.#parts = parts;
  }

  /** These are all that are heard now; gives those that are news. To be followed by `look`. */
  hear(duplicates: ReadonlyMap<IpAddress, Duplicate>): ReadonlyMap<IpAddress, Duplicate> {
    const now = this.#parts.now();
    const news = new Map<IpAddress, Duplicate>();
    for (const [address, { mac, stage }] of duplicates) {
      if (!this.#parts.isPlaced(address)) continue;
      const before = this.#sightings.get(address);
      if (before?.mac !== mac || before.stage !== stage) news.set(address, { mac, stage });
      // Somebody may have removed the report meanwhile.
      if (before?.presence === "quiet") this.#reported?.delete(address);
      this.#sightings.set(address, { mac, stage, presence: "heard", since: now });
    }
    this.#quiet((address) => !duplicates.has(address), now);
    return news;
  }

  /** Addresses of machines that are quiet by now, and remembered. */
  *quiet(): Iterable<IpAddress> {
    for (const [address, { presence }] of this.#sightings) if (presence === "quiet") yield address;
  }

  /** The machine that is to be told of; `undefined` if there is none. */
  strangerAt(address: IpAddress): MacAddress | undefined {
    const sighting = this.#sightings.get(address);
    if (sighting === undefined) return undefined;
    const { mac, stage, presence, since } = sighting;
    if (stage === "unused" && this.#parts.isHeld(address)) return undefined;
    return presence === "heard" || this.#parts.now() < after(since, STILL_TOLD) ? mac : undefined;
  }

  /** When a machine that is quiet is told of no more; `undefined` as long as it is heard. */
  toldUntil(address: IpAddress): Instant | undefined {
    const sighting = this.#sightings.get(address);
    return sighting?.presence === "quiet" ? after(sighting.since, STILL_TOLD) : undefined;
  }

  /** Makes reports that are due, and removes those that are over. */
  look(): void {
    const now = this.#parts.now();
    this.#quiet((address) => !this.#parts.isPlaced(address), now);
    for (const [address, sighting] of this.#sightings)
      if (this.#isOver(address, sighting, now)) this.#sightings.delete(address);
    if (this.#reported === undefined) this.#list(now);
    else {
      this.#report(this.#reported, now);
      this.#withdraw(this.#reported);
    }
    let next: Instant | undefined = this.#listAt;
    for (const { presence, since } of this.#sightings.values())
      if (presence === "quiet") next = earliest(next, after(since, OVER));
    if (next !== undefined) this.#parts.lookAgain(next);
  }

  /** Of these machines nothing is heard from now on. */
  #quiet(isQuiet: (address: IpAddress) => boolean, now: Instant): void {
    for (const [address, sighting] of this.#sightings)
      if (sighting.presence === "heard" && isQuiet(address))
        this.#sightings.set(address, { ...sighting, presence: "quiet", since: now });
  }

  #isOver(address: IpAddress, { presence, stage, since }: Sighting, now: Instant): boolean {
    if (presence === "heard") return false;
    if (stage === "unused" && this.#parts.isHeld(address)) return true;
    return now >= after(since, OVER);
  }

  /** Reports of this node from before it was started count as heard of until now. */
  async #list(now: Instant): Promise<void> {
    const resource = resourceOf();
    if (resource === undefined || this.#listing === "under-way") return;
    if (this.#listAt !== undefined && now < this.#listAt) return;
    this.#listing = "under-way";
    const { cluster, namespace, self, lookAgain } = this.#parts;
    const answer = await cluster.read({ resource, namespace });
    this.#listing = "idle";
    const then = this.#parts.now();
    if (!answer.ok) {
      this.#listAt = after(then, LIST_AGAIN);
      lookAgain(this.#listAt);
      return;
    }
    this.#listAt = undefined;
    const own = listOf(fieldsOf(answer.body).items).flatMap((item) => readOwnConflict(self, item) ?? []);
    this.#reported = new Map(own.map(({ address, uid }) => [address, uid]));
    for (const { address } of own)
      if (!this.#sightings.has(address))
        this.#sightings.set(address, { mac: undefined, stage: "unused", presence: "quiet", since: then });
    this.look();
  }

  #report(reported: Map<IpAddress, string | undefined>, now: Instant): void {
    const { self, namespace, policy, writes, attempts, owner, lookAgain } = this.#parts;
    if (policy === "expected") return;
    const resource = resourceOf();
    for (const [address, { mac, stage }] of this.#sightings) {
      if (stage !== "unused" || mac === undefined) continue;
      if (reported.has(address) || this.#open.has(address)) continue;
      if (resource === undefined || reported.size + this.#open.size >= MOST) return;
      const due = attempts.dueAt(REPORTS, address, now);
      if (due > now) {
        lookAgain(due);
        return;
      }
      attempts.sent(REPORTS, address, now);
      this.#open.add(address);
      writes.put(keyOf(address), {
        request: () => {
          const body = conflictObject({ node: self, namespace, address, mac, owner: owner() });
          return { target: { resource, namespace }, write: { verb: "create", body } };
        },
        done: ({ answer }) => {
          this.#open.delete(address);
          if (answer.ok) reported.set(address, readOwnConflict(self, answer.body)?.uid);
          else if (answer.failure.reason === "conflict") reported.set(address, undefined);
          lookAgain(attempts.dueAt(REPORTS, address, this.#parts.now()));
        },
      });
    }
  }

  #withdraw(reported: Map<IpAddress, string | undefined>): void {
    const { self, namespace, writes, lookAgain } = this.#parts;
    const resource = resourceOf();
    for (const [address, uid] of reported) {
      if (this.#sightings.get(address)?.stage === "unused" || this.#open.has(address)) continue;
      if (resource === undefined) return;
      this.#open.add(address);
      const name = conflictName(self, address);
      writes.put(keyOf(address), {
        request: () => ({
          target: { resource, namespace, name },
          write: { verb: "delete", ...(uid === undefined ? {} : { uid }) },
        }),
        done: ({ answer }) => {
          this.#open.delete(address);
          const isGone =
            answer.ok || answer.failure.reason === "not-found" || answer.failure.reason === "conflict";
          if (isGone) reported.delete(address);
          else lookAgain(after(this.#parts.now(), LIST_AGAIN));
        },
      });
    }
  }
}

const keyOf = (address: IpAddress): string => `${REPORTS} ${address}`;
