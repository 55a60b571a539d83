/**
 * Machines that are no members and claim an address: each is told of once, and once that it is over.
 *
 * It is over when nothing has been heard of it for a while, and at once when this node takes the address, since nobody has answered then,
 * or is not about to take it any more: who does will find out by itself.
 */
import type { MacAddress } from "#base/mac";
import { after, type Instant, seconds } from "#base/time";
import { isFirstUse } from "./first-use.ts";
import type { Effect, Entry, State, Step, Surroundings } from "./state.ts";

/** A stranger is answered at most this often: DEFEND_INTERVAL of RFC 5227 §1.1. */
const DEFEND_INTERVAL = seconds(10);
/** Another stranger is reported at most this often: whoever makes machines up must not make reports without end. */
const NEWS_INTERVAL = seconds(1);
/** One that says nothing for so long is gone. A speaker of another cluster repeats itself within 100 s. */
const STRANGER_MEMORY = seconds(300);

/** Takes note of what a stranger said just now, reports it if it is news, and answers it if this node holds the address. */
export const noteStranger = ({ now, self }: Surroundings, entry: Entry, mac: MacAddress): Step => {
  const { address, state, memory } = entry;
  const before = memory.stranger;
  const isNews =
    before === undefined || (before.mac !== mac && now >= after(before.reportedAt, NEWS_INTERVAL));
  const defendedAt = before?.defendedAt;
  const isDue = defendedAt === undefined || now >= after(defendedAt, DEFEND_INTERVAL);
  const isHeld = state.name === "holding" || state.name === "yielding";
  const isDefended = isDue && isHeld;
  const stranger = {
    mac: isNews ? mac : before.mac,
    heardAt: now,
    reportedAt: isNews ? now : before.reportedAt,
    defendedAt: isDefended ? now : defendedAt,
  };
  const stage = isHeld ? "held" : isFirstUse(entry, self) ? "unused" : "used";
  const report: readonly Effect[] = isNews ? [{ type: "stranger", address, mac, stage }] : [];
  const defence: readonly Effect[] = isDefended ? [{ type: "announce", address, cause: "defence" }] : [];
  return { entry: { ...entry, memory: { ...memory, stranger } }, effects: [...report, ...defence] };
};

/** Takes note that a stranger is still there, if it is the one that is known. */
export const noteSign = (entry: Entry, mac: MacAddress, now: Instant): Entry => {
  const { stranger } = entry.memory;
  if (stranger?.mac !== mac) return entry;
  return { ...entry, memory: { ...entry.memory, stranger: { ...stranger, heardAt: now } } };
};

/** When a stranger that stays silent is gone; `undefined` if there is none. */
export const strangerGoneAt = ({ memory }: Entry): Instant | undefined =>
  memory.stranger === undefined ? undefined : after(memory.stranger.heardAt, STRANGER_MEMORY);

/** Forgets the stranger, if there is one, and says so. */
export const forgetStranger = (entry: Entry): Step => {
  const { address, memory } = entry;
  if (memory.stranger === undefined) return { entry, effects: [] };
  const { mac } = memory.stranger;
  return {
    entry: { ...entry, memory: { ...memory, stranger: undefined } },
    effects: [{ type: "stranger-gone", address, mac }],
  };
};

/** Forgets a stranger that has said nothing for long enough. */
export const noteSilence = (entry: Entry, now: Instant): Step => {
  const goneAt = strangerGoneAt(entry);
  return goneAt !== undefined && now >= goneAt ? forgetStranger(entry) : { entry, effects: [] };
};

/** Whether a stranger is none any more when an address that was in the state `from` goes to the state `to`. */
export const endsStranger = (from: State["name"], to: State["name"]): boolean =>
  to === "standby" || (to === "holding" && from !== "yielding");
