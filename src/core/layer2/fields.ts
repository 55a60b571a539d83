/** The fields in use, and the sets of candidates that come out of them: one field for each combination of advertisements and networks that addresses have. */

import type { L2Advertisement } from "#core/metallb/model";
import { type CandidateSet, CandidateSets } from "./candidate.ts";
import { candidatesFor, type Demand } from "./demand.ts";
import { Field, type NodeFacts } from "./field.ts";
import type { NetworkKey } from "./fitness.ts";
import type { Rules } from "./rules.ts";

type Entry = {
  readonly field: Field;
  readonly key: string;
  /** All its candidates, once somebody has asked for them since something changed. */
  whole: CandidateSet | undefined;
  /** Addresses whose demands name it. */
  users: number;
};

export class Fields {
  readonly sets = new CandidateSets();
  readonly #nodes: ReadonlyMap<string, NodeFacts>;
  readonly #effort: { steps: number };
  readonly #byKey = new Map<string, Entry>();
  readonly #byField = new Map<Field, Entry>();
  /** A configuration that is put in force again has other objects. */
  readonly #idOf = new WeakMap<L2Advertisement, number>();
  #lastId = 0;

  constructor(nodes: ReadonlyMap<string, NodeFacts>, effort: { steps: number }) {
    this.#nodes = nodes;
    this.#effort = effort;
  }

  get size(): number {
    return this.#byKey.size;
  }

  /** The field of these advertisements in these networks. */
  of(ads: readonly L2Advertisement[], networks: readonly NetworkKey[], rules: Rules): Field {
    const key = `${ads.map((ad) => this.#id(ad)).join(" ")}|${networks.join(" ")}`;
    const known = this.#byKey.get(key);
    if (known !== undefined) return known.field;
    const field = new Field(ads, { networks, rules });
    for (const facts of this.#nodes.values()) {
      this.#effort.steps += 1;
      field.judge(facts);
    }
    const entry: Entry = { field, key, whole: undefined, users: 0 };
    this.#byKey.set(key, entry);
    this.#byField.set(field, entry);
    return field;
  }

  /** Judges nodes anew, everywhere; gives the fields whose candidates changed. */
  judge(names: Iterable<string>): ReadonlySet<Field> {
    const changed = new Set<Field>();
    for (const name of names) {
      const facts = this.#nodes.get(name);
      for (const entry of this.#byKey.values()) {
        this.#effort.steps += 1;
        const outcome = facts === undefined ? entry.field.forget(name) : entry.field.judge(facts);
        if (outcome === "same") continue;
        changed.add(entry.field);
        this.#forgetWhole(entry);
      }
    }
    return changed;
  }

  /** Counts a user of each of the fields. Whoever uses them gives them back with `release`. */
  use(demands: readonly Demand[]): void {
    for (const { field } of demands) {
      const entry = this.#byField.get(field);
      if (entry !== undefined) entry.users += 1;
    }
  }

  /** The candidates that meet demands, of which there must be one. Whoever asks gives them back with `release`. */
  candidates(demands: readonly Demand[]): CandidateSet {
    const [only] = demands;
    const isWhole = demands.length === 1 && only !== undefined && only.among === undefined;
    const entry = isWhole ? this.#byField.get(only.field) : undefined;
    if (entry === undefined) {
      this.#effort.steps += demands.reduce((sum, { among }) => sum + (among?.length ?? this.#nodes.size), 0);
      return this.sets.take(candidatesFor(demands));
    }
    if (entry.whole === undefined) {
      this.#effort.steps += this.#nodes.size;
      entry.whole = this.sets.take(candidatesFor(demands));
    }
    return this.sets.share(entry.whole);
  }

  /** Gives back what an address used; fields that no address uses are forgotten. */
  release({ demands, set }: { readonly demands: readonly Demand[]; readonly set: CandidateSet }): void {
    this.sets.release(set);
    for (const { field } of demands) {
      const entry = this.#byField.get(field);
      if (entry === undefined) continue;
      entry.users -= 1;
      if (entry.users === 0) this.#forget(entry);
    }
  }

  /** Forgets all fields, since they were made by other rules. */
  forgetAll(): void {
    for (const entry of [...this.#byKey.values()]) this.#forget(entry);
  }

  #forget(entry: Entry): void {
    this.#forgetWhole(entry);
    this.#byKey.delete(entry.key);
    this.#byField.delete(entry.field);
  }

  #forgetWhole(entry: Entry): void {
    if (entry.whole !== undefined) this.sets.release(entry.whole);
    entry.whole = undefined;
  }

  #id(ad: L2Advertisement): number {
    const known = this.#idOf.get(ad);
    if (known !== undefined) return known;
    this.#lastId += 1;
    this.#idOf.set(ad, this.#lastId);
    return this.#lastId;
  }
}
