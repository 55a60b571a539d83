/**
 * A plan as text, kept by the driver so that a restarted program knows whom flows belong to.
 *
 * Slots are left out: they follow from scheduler and backends.
 */
import { type IpAddress, parseAddress } from "#base/address";
import { addressBits, type InterfaceAddress } from "#base/prefix";
import { instant, micros } from "#base/time";
import { RATE_UNITS, type Rate, type SourceLimits } from "./limits.ts";
import { MODES, type Scheduler } from "./model.ts";
import type { Persistence } from "./persistence.ts";
import type {
  Availability,
  ForwardingPlan,
  PlannedBackend,
  ServerPlan,
  SlotMove,
  Treatment,
} from "./plan-model.ts";
import { ALL_PORTS, type PortRange } from "./ports.ts";
import { createSlotTables, type SlotTables } from "./slots.ts";

const FORMAT = 3;

/** A server that did not change is the same object in the next plan, so thousands of them need not be written anew. */
const textByServer = new WeakMap<ServerPlan, string>();

const encodeServer = (plan: ServerPlan): string => {
  const known = textByServer.get(plan);
  if (known !== undefined) return known;
  const { slots: _slots, moves, ...server } = plan;
  const text = JSON.stringify({
    ...server,
    moves: moves.map(({ slot, from, until }) => [slot, from, until]),
  });
  textByServer.set(plan, text);
  return text;
};

/** The plan as JSON, one server a line. */
export const encodeCheckpoint = ({ ingress, servers }: ForwardingPlan): string =>
  `{"format":${FORMAT},"ingress":${JSON.stringify(ingress)},"servers":[\n${servers.map(encodeServer).join(",\n")}\n]}`;

/** Thrown inside this file only. */
class NotACheckpoint extends Error {}

type Fields = Readonly<Record<string, unknown>>;

const isFields = (value: unknown): value is Fields => typeof value === "object" && value !== null;

const fieldsOf = (value: unknown): Fields => {
  if (!isFields(value)) throw new NotACheckpoint();
  return value;
};
const listOf = (value: unknown): readonly unknown[] => {
  if (!Array.isArray(value)) throw new NotACheckpoint();
  return value;
};
const textOf = (value: unknown): string => {
  if (typeof value !== "string") throw new NotACheckpoint();
  return value;
};
const integerOf = (value: unknown, highest: number): number => {
  if (typeof value !== "number" || !Number.isInteger(value) || value < 0 || value > highest) {
    throw new NotACheckpoint();
  }
  return value;
};
const addressOf = (value: unknown): IpAddress => {
  const address = parseAddress(textOf(value));
  if (address === undefined) throw new NotACheckpoint();
  return address;
};
const oneOf = <Choice extends string>(value: unknown, choices: readonly Choice[]): Choice => {
  const choice = choices.find((candidate) => candidate === value);
  if (choice === undefined) throw new NotACheckpoint();
  return choice;
};

const AVAILABILITIES: readonly Availability[] = ["available", "draining", "unavailable"];
const HIGHEST_ID = 0x7fff_ffff;
const LARGEST_TABLE = 1_048_576;

const readBackend = (value: unknown): PlannedBackend => {
  const {
    name,
    id,
    address,
    port,
    weight,
    availability,
    load,
    role,
    drainUntil,
    drained,
    device,
    source,
    alone,
  } = fieldsOf(value);
  return {
    name: textOf(name),
    id: integerOf(id, HIGHEST_ID),
    address: addressOf(address),
    ...(port === undefined ? {} : { port: integerOf(port, 65_535) }),
    weight: integerOf(weight, 256),
    availability: oneOf(availability, AVAILABILITIES),
    ...(load === undefined ? {} : { load: integerOf(load, HIGHEST_ID) }),
    ...(role === undefined ? {} : { role: oneOf(role, ["leaving", "sorry"]) }),
    ...(drainUntil === undefined
      ? {}
      : { drainUntil: instant(integerOf(drainUntil, Number.MAX_SAFE_INTEGER)) }),
    ...(drained === true ? { drained } : {}),
    ...(device === undefined ? {} : { device: textOf(device) }),
    ...(source === undefined ? {} : { source: addressOf(source) }),
    ...(alone === true ? { alone } : {}),
  };
};

