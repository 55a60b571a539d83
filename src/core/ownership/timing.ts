/** What the configured times promise: when a node that is cut off has withdrawn, and when others take over. */
import { type Duration, micros, millis } from "#base/time";
import type { OwnershipConfig } from "./config.ts";

/** The times that the promises follow from. */
export type TimingConfig = Pick<
  OwnershipConfig,
  "bfdInterval" | "bfdMultiplier" | "holdOff" | "quietAfter" | "gatewayPatience"
>;

/** By how much a timer may be late: four times the 99th percentile with all processors busy, without real-time priority. */
export const LATENESS: Duration = millis(20);

/** Promises, each counted from the moment at which a node dies or is cut off. */
export type Bounds = {
  /** When the others find a dead peer silent, if no packet was lost just before. */
  readonly detection: { readonly earliest: Duration; readonly latest: Duration };
  /** When a holder that hears neither peers nor gateway has withdrawn at the latest. */
  readonly fence: { readonly latest: Duration };
  /** When the next candidate begins to answer. */
  readonly takeOver: { readonly earliest: Duration; readonly median: Duration; readonly latest: Duration };
  /** What lies between the two, for packets that were lost just before. Negative means that two may hold. */
  readonly margin: Duration;
};

/** After how long a silence a peer is dead. */
export const detectionTime = ({
  bfdInterval,
  bfdMultiplier,
}: Pick<TimingConfig, "bfdInterval" | "bfdMultiplier">): Duration => micros(bfdInterval * bfdMultiplier);

/**
 * How old the last packet is, on average, when the sender dies: with gaps g, drawn evenly from 3/4 to a whole interval (RFC
 * 5880 §6.8.7), it is E(g^2) / 2 E(g).
 */
const MEAN_AGE = 37 / 84;

/** The promises that follow from the configuration. */
export const boundsOf = (config: TimingConfig): Bounds => {
  const { bfdInterval, holdOff, quietAfter, gatewayPatience } = config;
  const silence = detectionTime(config);
  const detection = { earliest: micros(silence - bfdInterval), latest: micros(silence + LATENESS) };
  const fence = { latest: micros(Math.max(silence, quietAfter + gatewayPatience) + LATENESS) };
  const takeOver = {
    earliest: micros(detection.earliest + holdOff),
    median: micros(silence - MEAN_AGE * bfdInterval + holdOff),
    latest: micros(detection.latest + holdOff + LATENESS),
  };
  return { detection, fence, takeOver, margin: micros(takeOver.earliest - fence.latest) };
};
