/** What the bench of thousands of addresses that move at once saw. Pure arithmetic and text. */
import { type Bar, figure, type Result, type Table } from "./report.ts";
import type { Death, Layout, ManyCase } from "./speaker-many.ts";
import { quantile, summarize } from "./statistics.ts";

/** What is promised of whoever asks, however many addresses move. */
const ANSWERED_LIMIT_MS = 500;
/** The latest take-over, and the announcements that leave a node in a millisecond: docs/decisions/0009. */
const TAKEN_MS = 420;
const PER_MS = 4;

const TO: Readonly<Record<Layout, string>> = {
  "to one": "one other",
  spread: "three others",
  even: "each other",
};

const casesOf = (deaths: readonly Death[]): readonly (ManyCase & { readonly deaths: readonly Death[] })[] => {
  const keys = new Map(
    deaths.map(({ addresses, layout }) => [`${addresses} ${layout}`, { addresses, layout }]),
  );
  return [...keys.values()].map((each) => ({
    ...each,
    deaths: deaths.filter(({ addresses, layout }) => addresses === each.addresses && layout === each.layout),
  }));
};

/** The latest of each death. */
const latest = (deaths: readonly Death[], of: "answeredMs" | "announcedMs"): readonly number[] =>
  deaths.map((death) => quantile(death[of], 1));

const table = (deaths: readonly Death[]): Table => ({
  title: "**From the last answer of the dead node (milliseconds)**",
  header: [
    ...["addresses", "to", "deaths", "first answer", "last of 20 answered: median", "max"],
    ...["half announced", "all announced: median", "max"],
  ],
  rows: casesOf(deaths).map(({ addresses, layout, deaths: own }) => {
    const [answered, announced] = [latest(own, "answeredMs"), latest(own, "announcedMs")].map(summarize);
    const first = summarize(own.map(({ answeredMs }) => quantile(answeredMs, 0)));
    const half = summarize(own.map(({ announcedMs }) => quantile(announcedMs, 0.5)));
    return [
      ...[`${addresses}`, TO[layout], `${own.length}`, figure(first.median)],
      ...[answered?.median, answered?.max, half.median, announced?.median, announced?.max].map((ms) =>
        figure(ms ?? Number.NaN),
      ),
    ];
  }),
  notes: [
    "Each address of the sample is asked for every ten milliseconds, so its first answer may be as much later than it could be.",
    `The client never paused for more than ${figure(
      quantile(
        deaths.map(({ unaskedMs }) => unaskedMs),
        1,
      ),
    )} ms between two questions.`,
  ],
});

const partOf = ({ addresses, layout }: ManyCase): number => (layout === "spread" ? addresses / 3 : addresses);

const barsOf = (deaths: readonly Death[]): readonly Bar[] =>
  casesOf(deaths).flatMap((each) => {
    const what = `${each.addresses} to ${TO[each.layout]}`;
    const answered = quantile(latest(each.deaths, "answeredMs"), 1);
    const announced = quantile(latest(each.deaths, "announcedMs"), 1);
    const limit = TAKEN_MS + partOf(each) / PER_MS;
    const bar = (name: string, ms: number, most: number): Bar => ({
      ...{ what: `${what}: ${name}`, limit: `below ${figure(most)} ms` },
      ...{ measured: `${figure(ms)} ms`, met: ms < most },
    });
    return [
      bar("all that are asked for answered", answered, ANSWERED_LIMIT_MS),
      bar("all announced", announced, limit),
    ];
  });

/** Table and bars. */
export const reportMany = (deaths: readonly Death[]): Result => ({
  bench: "speaker-many",
  tables: [table(deaths)],
  bars: barsOf(deaths),
  measurements: deaths,
});
