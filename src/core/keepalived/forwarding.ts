/** `lvs_sched` and `lvs_method`: how connections are spread, and how packets get there. */
import type { ServerInput } from "#core/config/schema-server";
import { quoted } from "./arguments.ts";
import type { Report } from "./report.ts";
import type { Statement } from "./statements.ts";

type Scheduler = NonNullable<ServerInput["scheduler"]>;
type Mode = NonNullable<ServerInput["mode"]>;

/** Our scheduler, and in what it differs. */
type Choice = { readonly scheduler: Scheduler; readonly difference?: string };

const WEIGHTED = "written as weighted, which does not count open connections";

const SCHEDULERS: ReadonlyMap<string, Choice> = new Map([
  ["rr", { scheduler: "round-robin" }],
  ["wrr", { scheduler: "weighted" }],
  ["lc", { scheduler: "weighted", difference: WEIGHTED }],
  ["wlc", { scheduler: "weighted", difference: WEIGHTED }],
  ["sed", { scheduler: "weighted", difference: WEIGHTED }],
  ["nq", { scheduler: "weighted", difference: WEIGHTED }],
  ["lblc", { scheduler: "weighted", difference: WEIGHTED }],
  ["lblcr", { scheduler: "weighted", difference: WEIGHTED }],
  ["twos", { scheduler: "weighted", difference: WEIGHTED }],
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

/** The scheduler for the one that was named; `hashesPort` when its hash counts the client's port as well (`sh-port`). */
export const schedulerFrom = (
  named: Statement | undefined,
  {
    about,
    hashesPort,
    report,
  }: { readonly about: Statement; readonly hashesPort: boolean; readonly report: Report },
): Scheduler => {
  const word = named?.args[0] ?? DEFAULT;
  const choice = SCHEDULERS.get(word);
  if (choice === undefined) {
    report.lost(named ?? about, `${quoted(word)} is no scheduler; written as weighted`);
    return "weighted";
  }
  const { scheduler, difference } = choice;
  if (difference !== undefined) {
    report.lost(named ?? about, `${named === undefined ? "lvs_sched: " : ""}${word}: ${difference}`);
  }
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
