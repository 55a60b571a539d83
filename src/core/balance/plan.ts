/** The planner: what is configured, what is healthy and what ran before give the plan to run now. */

import type { IpAddress } from "#base/address";
import type { InterfaceAddress } from "#base/prefix";
import { earliest, type Instant } from "#base/time";
import { markAlone } from "./alone.ts";
import { drainMember, isSameService, leavingBackends } from "./drain.ts";
import { sameLimits } from "./limits.ts";
import {
  type Backend,
  type BackendKey,
  backendKey,
  isHash,
  type Scheduler,
  type VirtualServer,
} from "./model.ts";
import { type Memory, trackMoves } from "./moves.ts";
import { hashName } from "./name-hash.ts";
import { samePersistence } from "./persistence.ts";
import {
  type Availability,
  type BackendId,
  type ForwardingPlan,
  isDoubtful,
  NO_BACKEND,
  type PlannedBackend,
  type Reported,
  type ServerPlan,
  type Treatment,
} from "./plan-model.ts";
import { samePorts } from "./ports.ts";
import { createSlotTables, type SlotTables } from "./slots.ts";

/** Where packets come in and go out; needed for `dsr` servers only. */
export type Links = {
  /** The interfaces where traffic for this virtual address arrives; empty when it is not known yet. */
  readonly ingress: (virtualAddress: IpAddress) => readonly string[];
  /** The interface with the backend's network on it; `undefined` when the backend is not on a connected network. */
  readonly egress: (backendAddress: IpAddress) => string | undefined;
  /** In `masquerade`: a virtual address that moves with the server's and that the backend can answer. */
  readonly source?: (server: VirtualServer, backendAddress: IpAddress) => IpAddress | undefined;
};

export type PlanInput = {
  readonly servers: readonly VirtualServer[];
  /** Asked for every backend; weight 0 makes an available one draining whatever this says. */
  readonly availability: (key: BackendKey) => Reported;
  /** Open flows of a backend when they were last counted; `undefined` means none. */
  readonly load?: (key: BackendKey) => number;
  /** Whether this edge holds a virtual address now; `undefined` means that it holds all. */
  readonly isHeld?: (virtualAddress: IpAddress) => boolean;
  readonly links: Links;
  /** Addresses of which programs on this box get no packets, in order; `undefined` means none. */
  readonly unaccepted?: readonly IpAddress[];
  /** What runs now, so that its flows stay where they are; `undefined` after a start with nothing to adopt. */
  readonly previous: ForwardingPlan | undefined;
  /**
   * The servers, by name, of which something may be other than when `previous` was made, save that time has passed;
   * `undefined` when any may be. The others are taken over as they are: thousands need not be thought through for one.
   */
  readonly touched?: ReadonlySet<string>;
  readonly now: Instant;
};

/** The name of the sorry server among the backends; no configured one can have it. */
const SORRY = "(sorry)";

const ID_SEED = 0x6261_636b;
const HIGHEST_ID = 0x7fff_ffff;

/** What a report is worth where nothing is forwarded in hope. */
const WITHOUT_HOPE: Readonly<Record<Exclude<Reported, "unknown">, Availability>> = {
  ...{ available: "available", draining: "draining", unavailable: "unavailable" },
  ...{ doubtful: "unavailable", "doubtful-draining": "draining" },
};

type Ids = ReadonlyMap<string, BackendId>;

/**
 * Numbers the backends of servers: from their names, moved up past numbers that others have in the rare collision. A
 * server whose backends are those of `previous` keeps its numbers, and costs no hashing.
 */
const createNumbering = (previous: ForwardingPlan | undefined) => {
  let taken: Set<BackendId> | undefined;
  const idsInUse = (): Set<BackendId> =>
    new Set(previous?.servers.flatMap((server) => server.backends.map(({ id }) => id)));
  return (server: VirtualServer, before: ServerPlan | undefined): Ids => {
    const idByName = new Map(before?.backends.map(({ name, id }) => [name, id]));
    const names = server.backends.map((backend) => backend.name);
    if (server.sorryServer !== undefined) names.push(SORRY);
    if (names.every((name) => idByName.has(name))) return idByName;
    taken ??= idsInUse();
    for (const name of names.sort()) {
      if (idByName.has(name)) continue;
      let id = hashName(backendKey(server.name, name), ID_SEED) & HIGHEST_ID || 1;
      while (taken.has(id)) id = id === HIGHEST_ID ? 1 : id + 1;
      taken.add(id);
      idByName.set(name, id);
    }
    return idByName;
  };
};

/**
 * What a report comes to. A UDP flow that stayed with a backend that says no would never end, and its client would get no other: it
 * goes to another one with its next packet, as nothing is lost by that.
 */
