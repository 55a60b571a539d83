/**
 * The translator: a forwarding plan and what is known of the network become the contents of the program's maps.
 *
 * `nextTables` compares with what the maps hold and gives the writes that bring them up to date, in an order in which a
 * packet between any two of them meets either the old state or the new: backends, then slots (each a single word), then
 * servers, which switch to new slots at once, then what nobody refers to any more.
 */

import { toMillis } from "#base/time";
import type { BackendId, ForwardingPlan, PlannedBackend, ServerPlan } from "#core/balance/plan-model";
import { flowIdle } from "#core/balance/plan-model";
import { type BackendContents, backendWrites, describeBackends, releaseWrites } from "./backends.ts";
import { type Capacities, FLOW_TABLE_SIZE, generousCapacities, overflow, suffices } from "./capacity.ts";
import { encodeServer, encodeService, type Service, serviceMap } from "./layout.ts";
import { NO_PLACES, NO_RUNS, type Places, placeBackends, type Run, type Runs, takeRuns } from "./places.ts";
import { type LeftSlots, sameSlots, slotWords } from "./slots.ts";
import type { Surroundings } from "./surroundings.ts";
import { slotWrites, type Write } from "./writes.ts";

/** A server in the maps. */
export type PlacedServer = {
  readonly plan: ServerPlan;
  readonly number: number;
  readonly run: Run;
  readonly left: LeftSlots;
};

/** All that the maps hold. */
export type Tables = {
  readonly capacities: Capacities;
  /** By service. */
  readonly servers: ReadonlyMap<string, PlacedServer>;
  readonly backends: BackendContents;
  readonly places: Places;
  readonly runs: Runs;
  /** The number of the last server; numbers are never used again, as records of flows hold them. */
  readonly lastNumber: number;
};

/** Maps that do not exist yet. */
export const NO_TABLES: Tables = {
  capacities: { servers4: 0, servers6: 0, slots: 0, places: 0, flows: 0 },
  servers: new Map(),
  backends: new Map(),
  places: NO_PLACES,
  runs: NO_RUNS,
  lastNumber: 0,
};

export type NextTables =
  | {
      readonly ok: true;
      readonly tables: Tables;
      /** Whether new, empty maps of the tables' capacities take the place of the old; `flows` goes on if it can. */
      readonly renewed: boolean;
      /** Worked out one after the other while they are read: those of thousands of servers need not exist at once. */
      readonly writes: Iterable<Write>;
    }
  | { readonly ok: false; readonly reason: string };

export type Wanted = {
  /** Servers that the program can carry, and no others. */
  readonly plan: ForwardingPlan;
  readonly surroundings: Surroundings;
  /** Whether nftables has seen packets of our servers that the program has not: before the start, at another interface. */
  readonly gap: boolean;
};

const serviceOf = ({ address, protocol, ports }: ServerPlan): Service => ({
  address,
  protocol,
  port: ports.first,
});

const keyOf = ({ address, protocol, ports }: ServerPlan): string => `${protocol} ${address} ${ports.first}`;

const backendsOf = (plan: ForwardingPlan): ReadonlyMap<BackendId, PlannedBackend> =>
  new Map(plan.servers.flatMap(({ backends }) => backends.map((backend) => [backend.id, backend])));

const neededFor = (servers: ReadonlyMap<string, PlacedServer>, slots: number, places: number): Capacities => {
  const plans = [...servers.values()].map(({ plan }) => plan);
  const inFirst = plans.filter((plan) => serviceMap(plan) === "servers4").length;
  return {
    servers4: inFirst,
    servers6: plans.length - inFirst,
    slots,
    places,
    flows: plans.some(({ tracked }) => tracked.length > 0) ? FLOW_TABLE_SIZE : 1,
  };
};

/** Slots that stay nftables' alone: those whose records were made while we did not see all packets. */
const leftSlots = (plan: ServerPlan, before: PlacedServer | undefined, gap: boolean): LeftSlots =>
  gap || before === undefined
    ? new Set(plan.tracked)
    : new Set(plan.tracked.filter((slot) => before.left.has(slot)));

