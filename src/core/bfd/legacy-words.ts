/** What sessions leave for the next run, as text. It is checked like anything else that comes from a disk. */
import { type IpAddress, parseAddress } from "#base/address";
import { type Duration, type Instant, instant, micros } from "#base/time";
import { fieldsOf } from "#core/kubernetes/read";
import type { Legacy } from "./succession.ts";

/** A session that is left, and between which ends it runs. */
export type LeftSession = {
  readonly localAddress: IpAddress;
  readonly peer: IpAddress;
  /** The link of a session over one hop; `undefined`: it goes over several. */
  readonly linkIndex: number | undefined;
  /** The device of a VRF; `undefined`: none. */
  readonly vrf: string | undefined;
  readonly legacy: Legacy;
};

/** All that a run leaves, on a clock that begins with the machine's start. */
export type Estate = {
  readonly sessions: readonly LeftSession[];
  /** From then on peers have given the sessions up. */
  readonly until: Instant;
  /** Of the start of the machine that this was on. */
  readonly bootId: string;
};

const VERSION = 1;
const MOST_SESSIONS = 1_000;
const BITS_32 = 0xffff_ffff;
const LONGEST_NAME = 15;

/** In UTF-16 units, which are bytes. */
export const LONGEST_ESTATE = 1_024 * 1_024;

/** The text for the disk. */
export const estateText = ({ sessions, until, bootId }: Estate): string =>
  `${JSON.stringify({ version: VERSION, bootId, until, sessions: sessions.slice(0, MOST_SESSIONS) })}\n`;

const isWhole = (value: unknown, least: number, most: number): value is number =>
  typeof value === "number" && Number.isInteger(value) && value >= least && value <= most;

const durationIn = (value: unknown): Duration | undefined =>
  isWhole(value, 0, BITS_32) ? micros(value) : undefined;

const intervalsIn = (value: unknown): Legacy["advertised"] | undefined => {
  const { desiredMinTxInterval, requiredMinRxInterval } = fieldsOf(value);
  const [desired, required] = [durationIn(desiredMinTxInterval), durationIn(requiredMinRxInterval)];
  if (desired === undefined || desired === 0 || required === undefined) return undefined;
  return { desiredMinTxInterval: desired, requiredMinRxInterval: required };
};

const legacyIn = (value: unknown): Legacy | undefined => {
  const { localDiscriminator, advertised, remote } = fieldsOf(value);
  const { discriminator, detectMultiplier } = fieldsOf(remote);
  const [ours, theirs] = [intervalsIn(advertised), intervalsIn(remote)];
  if (ours === undefined || theirs === undefined) return undefined;
  if (!isWhole(localDiscriminator, 1, BITS_32) || !isWhole(discriminator, 1, BITS_32)) return undefined;
  if (!isWhole(detectMultiplier, 1, 255)) return undefined;
  return { localDiscriminator, advertised: ours, remote: { ...theirs, discriminator, detectMultiplier } };
};

const addressIn = (value: unknown): IpAddress | undefined =>
  typeof value === "string" ? parseAddress(value) : undefined;

const sessionIn = (value: unknown): readonly LeftSession[] => {
  const fields = fieldsOf(value);
  const [localAddress, peer] = [addressIn(fields.localAddress), addressIn(fields.peer)];
  const legacy = legacyIn(fields.legacy);
  if (localAddress === undefined || peer === undefined || legacy === undefined) return [];
  const { linkIndex, vrf } = fields;
  if (linkIndex !== undefined && !isWhole(linkIndex, 1, BITS_32)) return [];
  if (vrf !== undefined && (typeof vrf !== "string" || vrf === "" || vrf.length > LONGEST_NAME)) return [];
  return [{ localAddress, peer, linkIndex, vrf, legacy }];
};

/** What an earlier run on this start of the machine has left; `undefined` if nothing that can be used. Never throws. */
export const readEstate = (text: string, bootId: string): Estate | undefined => {
  if (text === "" || text.length > LONGEST_ESTATE) return undefined;
  let fields: ReturnType<typeof fieldsOf>;
  try {
    fields = fieldsOf(JSON.parse(text));
  } catch {
    return undefined;
  }
  const { version, sessions, until } = fields;
  if (version !== VERSION || fields.bootId !== bootId || !Array.isArray(sessions)) return undefined;
  if (!isWhole(until, 0, Number.MAX_SAFE_INTEGER)) return undefined;
  return { sessions: sessions.slice(0, MOST_SESSIONS).flatMap(sessionIn), until: instant(until), bootId };
};
