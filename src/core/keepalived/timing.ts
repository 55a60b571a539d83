/** The timers of a check, which a checker inherits from its real server, and that one from its virtual server. */
import type { Duration } from "#base/time";
import { integerOf, secondsOf } from "./arguments.ts";
import type { Report } from "./report.ts";
import type { Statement } from "./statements.ts";
import { carried, each, needless, type Rule } from "./table.ts";

/** What one block says about timers; `undefined` where it does not. */
export type Timing = {
  delayLoop?: Duration;
  connectTimeout?: Duration;
  retry?: number;
  delayBeforeRetry?: Duration;
};

type Timed = { readonly timing: Timing };

const read = (key: "delayLoop" | "connectTimeout" | "delayBeforeRetry"): Rule<Timed> =>
  carried(({ timing }, statement: Statement, report: Report) => {
    const duration = secondsOf(statement, report);
    if (duration !== undefined) timing[key] = duration;
  });

/** The keywords that virtual servers, real servers and checkers share. */
export const TIMING: readonly (readonly [string, Rule<Timed>])[] = [
  ["delay_loop", read("delayLoop")],
  ["connect_timeout", read("connectTimeout")],
  ["delay_before_retry", read("delayBeforeRetry")],
  ...each(
    "retry nb_get_retry",
    carried(({ timing }: Timed, statement: Statement, report: Report) => {
      const retry = integerOf(statement, { min: 0, max: 1_000_000 }, report);
      if (retry !== undefined) timing.retry = retry;
    }),
  ),
  ...each("alpha", needless("a backend always begins without connections, until its first check succeeds")),
  ...each("warmup", needless("checks are always spread over time")),
];
