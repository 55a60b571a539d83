/** What the slots of a server are in the map. */
import type { BackendId, ServerPlan } from "#core/balance/plan-model";
import { LEFT_TO_NFTABLES, TRACKED, writeSlot } from "./layout.ts";

/** Slots whose flows nftables alone has recorded. */
export type LeftSlots = ReadonlySet<number>;

/** All slots of a server, two words each. */
export const slotWords = (
  server: ServerPlan,
  placeById: ReadonlyMap<BackendId, number>,
  left: LeftSlots,
): Uint32Array => {
  const words = new Uint32Array(server.slots.length * 2);
  const placeByOwner = [0, ...server.backends.map(({ id }) => placeById.get(id) ?? 0)];
  const ownerPlace = (slot: number): number => placeByOwner[server.slots.places[slot] ?? 0] ?? 0;
  for (let slot = 0; slot < server.slots.length; slot += 1) words[slot * 2] = ownerPlace(slot);
  const formerBySlot = new Map(server.moves.map(({ slot, from }) => [slot, placeById.get(from) ?? 0]));
  for (const slot of server.tracked) {
    const flags = left.has(slot) ? LEFT_TO_NFTABLES : TRACKED;
    writeSlot(words, slot, { owner: ownerPlace(slot), former: formerBySlot.get(slot) ?? 0, flags });
  }
  return words;
};

/** Whether two plans of a server give the same words without looking at each slot. */
export const sameSlots = (left: ServerPlan, right: ServerPlan): boolean =>
  left === right ||
  (left.slots === right.slots &&
    left.tracked.length === 0 &&
    right.tracked.length === 0 &&
    left.backends.length === right.backends.length &&
    left.backends.every(({ id }, index) => right.backends[index]?.id === id));
