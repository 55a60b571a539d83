/**
 * One virtual router, from bytes to effects: the codec, the admission checks, the machine and the watch for
 * conflicts, put together so that a driver has one function to call and one deadline to keep.
 */
import type { IpAddress } from "#base/address";
import { between, earliest, type Instant } from "#base/time";
import { type AdmissionReason, admit } from "./admission.ts";
import type { ChecksumCoverage, VirtualRouterConfig } from "./config.ts";
import {
  type ConflictEffect,
  type Conflicts,
  conflictDeadline,
  conflictHold,
  conflictsIn,
  expire,
  sight,
} from "./conflict.ts";
import { multicastGroup } from "./constants.ts";
import * as machine from "./machine.ts";
import { type Transition, transitionBetween } from "./observe.ts";
import { type Advertisement, type DecodeReason, decode, encode, type IpContext } from "./packet.ts";
import type { Effect, Input, State } from "./state.ts";

/** A machine, the conflicts it sees, and how the others speak. */
export type RouterState = {
  readonly machine: State;
  readonly conflicts: Conflicts;
  /** The checksum coverage of the peer heard last; `undefined` before any was. */
  readonly heardChecksum: ChecksumCoverage | undefined;
  /** Since when it has been active; `undefined` while it is not. */
  readonly activeSince: Instant | undefined;
};

/**
 * An IP payload of protocol 112 from the router's interface. `hopLimit` is the IPv4 TTL or IPv6 Hop Limit. One with a
 * VRID that no router of this host has may be given to any of them: it is reported as `vrid-unexpected`.
 */
export type PacketInput = {
  readonly type: "packet";
  readonly payload: Uint8Array;
  readonly context: IpContext & { readonly hopLimit: number };
};

/** What happened: packets are not decoded yet. */
export type RouterInput = Exclude<Input, { type: "advertisement" }> | PacketInput;

/** Why a packet had no effect. */
export type DropReason = DecodeReason | AdmissionReason;

/** What the caller must do or report, in order. */
export type RouterEffect =
  | Effect
  | ConflictEffect
  | { readonly type: "drop"; readonly reason: DropReason; readonly source: IpAddress };

export type RouterStep = {
  readonly state: RouterState;
  readonly effects: readonly RouterEffect[];
  /** Set when the machine's state has another name than before. */
  readonly transition?: Transition;
};

/** A router that has not been started and knows no address. */
export const initialRouter = (config: VirtualRouterConfig): RouterState => ({
  machine: machine.initialState(config),
  conflicts: [],
  heardChecksum: undefined,
  activeSince: undefined,
});

/** When `step` must be called with `timer` at the latest. */
export const deadline = (state: RouterState): Instant | undefined =>
  earliest(machine.deadline(state.machine), conflictDeadline(state.conflicts));

const stepMachine = (
  config: VirtualRouterConfig,
  state: RouterState,
  input: Input,
  now: Instant,
): RouterStep => {
  const next = machine.step(config, state.machine, input, now);
  const transition = transitionBetween(state.machine, input, next.state, now);
  const activeSince = next.state.name === "active" ? (state.activeSince ?? now) : undefined;
  return {
    state: { ...state, machine: next.state, activeSince },
    effects: next.effects,
    ...(transition === undefined ? {} : { transition }),
  };
};

const stepPacket = (
  config: VirtualRouterConfig,
  state: RouterState,
  { payload, context }: PacketInput,
  now: Instant,
): RouterStep => {
  const { source } = context;
  const packet = decode(payload, context);
  if (!packet.ok) return { state, effects: [{ type: "drop", reason: packet.reason, source }] };
  const { vrid, priority, advertisementInterval } = packet.value.advertisement;
  const admitted = admit(config, state.machine.address, packet.value.advertisement, context);
  const effects: RouterEffect[] = [];
  let { conflicts } = state;
  const evidence = {
    refusal: admitted.ok ? undefined : admitted.reason,
    activeFor: state.activeSince === undefined ? undefined : between(state.activeSince, now),
  };
  for (const kind of conflictsIn(config, state.machine, packet.value, evidence)) {
    const hold = conflictHold(config, advertisementInterval);
    const seen = sight(conflicts, { kind, peer: source, vrid, hold }, now);
    conflicts = seen.state;
    effects.push(...seen.effects);
  }
  if (!admitted.ok) effects.push({ type: "drop", reason: admitted.reason, source });
  if (!admitted.ok) return { state: { ...state, conflicts }, effects };
  const noted = { ...state, conflicts, heardChecksum: packet.value.checksum };
  const input: Input = { type: "advertisement", source, priority, advertisementInterval };
  const next = stepMachine(config, noted, input, now);
  return { ...next, effects: [...next.effects, ...effects] };
};

const stepTimer = (config: VirtualRouterConfig, state: RouterState, now: Instant): RouterStep => {
  const expired = expire(state.conflicts, now);
  const next = stepMachine(config, { ...state, conflicts: expired.state }, { type: "timer" }, now);
  return { ...next, effects: [...next.effects, ...expired.effects] };
};

/** The new state and the effects of one input. What must be done comes before what must be reported. */
export const step = (
  config: VirtualRouterConfig,
  state: RouterState,
  input: RouterInput,
  now: Instant,
): RouterStep => {
  if (input.type === "packet") return stepPacket(config, state, input, now);
  return input.type === "timer" ? stepTimer(config, state, now) : stepMachine(config, state, input, now);
};

/** Where a router sends its advertisements: the group, or each peer. */
export const destinations = (config: VirtualRouterConfig): readonly IpAddress[] =>
  config.transport.type === "multicast" ? [multicastGroup(config.family)] : config.transport.peers;

const advertisementOf = (config: VirtualRouterConfig, priority: number): Advertisement => {
  const { vrid, advertisementInterval, password } = config;
  const addresses = config.addresses.map(({ address }) => address);
  const common = { vrid, priority, advertisementInterval, addresses };
  if (config.version === 3) return { version: 3, ...common };
  return {
    version: 2,
    authentication: password === undefined ? { type: "none" } : { type: "simple", password },
    ...common,
  };
};

/**
 * The coverage to send with. `auto` begins with the pseudo-header because keepalived (seen: 2.2.7) drops anything else;
 * a peer that follows RFC 9568 to the letter is understood from its first advertisement on and then understands us.
 */
const checksumToSend = (config: VirtualRouterConfig, state: RouterState): ChecksumCoverage =>
  config.checksum === "auto" ? (state.heardChecksum ?? "pseudo-header") : config.checksum;

/** The IP payload of a `send-advertisement` effect for one destination; `state` is the one the step gave with it. */
export const encodeAdvertisement = (
  config: VirtualRouterConfig,
  state: RouterState,
  { priority, source, destination }: { priority: number; source: IpAddress; destination: IpAddress },
): Uint8Array => {
  const { family } = config;
  const checksum = checksumToSend(config, state);
  return encode(advertisementOf(config, priority), { family, source, destination, checksum });
};