const readPorts = (value: unknown): PortRange => {
  const { first, last } = fieldsOf(value);
  return { first: integerOf(first, ALL_PORTS.last), last: integerOf(last, ALL_PORTS.last) };
};

const readNetwork = (value: unknown): InterfaceAddress => {
  const { address, prefixLength } = fieldsOf(value);
  const network = addressOf(address);
  return { address: network, prefixLength: integerOf(prefixLength, addressBits(network)) };
};

const readScheduler = (value: unknown): Scheduler => {
  const { type, tableSize } = fieldsOf(value);
  const kind = oneOf(type, [
    "consistent-hash",
    "source-hash",
    "round-robin",
    "weighted",
    "least-connections",
  ]);
  return kind === "consistent-hash" || kind === "source-hash"
    ? { type: kind, tableSize: integerOf(tableSize, LARGEST_TABLE) }
    : { type: kind };
};

const readRate = (value: unknown): Rate => {
  const { rate, per, burst } = fieldsOf(value);
  return {
    rate: integerOf(rate, HIGHEST_ID),
    per: oneOf(per, RATE_UNITS),
    burst: integerOf(burst, HIGHEST_ID),
  };
};

const readLimits = (value: unknown): SourceLimits => {
  const { prefixLength, connections, newConnections } = fieldsOf(value);
  return {
    prefixLength: integerOf(prefixLength, 128),
    ...(connections === undefined ? {} : { connections: integerOf(connections, HIGHEST_ID) }),
    ...(newConnections === undefined ? {} : { newConnections: readRate(newConnections) }),
  };
};

const readPersistence = (value: unknown): Persistence => {
  const { timeout, prefixLength } = fieldsOf(value);
  return {
    timeout: micros(integerOf(timeout, Number.MAX_SAFE_INTEGER)),
    prefixLength: integerOf(prefixLength, 128),
  };
};

const readTreatment = ({ persistence, limits, synProxy }: Fields): Treatment => ({
  ...(persistence === undefined ? {} : { persistence: readPersistence(persistence) }),
  ...(limits === undefined ? {} : { limits: readLimits(limits) }),
  ...(synProxy === true ? { synProxy } : {}),
});

const readMove = (value: unknown): SlotMove => {
  const [slot, from, until] = listOf(value);
  return {
    slot: integerOf(slot, LARGEST_TABLE),
    from: integerOf(from, HIGHEST_ID),
    until: instant(integerOf(until, Number.MAX_SAFE_INTEGER)),
  };
};

const readServer = (value: unknown, tables: SlotTables): ServerPlan => {
  const fields = fieldsOf(value);
  const scheduler = readScheduler(fields.scheduler);
  const backends = listOf(fields.backends).map(readBackend);
  return {
    name: textOf(fields.name),
    address: addressOf(fields.address),
    protocol: oneOf(fields.protocol, ["tcp", "udp"]),
    ports: readPorts(fields.ports),
    mode: oneOf(fields.mode, MODES),
    scheduler,
    ...(fields.sourceRanges === undefined
      ? {}
      : { sourceRanges: listOf(fields.sourceRanges).map(readNetwork) }),
    ...readTreatment(fields),
    backends,
    slots: tables(scheduler, backends),
    moves: listOf(fields.moves).map(readMove),
    tracked: listOf(fields.tracked).map((slot) => integerOf(slot, LARGEST_TABLE)),
  };
};

/** Reads a checkpoint; `undefined` when the text is none or of another version. Never throws. */
export const decodeCheckpoint = (text: string): ForwardingPlan | undefined => {
  try {
    const { format, ingress, servers } = fieldsOf(JSON.parse(text));
    if (format !== FORMAT) return undefined;
    const tables = createSlotTables();
    return {
      ingress: listOf(ingress).map(textOf),
      servers: listOf(servers).map((server) => readServer(server, tables)),
    };
  } catch {
    return undefined;
  }
};
