/** `persistence_timeout` and `persistence_granularity`: how long a client stays at its backend, and who is one client. */
import { addressBytes, familyOf, type IpAddress, isIpv4 } from "#base/address";
import { seconds } from "#base/time";
import type { ServerInput } from "#core/config/schema-server";
import { addressOf, clamp, integerOf, quoted, secondsOf, spell } from "./arguments.ts";
import type { Report } from "./report.ts";
import type { Statement } from "./statements.ts";

/** The two statements as they stood in a block. */
export type PersistenceDraft = { timeout?: Statement; granularity?: Statement };

/** keepalived's, where `persistence_timeout` gives none. */
const DEFAULT = seconds(360);
const BOUNDS = { min: seconds(1), max: seconds(86_400) };

/** The length that a netmask stands for, from 8 up; `undefined`, with a note, when it stands for none. */
const maskLength = (statement: Statement, report: Report): number | undefined => {
  const mask = addressOf(statement, report);
  if (mask === undefined) return undefined;
  const bits = [...addressBytes(mask)].map((byte) => byte.toString(2).padStart(8, "0")).join("");
  const length = bits.indexOf("0") === -1 ? bits.length : bits.indexOf("0");
  if (isIpv4(mask) && length >= 8 && !bits.slice(length).includes("1")) return length;
  report.lost(statement, `${quoted(statement.args[0])} is no netmask of 8 bits and more`);
  return undefined;
};

const granularityFrom = (statement: Statement | undefined, front: IpAddress, report: Report) => {
  if (statement === undefined) return {};
  if (familyOf(front) === "IPv6") {
    const length = integerOf(statement, { min: 16, max: 128 }, report);
    return length === undefined ? {} : { prefixLengthIpv6: length };
  }
  const length = maskLength(statement, report);
  return length === undefined ? {} : { prefixLengthIpv4: length };
};

/** The persistence of a server. */
export const persistenceFrom = (
  { timeout, granularity }: PersistenceDraft,
  { front, report }: { readonly front: IpAddress; readonly report: Report },
): Pick<ServerInput, "persistence"> => {
  if (timeout === undefined) {
    if (granularity !== undefined)
      report.needless(granularity, "without persistence_timeout it says nothing");
    return {};
  }
  const asked = timeout.args.length === 0 ? DEFAULT : secondsOf(timeout, report);
  if (asked === undefined) return {};
  const kept = clamp(asked, BOUNDS);
  if (kept !== asked)
    report.changed(timeout, `${spell(kept)} instead of ${spell(asked)}, which is out of range`);
  return { persistence: { timeout: spell(kept), ...granularityFrom(granularity, front, report) } };
};
