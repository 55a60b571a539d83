/** The lines of `virtual_ipaddress`: an address, and what `ip address add` would be told with it. */
import { isIpv4 } from "#base/address";
import { formatInterfaceAddress, type InterfaceAddress, parseInterfaceAddress } from "#base/prefix";
import type { RouterInput } from "#core/config/schema-router";
import { quoted } from "./arguments.ts";
import type { Report } from "./report.ts";
import type { Statement } from "./statements.ts";

/** An address of an instance, as it was written. */
export type Address = {
  readonly network: InterfaceAddress;
  readonly device?: string;
  readonly label?: string;
  readonly statement: Statement;
};

type AddressInput = RouterInput["addresses"][number];

/** Options that take a value and ask for something we do not set. */
const LOST_WITH_VALUE: ReadonlyMap<string, string> = new Map([
  ["brd", "broadcast addresses are not set; Linux needs none"],
  ["broadcast", "broadcast addresses are not set; Linux needs none"],
  ["peer", "point-to-point addresses are not set"],
  ["preferred_lft", "addresses are never deprecated"],
  ["track_group", "track_group is for static addresses"],
]);

const LOST_FLAGS: ReadonlyMap<string, string> = new Map([
  ["use_vmac", "an address has no virtual MAC address of its own"],
  ["no_track", "an address that somebody removes is always put back"],
  ["home", "the flag home is not set"],
  ["-nodad", "the flag nodad is always set, and no other"],
  ["mngtmpaddr", "the flag mngtmpaddr is not set"],
  ["noprefixroute", "the flag noprefixroute is not set"],
  ["autojoin", "the flag autojoin is not set"],
]);

/** Reads one line; `undefined`, with a note, when it holds no address. */
const readAddress = (statement: Statement, report: Report): Address | undefined => {
  const { keyword, args } = statement;
  const network = parseInterfaceAddress(keyword);
  if (network === undefined) {
    report.lost(statement, `${quoted(keyword)} is no address`);
    return undefined;
  }
  let device: string | undefined;
  let label: string | undefined;
  for (let index = 0; index < args.length; index += 1) {
    const option = args[index] ?? "";
    const value = args[index + 1];
    const withValue = LOST_WITH_VALUE.get(option);
    const flag = LOST_FLAGS.get(option);
    if (flag !== undefined) {
      report.lost(statement, `${option}: ${flag}`);
      continue;
    }
    index += 1;
    if (option === "dev" && value !== undefined) device = value;
    else if (option === "label" && value !== undefined) label = value;
    else if (option === "scope" && (value === "global" || value === "0"))
      report.needless(statement, "scope global is what every address gets");
    else if (option === "scope")
      report.lost(statement, `scope ${quoted(value)}: every address gets scope global`);
    else if (withValue !== undefined) report.lost(statement, `${option}: ${withValue}`);
    else {
      report.lost(statement, `${quoted(option)} is no option of an address`);
      index -= 1;
    }
  }
  return {
    network,
    statement,
    ...(device === undefined ? {} : { device }),
    ...(label === undefined ? {} : { label }),
  };
};

/** Reads the lines of `virtual_ipaddress` or `virtual_ipaddress_excluded`. */
export const readAddresses = ({ block = [] }: Statement, report: Report): readonly Address[] =>
  block.flatMap((statement) => readAddress(statement, report) ?? []);

/** The label when an address can carry it. */
const labelFor = (
  { label, network, statement }: Address,
  owner: string,
  report: Report,
): string | undefined => {
  if (label === undefined) return undefined;
  if (!isIpv4(network.address)) report.needless(statement, "an IPv6 address carries no label");
  else if (!label.startsWith(`${owner}:`))
    report.lost(statement, `label: ${quoted(label)} must begin with ${owner}:`);
  else if (label.length > 15) report.lost(statement, `label: ${quoted(label)} is longer than 15 characters`);
  else return label;
  return undefined;
};

/**
 * The address as our configuration has it. It names its device when that is neither the router's interface nor
 * `carrier`, which carries the addresses that name none.
 */
export const addressInput = (
  address: Address,
  {
    interfaceName,
    carrier,
    report,
  }: { readonly interfaceName: string; readonly carrier: string; readonly report: Report },
): AddressInput => {
  const text = formatInterfaceAddress(address.network);
  const device = address.device === interfaceName ? undefined : address.device;
  const label = labelFor(address, device ?? carrier, report);
  if (device === undefined && label === undefined) return text;
  return {
    address: text,
    ...(device === undefined ? {} : { device }),
    ...(label === undefined ? {} : { label }),
  };
};
