/**
 * Does an edge grow? Two edges under load, a fault every few seconds, and what each takes of its machine after each fault.
 * The faults are those of `npm run chaos`, but for those that start a process again: a new one would weigh as little as ever.
 */
import { planChaos } from "#test/chaos/plan";
import { play } from "#test/chaos/play";
import { brokenPromises } from "#test/chaos/verdict";
import { courses, lows } from "#test/chaos/weigh";
import type { Result } from "./report.ts";

/** More steps than fit into any run. */
const STEPS = 10_000;

const NAMES = {
  memory: "memory of both processes (PSS, kB)",
  descriptors: "open descriptors of both processes",
  objects: "nftables tables, chains, sets, rules",
  tracked: "entries of connection tracking",
} as const;

/** Plays the faults of this seed for so many seconds, and says what was promised and whether anything grew. */
export const measureSoak = async (order: {
  readonly seed: number;
  readonly seconds: number;
  readonly say: (line: string) => void;
}): Promise<Result> => {
  const { seed, seconds, say } = order;
  const plan = planChaos({ seed, steps: STEPS, spared: true });
  const { logs: _, ...seen } = await play({
    plan,
    seconds,
    say: (line) => say(`soak: ${line.replace("/10000", "")}`),
  });
  const broken = brokenPromises(seen);
  const grown = Object.entries(seen.weights).flatMap(([edge, weights]) =>
    courses(weights).map((course) => ({ edge, ...course })),
  );
  const { played, requests, downloads } = seen;
  return {
    bench: "soak",
    tables: [
      {
        title: `**Two edges, ${played.length} faults in ${Math.round(seconds / 60)} minutes**`,
        header: ["edge", "what", "early", "at the end", "most that it may be"],
        rows: grown.map(({ edge, what, before, now, limit }) => [
          ...[edge, NAMES[what]],
          ...[before, now, limit].map((value) => value.toFixed(0)),
        ]),
        notes: [
          "Early: the median of the second fifth of the run; at the end: of the last fifth. " +
            `Seed ${seed}; ${requests.length} requests and ${downloads.length} downloads meanwhile.`,
          ...broken.map((promise) => `Broken: ${promise}`),
        ],
      },
      {
        title: "**The least memory in each fifth of the run (PSS of both processes, kB)**",
        header: ["edge", "first", "second", "third", "fourth", "last"],
        rows: Object.entries(seen.weights).map(([edge, weights]) => [
          edge,
          ...lows(weights, "memory").map(String),
        ]),
        notes: [
          "The least is what is left after garbage was collected; what leaks would show there as a slope.",
        ],
      },
    ],
    bars: [
      { what: "promises broken", limit: "0", measured: String(broken.length), met: broken.length === 0 },
      {
        what: "weights that grew",
        limit: "0",
        measured: String(grown.filter(({ now, limit }) => now > limit).length),
        met: grown.every(({ now, limit }) => now <= limit),
      },
    ],
    measurements: { seed, weights: seen.weights },
  };
};