/** Servers with their numbers and slots: one whose slots are as many as before goes on where it is. */
const placeServers = (
  { plan, gap }: Wanted,
  previous: Tables,
  runsBefore: Runs,
  keepsRuns: boolean,
): Pick<Tables, "servers" | "runs" | "lastNumber"> => {
  const servers = new Map<string, PlacedServer>();
  const goesOn = (server: ServerPlan): PlacedServer | undefined => {
    const before = previous.servers.get(keyOf(server));
    return before?.run.count === server.slots.length && before.plan.scheduler.type === server.scheduler.type
      ? before
      : undefined;
  };
  const homeless = plan.servers.filter((server) => !keepsRuns || goesOn(server) === undefined);
  const kept = new Set(keepsRuns ? plan.servers.map(goesOn) : []);
  const released = keepsRuns ? [...previous.servers.values()].filter((server) => !kept.has(server)) : [];
  const { taken, runs } = takeRuns(
    homeless.map(({ slots }) => slots.length),
    released.map(({ run }) => run),
    runsBefore,
  );
  const runByServer = new Map(homeless.map((server, index) => [server, taken[index]]));
  let { lastNumber } = previous;
  for (const server of plan.servers) {
    const before = goesOn(server);
    const run = runByServer.get(server) ?? before?.run ?? { first: 0, count: 0 };
    if (before === undefined) lastNumber += 1;
    const number = before?.number ?? lastNumber;
    servers.set(keyOf(server), { plan: server, number, run, left: leftSlots(server, before, gap) });
  }
  return { servers, runs, lastNumber };
};

const serverValue = ({ plan, number, run }: PlacedServer): Uint8Array =>
  encodeServer({
    ...{ number, firstSlot: run.first, slotCount: run.count },
    byAddressAlone: plan.scheduler.type === "source-hash",
    idleSeconds: toMillis(flowIdle(plan.protocol)) / 1_000,
  });

const isSameRun = (one: Run, other: Run): boolean => one.first === other.first && one.count === other.count;

function* serverWrites(next: Tables, previous: Tables, renewed: boolean): Generator<Write> {
  for (const [key, server] of next.servers) {
    const before = renewed ? undefined : previous.servers.get(key);
    if (before !== undefined && before.number === server.number && isSameRun(before.run, server.run))
      continue;
    const service = serviceOf(server.plan);
    yield { map: serviceMap(service), keys: encodeService(service), values: serverValue(server) };
  }
  if (renewed) return;
  for (const [key, { plan }] of previous.servers) {
    if (next.servers.has(key)) continue;
    const service = serviceOf(plan);
    yield { map: serviceMap(service), remove: encodeService(service) };
  }
}

function* allWrites(next: Tables, previous: Tables, renewed: boolean): Generator<Write> {
  yield* backendWrites(next.backends, renewed ? new Map() : previous.backends, next.places);
  for (const [key, server] of next.servers) {
    const before = renewed ? undefined : previous.servers.get(key);
    const there = before !== undefined && isSameRun(before.run, server.run) ? before : undefined;
    const untouched = there !== undefined && sameSlots(there.plan, server.plan);
    if (untouched) continue;
    const words = slotWords(server.plan, next.places.byId, server.left);
    const old = there && slotWords(there.plan, previous.places.byId, there.left);
    yield* slotWrites(server.run.first, words, old);
  }
  yield* serverWrites(next, previous, renewed);
  if (!renewed) yield* releaseWrites(next.places.resting);
}

/** What the maps are to hold, and how to get there. Applying the same again gives no writes. */
export const nextTables = (wanted: Wanted, previous: Tables): NextTables => {
  const backends = backendsOf(wanted.plan);
  const places = placeBackends(new Set(backends.keys()), previous.places);
  const contents = describeBackends(backends, wanted.surroundings);
  const kept = placeServers(wanted, previous, previous.runs, true);
  const needed = neededFor(kept.servers, kept.runs.end, places.end);
  const slotsInUse = wanted.plan.servers.reduce((sum, { slots }) => sum + slots.length, 0);
  const renewed = !suffices(previous.capacities, needed, slotsInUse);
  const placed = renewed ? placeServers(wanted, previous, NO_RUNS, false) : kept;
  const packed = renewed ? neededFor(placed.servers, placed.runs.end, places.end) : needed;
  const reason = overflow(packed);
  if (reason !== undefined) return { ok: false, reason };
  const tables: Tables = {
    ...placed,
    capacities: renewed ? generousCapacities(packed) : previous.capacities,
    backends: contents,
    places,
  };
  return { ok: true, tables, renewed, writes: allWrites(tables, previous, renewed) };
};
