/** Says in time that the connection tracking table is running full: then the kernel drops every new flow. */
import type { TableUsage } from "./request.ts";

/** `ample`: no worry; `filling`: from 80 %; `full`: from 98 %, where new flows begin to be lost. */
export type Fullness = "ample" | "filling" | "full";

/** Shares of the limit. What has been said is taken back a tenth below, so that it is not said again and again. */
const FILLING = { from: 0.8, until: 0.7 } as const;
const FULL = { from: 0.98, until: 0.88 } as const;

/** How full the table is, given what was said of it before. */
export const fullnessOf = (before: Fullness, { entries, limit }: TableUsage): Fullness => {
  if (limit === undefined || limit === 0) return "ample";
  const share = entries / limit;
  if (share >= (before === "full" ? FULL.until : FULL.from)) return "full";
  return share >= (before === "ample" ? FILLING.from : FILLING.until) ? "filling" : "ample";
};
