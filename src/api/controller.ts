/** The answer of a controller's `/v1/status`. Times are milliseconds since 1970-01-01T00:00Z. */

/** A pool and what is left of it, for each family that it has. */
export type PoolStatusPage = {
  readonly name: string;
  readonly services: number;
  readonly families: readonly {
    readonly family: "IPv4" | "IPv6";
    readonly assigned: number;
    /** Saturated at the largest whole number that JSON carries safely. */
    readonly available: number;
  }[];
};

export type ControllerStatus = {
  readonly role: "controller";
  readonly version: string;
  readonly now: number;
  readonly pid: number;
  readonly startedAt: number;
  readonly identity: string;
  readonly leadership: {
    readonly state: "leading" | "standby" | "lost";
    readonly since?: number;
    /** Who leads instead. */
    readonly holder?: string;
  };
  readonly isSynced: boolean;
  readonly shadow: boolean;
  readonly pools: readonly PoolStatusPage[];
  /** Problems of a newer configuration that was refused. */
  readonly refused: readonly string[];
  readonly services: { readonly allocated: number; readonly pending: number; readonly foreign: number };
  /** What cannot be read at the API server now, and why. */
  readonly trouble: readonly string[];
  /** Another program that serves the same Services, and what to do about it. */
  readonly otherBalancer?: string;
  /** What a shadow would do otherwise, by Service. */
  readonly differences: readonly { readonly service: string; readonly detail: string }[];
  /** Writes that wait for their turn or for the API server. */
  readonly waitingWrites: number;
};
