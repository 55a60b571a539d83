/**
 * What other routers on the link do that cannot be meant: seen on packets, said once.
 *
 * A machine of its own. A conflict begins with the first packet that shows it and ends when none has for a while;
 * between the two nothing is reported. The list is bounded, for a hostile neighbour may use any number of addresses.
 */
import { addressBytes, type IpAddress } from "#base/address";
import { concatBytes } from "#base/bytes";
import { after, type Duration, earliest, type Instant, micros, seconds } from "#base/time";
import type { AdmissionReason } from "./admission.ts";
import type { VirtualRouterConfig, Vrid } from "./config.ts";
import { PRIORITY_LEAVING, PRIORITY_OWNER } from "./constants.ts";
import type { DecodedAdvertisement } from "./packet.ts";
import type { State } from "./state.ts";

/** What can be wrong. Each is also a `kind` label of the conflict gauge. */
export const CONFLICT_KINDS = [
  /** Another router is active with our priority while we are: only the addresses decide. */
  "same-priority-active",
  /** A worse router is active while we have long been: the two did not hear each other, or it still does not hear us. */
  "lower-priority-active",
  /** Two routers say that they own the addresses. */
  "owner-conflict",
  /** A virtual router that nobody configured here. For information: it may be all right. */
  "vrid-unexpected",
  "interval-mismatch",
  "address-list-mismatch",
  "version-mismatch",
  "auth-mismatch",
  /** The other side covers other bytes with its checksum and may not understand ours. */
  "checksum-mismatch",
  /** Somebody else sends from our address. */
  "own-address-as-sender",
] as const;
/** What can be wrong. */
export type ConflictKind = (typeof CONFLICT_KINDS)[number];

/** One packet's evidence of a conflict. */
export type Sighting = {
  readonly kind: ConflictKind;
  readonly peer: IpAddress;
  readonly vrid: Vrid;
  /** How long without evidence until the conflict counts as over. */
  readonly hold: Duration;
};

/** A conflict that goes on. */
export type Conflict = Pick<Sighting, "kind" | "peer" | "vrid"> & {
  readonly since: Instant;
  /** When its last evidence came. */
  readonly seenAt: Instant;
  readonly endsAt: Instant;
};

/** What goes on at present, at most `CONFLICT_LIMIT`. */
export type Conflicts = readonly Conflict[];

/** The edges. */
export type ConflictEffect = {
  readonly type: "conflict-began" | "conflict-ended";
  readonly conflict: Conflict;
};

export type ConflictStep = { readonly state: Conflicts; readonly effects: readonly ConflictEffect[] };

/** How many conflicts are kept; further ones are not noticed until one of these is over. */
export const CONFLICT_LIMIT = 32;
/** The least time without evidence before a conflict counts as over. */
const CONFLICT_HOLD: Duration = seconds(10);

const isOf =
  (sighting: Sighting) =>
  (conflict: Conflict): boolean =>
    conflict.kind === sighting.kind && conflict.peer === sighting.peer && conflict.vrid === sighting.vrid;

/** Takes note of one packet's evidence. */
export const sight = (state: Conflicts, sighting: Sighting, now: Instant): ConflictStep => {
  const endsAt = after(now, sighting.hold);
  const known = state.find(isOf(sighting));
  if (known !== undefined) {
    return {
      state: state.map((conflict) => (conflict === known ? { ...known, seenAt: now, endsAt } : conflict)),
      effects: [],
    };
  }
  if (state.length >= CONFLICT_LIMIT) return { state, effects: [] };
  const { kind, peer, vrid } = sighting;
  const conflict = { kind, peer, vrid, since: now, seenAt: now, endsAt };
  return { state: [...state, conflict], effects: [{ type: "conflict-began", conflict }] };
};

/** Ends what has not been seen for its hold time. */
export const expire = (state: Conflicts, now: Instant): ConflictStep => {
  const over = state.filter((conflict) => conflict.endsAt <= now);
  if (over.length === 0) return { state, effects: [] };
  return {
    state: state.filter((conflict) => conflict.endsAt > now),
    effects: over.map((conflict) => ({ type: "conflict-ended", conflict })),
  };
};

/** When `expire` has something to do. */
export const conflictDeadline = (state: Conflicts): Instant | undefined =>
  earliest(...state.map((conflict) => conflict.endsAt));

