/**
 * Whoever gave way to a rival takes nothing back for a while, and must not rely on its going on: it may have been another program on
 * that node, with the same MAC address, which ends one day. So it is asked every second, and whose answer fails to come holds nothing.
 */
import { after, type Duration, type Instant, micros } from "#base/time";
import type { OwnershipConfig } from "./config.ts";
import type { Entry, GivenWay, Step, Surroundings } from "./state.ts";

const pauseOf = ({ contestRetry }: OwnershipConfig): Duration => micros(contestRetry / 2);

/** This node has just given way. */
export const givenWayTo = ({ now, config }: Pick<Surroundings, "now" | "config">, to: string): GivenWay => ({
  to,
  askAt: after(now, pauseOf(config)),
  askedAt: undefined,
});

/** When it is to be looked after; `undefined` if there is nobody to ask. */
export const verifyAt = ({ state, memory }: Entry): Instant | undefined =>
  state.name === "standby" ? memory.givenWay?.askAt : undefined;

/** Asks whether the rival still answers. If it did not the last time nobody is known to hold the address, and nothing restrains this node. */
export const verify = (around: Surroundings, entry: Entry): Step => {
  const { now, config } = around;
  const { memory, address } = entry;
  const { givenWay, holder, holderAt } = memory;
  if (givenWay === undefined) return { entry, effects: [] };
  const isOver =
    holder !== givenWay.to ||
    now >= memory.restrainedUntil ||
    around.standingOf(givenWay.to).name !== "alive";
  if (isOver) return { entry: { ...entry, memory: { ...memory, givenWay: undefined } }, effects: [] };
  if (givenWay.askedAt !== undefined && holderAt < givenWay.askedAt) {
    const free = { ...memory, givenWay: undefined, holder: undefined, restrainedUntil: now };
    return { entry: { ...entry, memory: free }, effects: [] };
  }
  const next = { ...givenWay, askedAt: now, askAt: after(now, pauseOf(config)) };
  return {
    entry: { ...entry, memory: { ...memory, givenWay: next } },
    effects: [{ type: "ask", address, of: givenWay.to }],
  };
};