const settle = (
  server: VirtualServer,
  { weight }: Backend,
  reported: Exclude<Reported, "unknown">,
): Availability => {
  const refuses = server.whenAllFail === "reject" || server.sorryServer !== undefined;
  const sought = isDoubtful(reported) && !refuses ? "available" : WITHOUT_HOPE[reported];
  if (sought === "draining" && server.protocol === "udp") return "unavailable";
  if (sought !== "available") return sought;
  return weight === 0 ? "draining" : "available";
};

const saidNo = ({ weight, availability }: PlannedBackend): boolean =>
  weight > 0 && availability === "draining";

/**
 * A backend that nobody has asked yet, as after a restart or when its check, its name or its server's has changed, goes
 * on as it ran at the same address and port: to take it out would end its connections.
 */
const foretell = (
  { address, port }: Backend,
  reported: Reported,
  before: ServerPlan | undefined,
): Exclude<Reported, "unknown"> => {
  if (reported !== "unknown") return reported;
  const running = before?.backends.filter(
    (known) =>
      known.address === address &&
      known.port === port &&
      known.role !== "sorry" &&
      known.availability !== "unavailable",
  );
  if (running === undefined || running.length === 0) return "unavailable";
  // One that had left was not checked meanwhile, and one that said no may say so still: each keeps what it has.
  return running.every((known) => known.role === "leaving" || saidNo(known)) ? "draining" : "available";
};

/**
 * What transitions mean. An edge that does not hold the address has seen none of the flows: where they are is better
 * told by the ring than by what happened here. In doubt the slots move for reasons of our own, which is no transition,
 * while flows that are known to be elsewhere still are.
 */
const memoryOf = (server: VirtualServer, input: PlanInput): Memory => {
  if (input.isHeld?.(server.address) === false) return "none";
  const isInDoubt = server.backends.some(({ name }) =>
    isDoubtful(input.availability(backendKey(server.name, name))),
  );
  return isInDoubt ? "keeps" : "learns";
};

/** A backend with what leads to it: in `dsr` an interface, without which it can take nothing, in `masquerade` a source. */
const reach = (backend: PlannedBackend, server: VirtualServer, links: Links): PlannedBackend => {
  const { device: _device, source: _source, ...rest } = backend;
  if (server.mode === "nat") return backend;
  if (server.mode === "masquerade") {
    const source = server.masqueradeAddress ?? links.source?.(server, backend.address);
    return source === undefined ? rest : { ...rest, source };
  }
  const device = links.egress(backend.address);
  return device === undefined ? { ...rest, availability: "unavailable" } : { ...rest, device };
};

const planMember = (
  backend: Backend,
  given: { server: VirtualServer; id: BackendId; input: PlanInput; asked: ServerPlan | undefined },
): PlannedBackend => {
  const { server, id, input, asked } = given;
  const reported = input.availability(backendKey(server.name, backend.name));
  const availability = settle(server, backend, foretell(backend, reported, asked));
  const { name, address, port, weight } = backend;
  const load =
    server.scheduler.type === "least-connections"
      ? { load: input.load?.(backendKey(server.name, backend.name)) ?? 0 }
      : {};
  return { name, id, address, ...(port === undefined ? {} : { port }), weight, availability, ...load };
};

/** The backends of a server: those that are listed, those that have left and still have flows, and the sorry server. */
const planBackends = (
  server: VirtualServer,
  { input, previous, numbers }: Pick<Surroundings, "input" | "previous" | "numbers">,
): readonly PlannedBackend[] => {
  const asked = previous ?? input.previous?.servers.find((other) => isSameService(server, other));
  const { now, links } = input;
  const idByName = numbers(server, previous);
  const before = new Map(previous?.backends.map((backend) => [backend.name, backend]));
  const idOf = (name: string): BackendId => idByName.get(name) ?? NO_BACKEND;
  const members = server.backends.map((backend) => {
    const member = planMember(backend, { server, id: idOf(backend.name), input, asked });
    return drainMember(member, before.get(backend.name), { drainTimeout: server.drainTimeout, now });
  });
  const sorry: PlannedBackend[] =
    server.sorryServer === undefined
      ? []
      : [
          {
            name: SORRY,
            id: idOf(SORRY),
            ...server.sorryServer,
            weight: 0,
            availability: "available",
            role: "sorry",
          },
        ];
  return [...members, ...leavingBackends(server, previous, now), ...sorry]
    .map((backend) => reach(backend, server, links))
    .sort((left, right) => (left.name < right.name ? -1 : 1));
};

const sameScheduler = (left: Scheduler, right: Scheduler): boolean =>
  left.type === right.type && (!isHash(left) || !isHash(right) || left.tableSize === right.tableSize);

/** Whether two lists of networks are the same, in the same order. */
export const sameNetworks = (
  left: readonly InterfaceAddress[] | undefined,
  right: readonly InterfaceAddress[] | undefined,
): boolean =>
  left?.length === right?.length &&
  (left ?? []).every(({ address, prefixLength }, index) => {
    const other = right?.[index];
    return address === other?.address && prefixLength === other.prefixLength;
  });