const KIND_BY_REFUSAL: Readonly<Partial<Record<AdmissionReason, ConflictKind>>> = {
  "vrid-mismatch": "vrid-unexpected",
  "version-mismatch": "version-mismatch",
  "auth-mismatch": "auth-mismatch",
  "interval-mismatch": "interval-mismatch",
  "own-address": "own-address-as-sender",
};

const bytesByAddresses = new WeakMap<VirtualRouterConfig["addresses"], Uint8Array>();

/** A configuration's addresses as they are on the wire, worked out once. */
const wireBytes = (addresses: VirtualRouterConfig["addresses"]): Uint8Array => {
  const known = bytesByAddresses.get(addresses);
  if (known !== undefined) return known;
  const bytes = concatBytes(...addresses.map(({ address }) => addressBytes(address)));
  bytesByAddresses.set(addresses, bytes);
  return bytes;
};

const equalBytes = (left: Uint8Array, right: Uint8Array): boolean => {
  for (let index = 0; index < left.length; index += 1) if (left[index] !== right[index]) return false;
  return left.length === right.length;
};

/**
 * The same set in any order. Every packet of a flood is compared, so the usual cases are decided by bytes: the same order
 * too, or another number.
 */
const sameAddresses = (
  { addresses }: VirtualRouterConfig,
  { addressBytes: theirBytes, advertisement }: DecodedAdvertisement,
): boolean => {
  const ours = wireBytes(addresses);
  if (ours.length !== theirBytes.length) return false;
  if (equalBytes(ours, theirBytes)) return true;
  const theirs = new Set(advertisement.addresses);
  return addresses.every(({ address }) => theirs.has(address));
};

/** A backup of version 3 believes the second in a row: one alone asks for patience during a restart (`resume.ts`). */
const isOtherInterval = (config: VirtualRouterConfig, state: State, advertised: Duration): boolean =>
  advertised !== config.advertisementInterval &&
  (state.name !== "backup" || state.activeAdverInterval === advertised);

/**
 * How many of our intervals a router that hears us may go on after we have become active: as one that hears nobody, and
 * some more for what is under way.
 */
const SETTLING = 4;

const isRival = (
  { advertisementInterval }: VirtualRouterConfig,
  state: State,
  {
    priority,
    activeFor = micros(0),
  }: { readonly priority: number; readonly activeFor: Duration | undefined },
): boolean =>
  state.name === "active" &&
  priority !== PRIORITY_LEAVING &&
  priority < state.priority &&
  activeFor >= SETTLING * advertisementInterval;

/** Everything one packet shows. */
export const conflictsIn = (
  config: VirtualRouterConfig,
  state: State,
  packet: DecodedAdvertisement,
  given: {
    /** Why it was not let in, if it was not. */
    readonly refusal: AdmissionReason | undefined;
    /** How long this router has been active; `undefined` while it is not. */
    readonly activeFor: Duration | undefined;
  },
): readonly ConflictKind[] => {
  const { refusal, activeFor } = given;
  const kinds: ConflictKind[] = [];
  if (refusal !== undefined) {
    const kind = KIND_BY_REFUSAL[refusal];
    return kind === undefined ? kinds : [kind];
  }
  const { advertisement, checksum } = packet;
  const { priority } = advertisement;
  if (priority === PRIORITY_OWNER && config.priority === PRIORITY_OWNER) kinds.push("owner-conflict");
  else if (state.name === "active" && priority === state.priority) kinds.push("same-priority-active");
  else if (isRival(config, state, { priority, activeFor })) kinds.push("lower-priority-active");
  if (isOtherInterval(config, state, advertisement.advertisementInterval)) kinds.push("interval-mismatch");
  if (!sameAddresses(config, packet)) kinds.push("address-list-mismatch");
  const divided = config.version === 3 && config.family === "IPv4" && config.checksum !== "auto";
  if (divided && checksum !== config.checksum) kinds.push("checksum-mismatch");
  return kinds;
};

/** A conflict outlives four of the slower side's intervals, so that it does not flicker. */
export const conflictHold = (config: VirtualRouterConfig, advertised: Duration): Duration =>
  micros(Math.max(CONFLICT_HOLD, 4 * config.advertisementInterval, 4 * advertised));
