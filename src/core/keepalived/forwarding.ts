/** `lvs_sched` and `lvs_method`: how connections are spread, and how packets get there. */
import type { ServerInput } from "#core/config/schema-server";
import { quoted } from "./arguments.ts";
import type { Noted, Report } from "./report.ts";
import type { Statement } from "./statements.ts";

type Scheduler = NonNullable<ServerInput["scheduler"]>;
type Mode = NonNullable<ServerInput["mode"]>;

/** Our scheduler, and in what it differs. */
type Choice = { readonly scheduler: Scheduler; readonly difference?: string };

const SEEN = "in dsr nftables does not see connections end; written as weighted";
const CLOSE = "written as least-connections, which comes close";
const COUNTS = "written as least-connections: open connections count for the weight";

/** Schedulers that go by open connections, and in what `least-connections` differs. */
const COUNTING: ReadonlyMap<string, string | undefined> = new Map([
  ["wlc", undefined],
  ["lc", COUNTS],
  ["sed", CLOSE],
  ["nq", CLOSE],
  ["lblc", "written as least-connections, whatever the destination"],
  ["lblcr", "written as least-connections, whatever the destination"],
]);

const SCHEDULERS: ReadonlyMap<string, Choice> = new Map([
  ["rr", { scheduler: "round-robin" }],
  ["wrr", { scheduler: "weighted" }],
  [
    "twos",
    { scheduler: "weighted", difference: "written as weighted, which does not count open connections" },
  ],
  ["sh", { scheduler: "source-hash" }],
  ["mh", { scheduler: "source-hash" }],
  [
    "dh",
    {
      scheduler: "source-hash",
      difference: "written as source-hash: the client decides, not the destination",
    },
  ],
  [
    "fo",
    { scheduler: "weighted", difference: "written as weighted: one backend after the other is not there" },
  ],
  [
    "ovf",
    { scheduler: "weighted", difference: "written as weighted: one backend after the other is not there" },
  ],
]);

/** keepalived's default. */
const DEFAULT = "wlc";

/** A scheduler that goes by open connections, where this box can see them. */
const countingFrom = (
  about: Noted,
  { word, mode, report }: { readonly word: string; readonly mode: Mode; readonly report: Report },
): Scheduler => {
  if (mode === "dsr") {
    report.lost(about, `${word}: ${SEEN}. With --engine ipvs write least-connections`);
    return "weighted";
  }
  const difference = COUNTING.get(word);
  if (difference !== undefined) report.changed(about, `${word}: ${difference}`);
  return "least-connections";
};

/** The scheduler for the one that was named; `hashesPort` when its hash counts the client's port as well (`sh-port`). */
export const schedulerFrom = (
  named: Statement | undefined,
  {
    about,
    mode,
    hashesPort,
    report,
  }: {
    readonly about: Statement;
    readonly mode: Mode;
    readonly hashesPort: boolean;
    readonly report: Report;
  },
): Scheduler => {
  const word = named?.args[0] ?? DEFAULT;
  const noted = named ?? { ...about, keyword: "lvs_sched" };
  if (COUNTING.has(word)) return countingFrom(noted, { word, mode, report });
  const choice = SCHEDULERS.get(word);
  if (choice === undefined) {
    report.lost(noted, `${quoted(word)} is no scheduler; written as weighted`);
    return "weighted";
  }
  const { scheduler, difference } = choice;
  if (difference !== undefined) report.lost(noted, `${word}: ${difference}`);
  return scheduler === "source-hash" && hashesPort ? "consistent-hash" : scheduler;
};

/** The mode for a forwarding method; `undefined`, with a note, for tunnels. */
export const modeFrom = (
  named: Statement | undefined,
  { about, report }: { readonly about: Statement; readonly report: Report },
): Mode | undefined => {
  const word = named?.args[0] ?? "NAT";
  if (word === "DR") return "dsr";
  if (word === "NAT") return "nat";
  report.lost(
    named ?? about,
    `${quoted(word)}: backends are not reached through tunnels, so the server is left out`,
  );
  return undefined;
};