const sameBackend = (left: PlannedBackend, right: PlannedBackend | undefined): boolean =>
  right !== undefined &&
  left.name === right.name &&
  left.id === right.id &&
  left.address === right.address &&
  left.port === right.port &&
  left.weight === right.weight &&
  left.availability === right.availability &&
  left.load === right.load &&
  left.role === right.role &&
  left.drainUntil === right.drainUntil &&
  left.drained === right.drained &&
  left.device === right.device &&
  left.source === right.source;

/** Whether a server's slots can be taken over as they are; most servers do not change when the plan does. */
const sameInputs = (left: Omit<ServerPlan, "slots" | "moves" | "tracked">, right: ServerPlan): boolean =>
  left.address === right.address &&
  left.protocol === right.protocol &&
  samePorts(left.ports, right.ports) &&
  left.mode === right.mode &&
  left.synProxy === right.synProxy &&
  samePersistence(left.persistence, right.persistence) &&
  sameLimits(left.limits, right.limits) &&
  sameScheduler(left.scheduler, right.scheduler) &&
  sameNetworks(left.sourceRanges, right.sourceRanges) &&
  left.backends.length === right.backends.length &&
  left.backends.every((backend, index) => sameBackend(backend, right.backends[index]));

type Surroundings = {
  readonly input: PlanInput;
  readonly previous: ServerPlan | undefined;
  readonly numbers: ReturnType<typeof createNumbering>;
  readonly tables: SlotTables;
};

/** How a server is configured to treat its clients. */
const treatmentOf = ({ persistence, limits, synProxy }: VirtualServer): Treatment => ({
  ...(persistence === undefined ? {} : { persistence }),
  ...(limits === undefined ? {} : { limits }),
  ...(synProxy === undefined ? {} : { synProxy }),
});

const planServer = (
  server: VirtualServer,
  { input, previous, numbers, tables }: Surroundings,
): ServerPlan => {
  const backends = planBackends(server, { input, previous, numbers });
  const { name, address, protocol, ports, mode, scheduler, sourceRanges } = server;
  const configured = {
    ...{ name, address, protocol, ports, mode, scheduler },
    ...(sourceRanges === undefined ? {} : { sourceRanges }),
    ...treatmentOf(server),
    backends,
  };
  const unchanged = previous !== undefined && sameInputs(configured, previous);
  const memory = mode === "dsr" ? memoryOf(server, input) : "none";
  const forgets = memory === "none" && previous !== undefined && previous.tracked.length > 0;
  if (unchanged && !forgets && previous.moves.every((move) => move.until > input.now)) return previous;
  const slots = unchanged ? previous.slots : tables(scheduler, backends);
  const untracked = { ...configured, slots };
  return { ...untracked, ...trackMoves(untracked, { previous, memory, now: input.now }) };
};

/**
 * Plans forwarding for all virtual servers, one in each step, so that whoever has other things to do can turn to them:
 * thousands take long. What the input answers may change between steps; then the servers that it is about are to be
 * planned again. Planning again at the same instant, with its own result, changes nothing, and a server that did not
 * change is the same object as before.
 */
export function* planSteps(input: PlanInput): Generator<void, ForwardingPlan> {
  const numbers = createNumbering(input.previous);
  const tables = createSlotTables(input.previous);
  const previousByName = new Map(input.previous?.servers.map((server) => [server.name, server]));
  const servers: ServerPlan[] = [];
  for (const server of [...input.servers].sort((left, right) => (left.name < right.name ? -1 : 1))) {
    const previous = previousByName.get(server.name);
    if (previous !== undefined && input.touched?.has(server.name) === false) {
      servers.push(previous);
      continue;
    }
    servers.push(planServer(server, { input, previous, numbers, tables }));
    yield;
  }
  const ingress = new Set(
    servers
      .filter((server) => server.mode === "dsr")
      .flatMap((server) => input.links.ingress(server.address)),
  );
  const { unaccepted = [] } = input;
  return {
    ...(unaccepted.length === 0 ? {} : { unaccepted }),
    ingress: [...ingress].sort(),
    servers: markAlone(servers),
  };
}

/** All the steps of `planSteps` at once. */
export const planForwarding = (input: PlanInput): ForwardingPlan => {
  const steps = planSteps(input);
  for (;;) {
    const { done, value } = steps.next();
    if (done === true) return value;
  }
};

/** When the next transition or drain ends and planning is due even if nothing else happens; `undefined` when none runs. */
export const planDeadline = (plan: ForwardingPlan): Instant | undefined => {
  let first: Instant | undefined;
  for (const { moves, backends } of plan.servers) {
    for (const move of moves) first = earliest(first, move.until);
    for (const { drainUntil } of backends) first = earliest(first, drainUntil);
  }
  return first;
};
