/**
 * How long a dead backend can go on receiving traffic, as arithmetic that an operator can check by hand.
 *
 * The bound assumes what is worst: every attempt runs into its timeout. It is kept as long as timers are on time, the
 * prober answers (one that says nothing adds at most `ANSWER_GRACE` an attempt) and no round is skipped as `overloaded`.
 */
import { type Duration, formatDuration, micros } from "#base/time";
import type { HealthCheckConfig } from "./config.ts";

/** The parts of the bound; `wait + removal` is the whole time from the failure of the backend. */
export type WorstCase = {
  /** From the backend's failure to the first attempt that can notice it: one interval. */
  readonly wait: Duration;
  /** The longest round: `timeout + retries x (timeout + retryDelay)`. */
  readonly round: Duration;
  /** From the start of one longest round to the start of the next: whole intervals. */
  readonly spacing: Duration;
  /** From the first attempt that notices to the verdict: `(fall - 1) x spacing + round`. */
  readonly removal: Duration;
};

/** The longest times that `config` allows. */
export const worstCase = (config: HealthCheckConfig): WorstCase => {
  const round = micros(config.timeout + config.retries * (config.timeout + config.retryDelay));
  const spacing = micros(Math.ceil(round / config.interval) * config.interval);
  const removal = micros((config.fall - 1) * spacing + round);
  return { wait: config.interval, round, spacing, removal };
};

/** The longest time from the first attempt that notices a failure to the verdict `failed`. */
export const worstCaseRemoval = (config: HealthCheckConfig): Duration => worstCase(config).removal;

const times = (count: number, what: string): string => `${count} x ${what}`;

/**
 * The bound with its arithmetic in one line, such as
 * `at most 13s = 3s + 2 x (3s + 2s), after a wait of up to 2s for the next round: 15s in all`.
 */
export const formatWorstCase = (config: HealthCheckConfig): string => {
  const { wait, round, spacing, removal } = worstCase(config);
  const timeout = formatDuration(config.timeout);
  const again = `(${timeout} + ${formatDuration(config.retryDelay)})`;
  const oneRound = config.retries === 0 ? timeout : `${timeout} + ${times(config.retries, again)}`;
  const sum =
    config.fall === 1
      ? oneRound
      : `${times(config.fall - 1, formatDuration(spacing))} + ${formatDuration(round)}, a round taking ${oneRound}`;
  const whole = formatDuration(micros(wait + removal));
  return `at most ${formatDuration(removal)} = ${sum}, after a wait of up to ${formatDuration(wait)} for the next round: ${whole} in all`;
};
