/** What one source may ask of a virtual server. */

/** The units in which rates are given. */
export const RATE_UNITS = ["second", "minute", "hour"] as const;

/** At most `rate` a unit over time, and `burst` at once. */
export type Rate = {
  /** 1..1,000,000 */
  readonly rate: number;
  readonly per: (typeof RATE_UNITS)[number];
  /** 1..1,000,000 */
  readonly burst: number;
};

export type SourceLimits = {
  /** Addresses that share this many leading bits are one source. */
  readonly prefixLength: number;
  /** Most connections open at a time; `undefined`: no limit. */
  readonly connections?: number;
  /** `undefined`: no limit. */
  readonly newConnections?: Rate;
};

export const sameLimits = (left: SourceLimits | undefined, right: SourceLimits | undefined): boolean =>
  left === right || JSON.stringify(left) === JSON.stringify(right);

/** The limits, as metrics and events name them. */
export const LIMITS = ["connections", "new-connections"] as const;
export type Limit = (typeof LIMITS)[number];

/** `SERVER LIMIT`. */
export type LimitKey = `${string} ${Limit}`;

export const limitKey = (server: string, limit: Limit): LimitKey => `${server} ${limit}`;

const UNIT_SECONDS: Readonly<Record<Rate["per"], number>> = { second: 1, minute: 60, hour: 3_600 };

/** Seconds after which a source that was silent has its whole burst again. */
export const refillSeconds = ({ rate, per, burst }: Rate): number =>
  Math.ceil((burst * UNIT_SECONDS[per]) / rate);

/** The limits that are set. */
export const limitsOf = (limits: SourceLimits | undefined): readonly Limit[] => [
  ...(limits?.connections === undefined ? [] : (["connections"] as const)),
  ...(limits?.newConnections === undefined ? [] : (["new-connections"] as const)),
];
