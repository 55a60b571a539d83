/** `vrrp_script`: a question that instances track, and our `TrackedCheck` for it. */
import { type Duration, millis, seconds } from "#base/time";
import type { CheckInput } from "#core/config/schema-check";
import { clamp, integerOf, secondsOf, spell } from "./arguments.ts";
import { commandOf } from "./command.ts";
import { SCRIPT_USER } from "./reasons.ts";
import type { Report } from "./report.ts";
import type { Statement } from "./statements.ts";
import { applyTable, carried, each, needless, type Table } from "./table.ts";
import { readWeight, type Weight } from "./weight.ts";

/** A `vrrp_script` as it was written. */
export type Script = {
  readonly name: string;
  readonly statement: Statement;
  /** How its failure counts where an instance does not say. */
  readonly weight: Weight;
  /** `undefined` when there is nothing to run. */
  readonly check?: CheckInput;
};

type Draft = {
  command?: readonly string[];
  interval: Duration;
  timeout?: Duration;
  rise: number;
  fall: number;
  weight: Weight;
};

const COUNT = { min: 1, max: 100 };
const INTERVAL = { min: millis(50), max: seconds(3600) };
const TIMEOUT = { min: millis(10), max: seconds(60) };

/** A time within bounds; says so when it had to be moved. */
export const boundedTime = (
  wanted: Duration,
  bounds: { readonly min: Duration; readonly max: Duration },
  {
    statement,
    report,
    what,
  }: { readonly statement: Statement; readonly report: Report; readonly what: string },
): Duration => {
  const given = clamp(wanted, bounds);
  if (given !== wanted) report.changed(statement, `${what} ${spell(given)} instead of ${spell(wanted)}`);
  return given;
};

const TABLE: Table<Draft> = new Map([
  [
    "script",
    carried((draft, statement, report) => {
      const command = commandOf(statement, report);
      if (command !== undefined) draft.command = command;
    }),
  ],
  [
    "interval",
    carried((draft, statement, report) => {
      draft.interval = secondsOf(statement, report) ?? draft.interval;
    }),
  ],
  [
    "timeout",
    carried((draft, statement, report) => {
      const timeout = secondsOf(statement, report);
      if (timeout !== undefined) draft.timeout = timeout;
    }),
  ],
  [
    "rise",
    carried((draft, statement, report) => {
      draft.rise = integerOf(statement, COUNT, report) ?? draft.rise;
    }),
  ],
  [
    "fall",
    carried((draft, statement, report) => {
      draft.fall = integerOf(statement, COUNT, report) ?? draft.fall;
    }),
  ],
  [
    "weight",
    carried((draft, statement, report) => {
      draft.weight = readWeight(["weight", ...statement.args], statement, report) ?? draft.weight;
    }),
  ],
  [
    "user",
    carried((_draft, statement, report) => {
      if (statement.args[0] === "root") report.needless(statement, "scripts run as the user of steelyard");
      else report.lost(statement, SCRIPT_USER);
    }),
  ],
  ...each("init_fail", needless("a check without an answer yet always counts as failed")),
]);

/** Reads a `vrrp_script` block. Its check is `undefined` when it names no program. */
export const readScript = (statement: Statement, report: Report): Script => {
  const draft: Draft = { interval: seconds(1), rise: 1, fall: 1, weight: { effect: 0, reverse: false } };
  applyTable(TABLE, statement.block ?? [], { draft, report, where: "vrrp_script" });
  const [name = ""] = statement.args;
  const { command, interval, rise, fall, weight } = draft;
  const script: Script = { name, statement, weight };
  if (command === undefined) return script;
  // A timeout of nothing means the interval, as in keepalived.
  const timeout = draft.timeout === undefined || draft.timeout === 0 ? interval : draft.timeout;
  const about = { statement, report };
  return {
    ...script,
    check: {
      script: { command: [...command] },
      interval: spell(boundedTime(interval, INTERVAL, { ...about, what: "interval" })),
      timeout: spell(boundedTime(timeout, TIMEOUT, { ...about, what: "timeout" })),
      retries: 0,
      retryDelay: "0s",
      rise,
      fall,
    },
  };
};
