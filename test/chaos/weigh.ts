/** What an edge takes of its machine at one moment, to see whether it grows. */
import type { ManagedEdge } from "./edge.ts";

export type Weight = {
  /** Milliseconds since 1970. */
  readonly at: number;
  /** Of the wire process and its agent together, in kilobytes (PSS). */
  readonly memory: number;
  /** Open descriptors of both. */
  readonly descriptors: number;
  /** Tables, chains, sets and rules of ours; not the elements that packets add. */
  readonly objects: number;
  /** Entries of the host's connection tracking table. */
  readonly tracked: number;
};

/** $1: the wire process. Prints memory, descriptors, objects and tracked connections, one a line. */
const SCRIPT = `
pids="$1 $(pgrep -P "$1")"
for pid in $pids; do cat /proc/$pid/smaps_rollup; done | awk '/^Pss:/ { sum += $2 } END { print sum + 0 }'
for pid in $pids; do ls /proc/$pid/fd; done | wc -l
for family in inet netdev; do nft --terse list table $family steelyard 2>/dev/null; done | wc -l
cat /proc/sys/net/netfilter/nf_conntrack_count
`;

/** Weighs an edge; `undefined` when it does not run just now. */
export const weigh = async (edge: ManagedEdge): Promise<Weight | undefined> => {
  const pid = edge.pid();
  if (pid === undefined) return undefined;
  const { stdout } = await edge.host.run(["sh", "-c", SCRIPT, "sh", pid]);
  const [memory = 0, descriptors = 0, objects = 0, tracked = 0] = stdout.trim().split("\n").map(Number);
  return memory === 0 ? undefined : { at: Date.now(), memory, descriptors, objects, tracked };
};

/** How much more than at first there may be at the end: what a garbage collector and a busy moment add. */
const LIMITS: readonly {
  readonly what: Exclude<keyof Weight, "at">;
  readonly share: number;
  readonly more: number;
}[] = [
  { what: "memory", share: 0.1, more: 4_000 },
  { what: "descriptors", share: 0, more: 6 },
  { what: "objects", share: 0, more: 4 },
  { what: "tracked", share: 0.5, more: 2_000 },
];

/** Fewer weights than these say nothing of growth. */
const ENOUGH = 20;

const middle = (values: readonly number[]): number =>
  [...values].sort((left, right) => left - right)[Math.floor(values.length / 2)] ?? 0;

/** How one weight went: the middle of the second fifth of a run and of its last, and the most that the last may be. */
export type Course = {
  readonly what: Exclude<keyof Weight, "at">;
  readonly before: number;
  readonly now: number;
  readonly limit: number;
};

/** How each weight went. */
export const courses = (weights: readonly Weight[]): readonly Course[] => {
  const fifth = Math.max(1, Math.floor(weights.length / 5));
  return LIMITS.map(({ what, share, more }) => {
    const of = (part: readonly Weight[]): number => middle(part.map((each) => each[what]));
    const [before, now] = [of(weights.slice(fifth, 2 * fifth)), of(weights.slice(-fifth))];
    return { what, before, now, limit: before * (1 + share) + more };
  });
};

/** The lowest weight in each fifth of a run: what is left when a garbage collector has been there, so that a leak shows as a slope. */
export const lows = (weights: readonly Weight[], what: Course["what"]): readonly number[] => {
  const fifth = Math.max(1, Math.floor(weights.length / 5));
  return [0, 1, 2, 3, 4].map((part) =>
    Math.min(
      ...weights.slice(part * fifth, part === 4 ? undefined : (part + 1) * fifth).map((each) => each[what]),
    ),
  );
};

/** What has grown, in words; empty when nothing has, or the run was too short to tell. */
export const growth = (name: string, weights: readonly Weight[]): readonly string[] =>
  weights.length < ENOUGH
    ? []
    : courses(weights).flatMap(({ what, before, now, limit }) =>
        now > limit ? [`${name}: ${what} grew from ${before} to ${now}`] : [],
      );

/** All courses in a line, for people who want to see how flat they were. */
export const describeWeights = (weights: readonly Weight[]): string => {
  const parts = courses(weights).map(({ what, before, now }) => `${what} ${before} -> ${now}`);
  return `${parts.join(", ")} (${weights.length} weighings)`;
};
