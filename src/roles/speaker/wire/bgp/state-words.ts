/** Peers and routes as they come back from disk, each field checked: whatever is not as it was written is refused. */
import { type IpAddress, type IpFamily, type Ipv4Address, isIpv4, parseAddress } from "#base/address";
import { addressBits, type InterfaceAddress, networkOf } from "#base/prefix";
import { type Duration, micros, seconds } from "#base/time";
import type { BfdWord, PeerWord, RouteWord } from "#core/bgp/desired";
import type { LargeCommunity, RouteAttributes } from "#core/bgp/route";
import type { ExpectedAsn } from "#core/bgp/session/config";
import { fieldsOf } from "#core/kubernetes/read";

/** Thrown and caught here only: one wrong field makes the whole word unusable. */
class Unreadable extends Error {}

const refuse = (): never => {
  throw new Unreadable();
};

const MOST = { name: 253, password: 80, communities: 1_000, targets: 1_000, peers: 1_000 } as const;
const BITS_32 = 0xffff_ffff;
const LONGEST_TIME = seconds(65_535);
const LONGEST_LINK_NAME = 15;

const text = (value: unknown, most: number = MOST.name): string =>
  typeof value === "string" && value !== "" && value.length <= most ? value : refuse();
const number = (value: unknown, [least, most]: readonly [number, number]): number =>
  typeof value === "number" && Number.isInteger(value) && value >= least && value <= most ? value : refuse();
const flag = (value: unknown): boolean => (typeof value === "boolean" ? value : refuse());
const time = (value: unknown): Duration => micros(number(value, [0, LONGEST_TIME]));
const address = (value: unknown): IpAddress => parseAddress(text(value)) ?? refuse();
const routerId = (value: unknown): Ipv4Address => {
  const id = address(value);
  return isIpv4(id) ? id : refuse();
};
const asn = (value: unknown): number => number(value, [1, BITS_32]);
const word = <const Word extends string>(value: unknown, words: readonly Word[]): Word =>
  words.find((each) => each === value) ?? refuse();
/** JSON has no `undefined`: a field without a value is not there. */
const optional = <Value>(value: unknown, read: (value: unknown) => Value): Value | undefined =>
  value === undefined || value === null ? undefined : read(value);
const list = <Item>(value: unknown, most: number, read: (value: unknown) => Item): readonly Item[] =>
  Array.isArray(value) && value.length <= most ? value.map(read) : refuse();

const readNeighbor = (value: unknown): PeerWord["neighbor"] => {
  const fields = fieldsOf(value);
  return fields.type === "interface"
    ? { type: "interface", name: text(fields.name, LONGEST_LINK_NAME) }
    : { type: word(fields.type, ["address"]), address: address(fields.address) };
};

const readExpectedAsn = (value: unknown): ExpectedAsn => {
  const fields = fieldsOf(value);
  return fields.type === "given"
    ? { type: "given", asn: asn(fields.asn) }
    : { type: word(fields.type, ["internal", "external"]) };
};

const readBfd = (value: unknown): BfdWord => {
  const fields = fieldsOf(value);
  return {
    receiveInterval: time(fields.receiveInterval),
    transmitInterval: time(fields.transmitInterval),
    detectMultiplier: number(fields.detectMultiplier, [1, 255]),
    echo: optional(fields.echo, (echo) => ({ interval: time(fieldsOf(echo).interval) })),
    role: word(fields.role, ["active", "passive"]),
    minimumTtl: number(fields.minimumTtl, [1, 254]),
  };
};

const FAMILIES: readonly IpFamily[] = ["IPv4", "IPv6"];

const peerWord = (value: unknown): PeerWord => {
  const fields = fieldsOf(value);
  return {
    name: text(fields.name),
    neighbor: readNeighbor(fields.neighbor),
    port: number(fields.port, [1, 65_535]),
    localAsn: asn(fields.localAsn),
    hiddenAsn: optional(fields.hiddenAsn, asn),
    peerAsn: readExpectedAsn(fields.peerAsn),
    routerId: routerId(fields.routerId),
    sourceAddress: optional(fields.sourceAddress, address),
    vrf: optional(fields.vrf, (name) => text(name, LONGEST_LINK_NAME)),
    holdTime: time(fields.holdTime),
    keepaliveTime: time(fields.keepaliveTime),
    connectRetryTime: time(fields.connectRetryTime),
    role: word(fields.role, ["active", "passive"]),
    password: optional(fields.password, (password) => text(password, MOST.password)),
    multihop: flag(fields.multihop),
    ttlSecurity: flag(fields.ttlSecurity),
    families: list(fields.families, FAMILIES.length, (family) => word(family, FAMILIES)),
    multiprotocol: flag(fields.multiprotocol),
    gracefulRestart: optional(fields.gracefulRestart, (restart) => ({
      restartTime: time(fieldsOf(restart).restartTime),
    })),
    bfd: optional(fields.bfd, readBfd),
    mostRoutes: number(fields.mostRoutes, [1, BITS_32]),
  };
};

const readPrefix = (value: unknown): InterfaceAddress => {
  const fields = fieldsOf(value);
  const read = address(fields.address);
  const prefix = { address: read, prefixLength: number(fields.prefixLength, [0, addressBits(read)]) };
  return networkOf(prefix).address === read ? prefix : refuse();
};

const bits = (value: unknown): number => number(value, [0, BITS_32]);

const readLarge = (value: unknown): LargeCommunity => {
  const { administrator, first, second } = fieldsOf(value);
  return { administrator: bits(administrator), first: bits(first), second: bits(second) };
};

const readAttributes = (value: unknown): RouteAttributes => {
  const fields = fieldsOf(value);
  const { linkBandwidth } = fields;
  return {
    localPref: bits(fields.localPref),
    med: optional(fields.med, bits),
    communities: list(fields.communities, MOST.communities, bits),
    largeCommunities: list(fields.largeCommunities, MOST.communities, readLarge),
    linkBandwidth: optional(linkBandwidth, (bytes) =>
      typeof bytes === "number" && Number.isFinite(bytes) && bytes >= 0 ? bytes : refuse(),
    ),
  };
};

const routeWord = (value: unknown): RouteWord => {
  const fields = fieldsOf(value);
  return {
    prefix: readPrefix(fields.prefix),
    targets: list(fields.targets, MOST.targets, (target) => ({
      peers: list(fieldsOf(target).peers, MOST.peers, (name) => text(name)),
      attributes: readAttributes(fieldsOf(target).attributes),
    })),
  };
};

const attempt = <Value>(read: () => Value): Value | undefined => {
  try {
    return read();
  } catch (error) {
    if (error instanceof Unreadable) return undefined;
    throw error;
  }
};

/** A peer as it was written; `undefined` for anything else. */
export const readPeerWord = (value: unknown): PeerWord | undefined => attempt(() => peerWord(value));

/** A route as it was written; `undefined` for anything else. */
export const readRouteWord = (value: unknown): RouteWord | undefined => attempt(() => routeWord(value));
