/** What the starts mean. Pure arithmetic and text. */
import { type Bar, figure, type Result, type Table } from "./report.ts";
import { median, summarize } from "./statistics.ts";

/** One start, in milliseconds from the moment the command was run. */
export type Start = {
  readonly readyMs: number;
  /** When what happened, by the wall clock: whole milliseconds. */
  readonly milestones: Readonly<Record<string, number>>;
};

/** The starts of one way to start. */
export type Starts = { readonly name: string; readonly starts: readonly Start[] };

const LIMIT_MS = 200;

const milestoneTable = ({ name, starts }: Starts): Table => {
  const names = [...new Set(starts.flatMap(({ milestones }) => Object.keys(milestones)))];
  const medians = names.map((each) => ({
    each,
    at: median(starts.flatMap(({ milestones }) => milestones[each] ?? [])),
  }));
  return {
    title: `**What happens when, ${name} (medians, milliseconds)**`,
    header: ["milestone", "at"],
    rows: medians.sort((a, b) => a.at - b.at).map(({ each, at }) => [each, figure(at)]),
  };
};

/** `floorMs`: what Node.js itself takes to start, do nothing and end. */
export const reportStart = (all: readonly Starts[], floorMs: readonly number[]): Result => {
  const rows = [
    ...all.map(({ name, starts }) => ({ name, values: starts.map(({ readyMs }) => readyMs) })),
    { name: "node -e 0, start to end", values: floorMs },
  ];
  const bars: readonly Bar[] = all.map(({ name, starts }) => {
    const middle = median(starts.map(({ readyMs }) => readyMs));
    return {
      what: `${name}: median`,
      limit: `below ${LIMIT_MS} ms`,
      measured: `${figure(middle)} ms`,
      met: middle < LIMIT_MS,
    };
  });
  return {
    bench: "start",
    tables: [
      {
        title: "**From the command until `/readyz` says ok (milliseconds)**",
        header: ["command", "runs", "min", "median", "p90", "max"],
        rows: rows.map(({ name, values }) => {
          const { count, min, median: middle, p90, max } = summarize(values);
          return [name, String(count), ...[min, middle, p90, max].map(figure)];
        }),
      },
      ...all.slice(0, 1).map(milestoneTable),
    ],
    bars,
    measurements: { all, floorMs },
  };
};
