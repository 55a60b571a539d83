/**
 * The table of slots of a server: who gets the new flows of each.
 *
 * A table names backends by their place, not by their number, so that all servers whose backends have the same names,
 * weights and availability share one: five thousand servers on the same machines need the memory of one.
 */
import { assert } from "#base/assert";
import { dealLeast } from "./least.ts";
import { isHash, type Scheduler } from "./model.ts";
import {
  type BackendId,
  type ForwardingPlan,
  NO_BACKEND,
  type PlannedBackend,
  type ServerPlan,
  type SlotTable,
} from "./plan-model.ts";
import { buildRing } from "./ring.ts";
import { buildCycle, cycleLength } from "./schedule.ts";

const MOST_BACKENDS = 0xffff;

type Slotted = Pick<ServerPlan, "slots" | "backends">;

/** The owner of a slot; NO_BACKEND when nobody can take its flows, or there is no such slot. */
export const ownerOf = ({ slots, backends }: Slotted, slot: number): BackendId =>
  backends[(slots.places[slot] ?? 0) - 1]?.id ?? NO_BACKEND;

/** The owner of each slot, in order. */
export const ownersOf = (server: Slotted): BackendId[] => {
  const idByPlace = [NO_BACKEND, ...server.backends.map(({ id }) => id)];
  return Array.from(server.slots.places, (place) => idByPlace[place] ?? NO_BACKEND);
};

/** Whether anybody can take new flows. */
export const hasOwners = ({ slots }: Pick<Slotted, "slots">): boolean =>
  slots.places.some((place) => place > 0);

/** How the scheduler weighs a backend: plain round robin knows only whether it takes flows at all. */
const scheduledWeight = ({ type }: Scheduler, weight: number): number =>
  type === "round-robin" ? Math.min(weight, 1) : weight;

/** Those that the configuration lists; the others have no share. */
const isMember = ({ role }: PlannedBackend): boolean => role === undefined;

const build = (scheduler: Scheduler, backends: readonly PlannedBackend[], recipe: string): SlotTable => {
  assert(backends.length <= MOST_BACKENDS, "a place fits 16 bits", { backends: backends.length });
  const members = backends.filter(isMember).map((backend) => ({
    name: backend.name,
    weight: scheduledWeight(scheduler, backend.weight),
    available: backend.availability === "available",
    load: backend.load ?? 0,
  }));
  const owners = isHash(scheduler)
    ? buildRing(members, scheduler.tableSize)
    : scheduler.type === "least-connections"
      ? dealLeast(members)
      : buildCycle(members, cycleLength(members));
  const placeByName = new Map(backends.map(({ name }, index) => [name, index + 1]));
  const places = Uint16Array.from(owners, (name) => (name === undefined ? 0 : (placeByName.get(name) ?? 0)));
  const sorry = backends.findIndex(
    ({ role, availability }) => role === "sorry" && availability === "available",
  );
  if (sorry < 0 || places.some((place) => place > 0)) return { length: owners.length, places, recipe };
  const length = Math.max(owners.length, 1);
  return { length, places: new Uint16Array(length).fill(sorry + 1), recipe };
};

/** All that a table follows from. */
const recipeOf = (scheduler: Scheduler, backends: readonly PlannedBackend[]): string =>
  JSON.stringify([
    isHash(scheduler) ? scheduler.tableSize : scheduler.type,
    ...backends.map(({ name, weight, availability, role, load }) => [
      name,
      scheduledWeight(scheduler, weight),
      availability === "available",
      role,
      load,
    ]),
  ]);

/** Gives the table of a scheduler and of backends sorted by name; equal ones are the same object. */
export type SlotTables = (scheduler: Scheduler, backends: readonly PlannedBackend[]) => SlotTable;

/** Tables are those of `previous` where they fit, and made when asked for the first time. */
export const createSlotTables = (previous?: ForwardingPlan): SlotTables => {
  let tableByRecipe: Map<string, SlotTable> | undefined;
  return (scheduler, backends) => {
    tableByRecipe ??= new Map(previous?.servers.map(({ slots }) => [slots.recipe, slots]));
    const recipe = recipeOf(scheduler, backends);
    const table = tableByRecipe.get(recipe) ?? build(scheduler, backends, recipe);
    tableByRecipe.set(recipe, table);
    return table;
  };
};
