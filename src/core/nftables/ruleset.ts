/**
 * An nftables ruleset as a value: tables with chains of rules and maps with elements.
 *
 * Only what we use of nftables, kept so that one description gives the text that `nft` loads, the difference between
 * two rulesets, and the netlink messages that change elements without `nft`.
 */

import { addressBytes, addressFromBytes, type IpAddress, isIpv4 } from "#base/address";
import { assert } from "#base/assert";
import { concatBytes, writeU16 } from "#base/bytes";
import { formatInterfaceAddress, type InterfaceAddress } from "#base/prefix";
import type { Duration } from "#base/time";
import type { Protocol } from "#core/balance/model";
import { type ClientKey, clientBytes } from "#core/balance/pin";
import { formatPorts, type PortRange, particularity } from "#core/balance/ports";
import { writeHostU32 } from "#core/netlink/host-order";

/** The two tables that are ours; everything we load into the kernel is in them. */
export const TABLES = ["inet", "netdev"] as const;
export type TableFamily = (typeof TABLES)[number];
/** The name of both tables. */
export const TABLE_NAME = "steelyard";

/** What finds an element. */
export type ElementKey =
  /** A slot of a ring or the number of a backend: 32 bits in host order. */
  | { readonly type: "number"; readonly value: number }
  /** `address . protocol . ports`, numbers where nft knows the key as raw bytes only; all ports are left out. */
  | {
      readonly type: "service";
      readonly address: IpAddress;
      readonly protocol: Protocol;
      readonly ports: PortRange;
      /** The virtual address in front of it all, in sets whose keys are `virtual address . address . protocol . port`. */
      readonly via?: IpAddress;
    }
  /** A client that is kept on a backend. */
  | { readonly type: "client"; readonly client: ClientKey }
  /** A network; sets of them are intervals. */
  | { readonly type: "network"; readonly network: InterfaceAddress };

/** What a map gives for a key. */
export type ElementData =
  /** Go there. The kernel walks all chains when such an element changes, so only a change of structure changes one. */
  | { readonly type: "chain"; readonly chain: string }
  /** The number of a backend, for the packet's mark. */
  | { readonly type: "number"; readonly value: number }
  /** `address . port`, for address translation; the address alone where the port stays. */
  | { readonly type: "endpoint"; readonly address: IpAddress; readonly port?: number };

/** One element of a map, or of a set when it has no data. */
export type SetElement = {
  readonly key: ElementKey;
  readonly data?: ElementData;
  /** It leaves a set of elements that do so by itself: after `remaining`, or `timeout` when packets renew it. */
  readonly life?: { readonly timeout: Duration; readonly remaining: Duration };
};

/** A map or set. Maps that packets write to (`dynamic`) keep their elements when the ruleset is replaced. */
export type SetDeclaration = {
  readonly name: string;
  readonly kind: "map" | "set";
  /** Everything between the braces but the elements, one statement each. */
  readonly statements: readonly string[];
  /** Written by packets, never by us. */
  readonly dynamic: boolean;
  /** Keys are raw bytes to nft, so they are spelt as numbers. */
  readonly raw: boolean;
};

export type ChainDeclaration = {
  readonly name: string;
  /** Printable ASCII without quotes, at most 128 characters. */
  readonly comment?: string;
  readonly rules: readonly string[];
};

export type TableRuleset = {
  /** Names of counters that rules share, and that live as long as they are named here. */
  readonly counters?: readonly string[];
  readonly sets: readonly SetDeclaration[];
  readonly chains: readonly ChainDeclaration[];
  /** By the name of the set. Made when asked for: those of hundreds of rings need not exist at the same time. */
  readonly elementsBySet: ReadonlyMap<string, () => readonly SetElement[]>;
};

export type Ruleset = Readonly<Record<TableFamily, TableRuleset>>;

const PROTOCOL_NUMBERS: Readonly<Record<Protocol, number>> = { tcp: 6, udp: 17 };

const NO_BYTES = new Uint8Array();

const hex = (bytes: Uint8Array): string =>
  `0x${Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("")}`;

/** The key as nft writes it; `raw` for sets whose key nft knows as bytes only. */
export const formatKey = (key: ElementKey, raw: boolean): string => {
  if (key.type === "number") return `${key.value}`;
  if (key.type === "network") return formatInterfaceAddress(key.network);
  if (key.type === "client") return addressFromBytes(clientBytes(key.client));
  const { address, protocol, ports, via } = key;
  const tail = particularity(ports) === "all" ? "" : ` . ${formatPorts(ports)}`;
  if (raw) return `${hex(addressBytes(address))} . ${PROTOCOL_NUMBERS[protocol]}${tail}`;
  return `${via === undefined ? "" : `${via} . `}${address} . ${protocol}${tail}`;
};

/**
 * The key as the kernel stores it: every field padded to 4 bytes. Networks and ranges of ports are two keys each; they
 * change with the structure of a ruleset only, which is up to `nft`.
 */
export const keyBytes = (key: ElementKey): Uint8Array => {
  if (key.type === "number") {
    const number = new Uint8Array(4);
    writeHostU32(number, 0, key.value);
    return number;
  }
  if (key.type === "client") return clientBytes(key.client);
  assert(key.type === "service", "a network has no single key");
  const width = particularity(key.ports);
  assert(width !== "some", "a range of ports has no single key");
  const tail = new Uint8Array(width === "all" ? 4 : 8);
  tail[0] = PROTOCOL_NUMBERS[key.protocol];
  if (width === "one") writeU16(tail, 4, key.ports.first);
  const via = key.via === undefined ? NO_BYTES : addressBytes(key.via);
  return concatBytes(via, addressBytes(key.address), tail);
};

/** The data as nft writes it. */
export const formatData = (data: ElementData): string => {
  switch (data.type) {
    case "chain":
      return `goto ${data.chain}`;
    case "number":
      return `0x${data.value.toString(16)}`;
    case "endpoint":
      return data.port === undefined ? data.address : `${data.address} . ${data.port}`;
  }
};

/** What data other than a chain is to the kernel: fields padded to 4 bytes, numbers in host order. */
export const dataBytes = (data: Exclude<ElementData, { readonly type: "chain" }>): Uint8Array => {
  const tail = new Uint8Array(4);
  if (data.type === "number") {
    writeHostU32(tail, 0, data.value);
    return tail;
  }
  if (data.port === undefined) return addressBytes(data.address);
  writeU16(tail, 0, data.port);
  return concatBytes(addressBytes(data.address), tail);
};

/** What tells two keys of one set apart. */
export const keyIdentity = (key: ElementKey): string | number =>
  key.type === "number" ? key.value : formatKey(key, false);

/** `4` or `6`, for the names of sets that exist once per family. */
export const familyDigit = (address: IpAddress): "4" | "6" => (isIpv4(address) ? "4" : "6");
