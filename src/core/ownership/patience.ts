/**
 * How long others are to wait for this node before they call it dead: longer, where it stands still again and again.
 *
 * What a machine with too little processor time holds moves at each standstill, which is work for all of them, and makes the next standstill
 * the likelier. So it asks for more patience, by the detection multiplier of its BFD packets, which may change at any time (RFC 5880
 * §6.8.12), and goes by it itself: it has given up everything a moment ago, and takes nothing before its peers have heard of it. Until it
 * has been well for a while its real death is noticed that much later.
 */
import { after, type Duration, type Instant, instant, micros, seconds } from "#base/time";
import type { OwnershipConfig } from "./config.ts";
import { areMany } from "./settling.ts";
import { detectionTime } from "./timing.ts";

/** So many times the configured patience, step by step. */
const FACTORS = [1, 4, 12] as const;
/** As BFD packets have room for. */
const LARGEST_MULTIPLIER = 255;
/** For so long it must not have been needed: at first, and at most, if that is found too short again and again. */
const CALM: Duration = seconds(120);
const LONGEST_CALM: Duration = micros(16 * CALM);

/** What this node asks of its peers. */
export type Patience = {
  /** Index of the factor. */
  readonly step: number;
  /** When it last stood still for longer than the step below would allow. */
  readonly neededAt: Instant;
  /** For how long it must not have been needed. */
  readonly calm: Duration;
  /** When it last ended. */
  readonly endedAt: Instant | undefined;
};

/** As it is configured. */
export const USUAL_PATIENCE: Patience = {
  step: 0,
  neededAt: instant(0),
  calm: CALM,
  endedAt: undefined,
};

/** The times of a step: those of the configuration with another multiplier. */
export const timesOfStep = (config: OwnershipConfig, step: number): OwnershipConfig => {
  const bfdMultiplier = Math.min(LARGEST_MULTIPLIER, config.bfdMultiplier * (FACTORS[step] ?? 1));
  return bfdMultiplier === config.bfdMultiplier ? config : { ...config, bfdMultiplier };
};

/** How many steps there are. */
export const STEPS: number = FACTORS.length;

/** After this process did nothing for so long. */
export const noteGap = (
  config: OwnershipConfig,
  patience: Patience,
  gap: Duration,
  now: Instant,
): Patience => {
  const { step } = patience;
  if (step === 0 || gap <= detectionTime(timesOfStep(config, step - 1))) return patience;
  return { ...patience, neededAt: now };
};

/** After it stood still for longer than its peers wait for it: more, if that is nothing new. */
export const afterLapse = (patience: Patience, lapses: readonly Instant[], now: Instant): Patience => {
  const { step } = patience;
  const isNew = step === 0 && !areMany(lapses);
  if (isNew || step === STEPS - 1) return patience;
  const { calm, endedAt } = patience;
  const wasShort = step === 0 && endedAt !== undefined && now < after(endedAt, micros(2 * calm));
  const isAnother = step === 0 && !wasShort;
  return {
    step: step + 1,
    neededAt: now,
    calm: isAnother ? CALM : wasShort ? micros(Math.min(2 * calm, LONGEST_CALM)) : calm,
    endedAt,
  };
};

/** When it may ask for less; `undefined` while it asks for no more than usual. */
export const calmAt = ({ step, neededAt, calm }: Patience): Instant | undefined =>
  step === 0 ? undefined : after(neededAt, calm);

/** Asks for less if it is time for that. */
export const relaxed = (patience: Patience, now: Instant): Patience => {
  const due = calmAt(patience);
  if (due === undefined || now < due) return patience;
  const step = patience.step - 1;
  return { ...patience, step, neededAt: now, endedAt: step === 0 ? now : patience.endedAt };
};

/** For how long peers are asked to wait, as people are told. */
export const patienceTime = (config: OwnershipConfig, { step }: Patience): Duration =>
  micros(detectionTime(timesOfStep(config, step)));
