/** How large the maps are made: a map cannot grow, so there is room to spare, and a larger set replaces a full one. */
import { MOST_PLACES } from "./layout.ts";

/** Elements of each map, but for the counters. */
export type Capacities = {
  readonly servers4: number;
  readonly servers6: number;
  readonly slots: number;
  /** Backends, with nobody's place 0. */
  readonly places: number;
  readonly flows: number;
};

/** Most flows on record, over all servers; about 30 MB, so the map is that large only once a slot has changed hands. */
export const FLOW_TABLE_SIZE = 262_144;
const LEAST = 64;
const MOST_SLOTS = 0x800_0000;

const roomFor = (needed: number): number => 2 ** Math.ceil(Math.log2(Math.max(needed * 1.25, LEAST)));

/** Room for this much and for what comes next. */
export const generousCapacities = (needed: Capacities): Capacities => ({
  servers4: roomFor(needed.servers4),
  servers6: roomFor(needed.servers6),
  slots: roomFor(needed.slots),
  places: roomFor(needed.places),
  flows: needed.flows,
});

const FIELDS = ["servers4", "servers6", "slots", "places", "flows"] as const satisfies (keyof Capacities)[];

/** Whether maps of this size take what is needed, and are not far too large for the slots that are in use. */
export const suffices = (capacities: Capacities, needed: Capacities, slotsInUse: number): boolean =>
  FIELDS.every((field) => needed[field] <= capacities[field]) && capacities.slots <= 8 * roomFor(slotsInUse);

/** Why no maps can be made for this much; `undefined` when they can. */
export const overflow = ({ slots, places }: Capacities): string | undefined => {
  if (slots > MOST_SLOTS) return `${slots} slots are more than the ${MOST_SLOTS} that fit`;
  if (places > MOST_PLACES) return `${places} backends are more than the ${MOST_PLACES} that fit`;
  return undefined;
};
