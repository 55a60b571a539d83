/** One thing that is still there. */

/** Something in the kernel or in a file that an edge made. */
export type Leftover = {
  /** For people, as what it is: `address 192.0.2.10/24 on eth0`. */
  readonly what: string;
  /** Removes it, or puts it back to what it was. Gives why it could not; `undefined` when it is gone. */
  readonly remove: () => Promise<string | undefined>;
};

/** Looks for the leftovers of one kind; changes nothing. Throws nothing: what cannot be looked at has a reason. */
export type Finder = () => Promise<readonly Leftover[]>;

/** Stands for what could not be looked at, so that it is said and counts as not clean. */
export const unseen = (what: string, reason: string): Leftover => ({
  what,
  remove: async () => `cannot be looked at: ${reason}`,
});
