/** The times by which addresses move, and what is wrong with times that an operator chose. */
import { type Duration, formatDuration, micros, millis, seconds } from "#base/time";
import { boundsOf } from "./timing.ts";

/** Times and counts that ownership goes by. All nodes of a cluster must have the same. */
export type OwnershipConfig = {
  /** Between two BFD packets of an up session, before jitter takes up to a quarter from it. */
  readonly bfdInterval: Duration;
  /** A peer is silent when this many packets in a row are missing. */
  readonly bfdMultiplier: number;
  /** How long after a holder fell silent the next one takes over: long enough for one that is cut off to withdraw. */
  readonly holdOff: Duration;
  /** A node that has heard no peer for so long begins to ask its gateway. */
  readonly quietAfter: Duration;
  /** Between two questions to the gateway until it is known whether it answers. */
  readonly gatewayInterval: Duration;
  /** How long the gateway has for its first answer. */
  readonly gatewayPatience: Duration;
  /** Between two questions while the gateway is the only one heard. */
  readonly gatewayWatch: Duration;
  /** The gateway counts as silent when it has not answered for so long. */
  readonly gatewayTimeout: Duration;
  /** What a node does that hears no peer and knows no gateway to ask: it may be the last one, or cut off. */
  readonly withoutGateway: "go-on" | "withdraw";
  /** How long a node that does not know whether anybody holds an address asks before it claims it. */
  readonly askTime: Duration;
  /** How often it asks in that time, or in the hold-off: once the last known holder, then all; at least 2. */
  readonly asks: number;
  /** For how long a node must have been all right before it takes an address back from one that holds it well. */
  readonly settle: Duration;
  /** How long one that leaves an address waits for the next one's announcement. */
  readonly handOverLimit: Duration;
  /** How long a claim waits that somebody answered whom this node believes dead, or does not know. */
  readonly contestRetry: Duration;
  /** After so long a rival that still claims what was defended has not heard the defence, or does not agree. */
  readonly defenceTime: Duration;
  /** How long a node that gave way in a dispute takes nothing back: at first, doubled each time, at most. */
  readonly restraint: { readonly first: Duration; readonly longest: Duration };
  /** An address that this node took so often within such a time is flapping, and is not taken back while it is. */
  readonly flapping: { readonly takes: number; readonly within: Duration };
};

/** The figures of an operator who said nothing. */
export const DEFAULT_OWNERSHIP: OwnershipConfig = {
  bfdInterval: millis(50),
  bfdMultiplier: 5,
  holdOff: millis(130),
  quietAfter: millis(150),
  gatewayInterval: millis(20),
  gatewayPatience: millis(60),
  gatewayWatch: millis(100),
  gatewayTimeout: millis(350),
  withoutGateway: "go-on",
  askTime: millis(130),
  asks: 2,
  settle: seconds(15),
  handOverLimit: seconds(3),
  contestRetry: seconds(2),
  defenceTime: millis(150),
  restraint: { first: seconds(2), longest: seconds(64) },
  flapping: { takes: 4, within: seconds(60) },
};

const DURATIONS = [
  "bfdInterval",
  "holdOff",
  "quietAfter",
  "gatewayInterval",
  "gatewayPatience",
  "gatewayWatch",
  "gatewayTimeout",
  "askTime",
  "settle",
  "handOverLimit",
  "contestRetry",
  "defenceTime",
] as const;

const SHORTEST = millis(5);
const LONGEST = seconds(3_600);

/** What is wrong with a configuration, each in half a sentence for the operator; empty when nothing is. */
export const ownershipProblems = (config: OwnershipConfig): readonly string[] => {
  const problems: string[] = [];
  for (const name of DURATIONS) {
    const value = config[name];
    if (value >= SHORTEST && value <= LONGEST) continue;
    problems.push(`${name} ${formatDuration(value)} is not in 5ms..1h`);
  }
  const { bfdMultiplier, asks, flapping, restraint } = config;
  if (!Number.isInteger(bfdMultiplier) || bfdMultiplier < 2 || bfdMultiplier > 50) {
    problems.push(`bfdMultiplier ${bfdMultiplier} is not a whole number in 2..50`);
  }
  if (!Number.isInteger(asks) || asks < 2 || asks > 10) problems.push(`asks ${asks} is not in 2..10`);
  if (!Number.isInteger(flapping.takes) || flapping.takes < 2 || flapping.takes > 100) {
    problems.push(`flapping.takes ${flapping.takes} is not in 2..100`);
  }
  if (restraint.first < SHORTEST || restraint.longest < restraint.first) {
    problems.push("restraint.longest is shorter than restraint.first, or first is below 5ms");
  }
  if (config.gatewayTimeout <= config.gatewayWatch) {
    problems.push("gatewayTimeout must be longer than gatewayWatch, or no answer counts");
  }
  // Bounds of nonsense would be nonsense.
  return problems.length > 0 ? problems : fencingProblems(config);
};

const fencingProblems = (config: OwnershipConfig): readonly string[] => {
  const { margin, fence, takeOver } = boundsOf(config);
  if (margin >= 0) return [];
  const [withdraws, takesOver] = [formatDuration(fence.latest), formatDuration(takeOver.earliest)];
  return [
    `a node that is cut off withdraws after ${withdraws}, but others may take over after ${takesOver}: ` +
      `holdOff must be ${formatDuration(micros(-margin))} longer`,
  ];
};
