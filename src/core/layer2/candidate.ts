/** Nodes that may answer for an address, and the sets of them, of which thousands of addresses share each. */

/** On which interfaces a node answers: those with these names, if they are there, or all that can. */
export type Interfaces = "all" | readonly string[];

export type Candidate = {
  readonly node: string;
  readonly interfaces: Interfaces;
  /** How many Services on the address it cannot serve; 0 but for Services that should not share. Fewer comes first. */
  readonly lacks: number;
  /** How far behind its state puts it; 0 for a node with which nothing is the matter. Smaller comes first. */
  readonly grade: number;
  /** Weights of the preferences that mean it, added up. Larger comes first. */
  readonly preference: number;
  /** Whether the even spread may give it more. */
  readonly intake: "open" | "closed";
  /** Equal for candidates that are equal. */
  readonly key: string;
};

/** A set of candidates. Two that hold the same are one object. */
export type CandidateSet = {
  /** By name. */
  readonly candidates: readonly Candidate[];
};

/** A candidate with its key. */
export const candidateOf = (fields: Omit<Candidate, "key">): Candidate => {
  const { node, interfaces, lacks, grade, preference, intake } = fields;
  const names = interfaces === "all" ? "*" : interfaces.join(",");
  return { ...fields, key: `${node} ${lacks} ${grade} ${preference} ${intake} ${names}` };
};

/** Names of interfaces of two, without repetition, in order. */
export const unionOf = (left: Interfaces, right: Interfaces): Interfaces =>
  left === "all" || right === "all" ? "all" : [...new Set([...left, ...right])].sort();

type Shelf = { readonly set: CandidateSet; readonly key: string; users: number };

/** Keeps one copy of each set that is in use. */
export class CandidateSets {
  readonly #byKey = new Map<string, Shelf>();
  readonly #bySet = new Map<CandidateSet, Shelf>();

  /** Sets in use. */
  get size(): number {
    return this.#byKey.size;
  }

  /** The one set of these candidates, which must be in the order of their names. Each `take` needs a `release`. */
  take(candidates: readonly Candidate[]): CandidateSet {
    const key = candidates.map((candidate) => candidate.key).join("\n");
    const known = this.#byKey.get(key);
    if (known !== undefined) {
      known.users += 1;
      return known.set;
    }
    const shelf: Shelf = { set: { candidates }, key, users: 1 };
    this.#byKey.set(key, shelf);
    this.#bySet.set(shelf.set, shelf);
    return shelf.set;
  }

  /** Counts one user more of a set. */
  share(set: CandidateSet): CandidateSet {
    const shelf = this.#bySet.get(set);
    if (shelf !== undefined) shelf.users += 1;
    return set;
  }

  release(set: CandidateSet): void {
    const shelf = this.#bySet.get(set);
    if (shelf === undefined) return;
    shelf.users -= 1;
    if (shelf.users > 0) return;
    this.#byKey.delete(shelf.key);
    this.#bySet.delete(set);
  }
}
