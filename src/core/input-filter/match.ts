/** Whether an expression of a rule fits a packet. */
import { compareAddresses, familyOf, parseAddress } from "#base/address";
import { contains } from "#base/prefix";
import { fieldsOf, listOf, textOf } from "#core/kubernetes/read";
import { type Packet, PROTOCOL } from "./packet.ts";

/** `undefined`: that cannot be told from here. */
export type Fits = boolean | undefined;

/** What one side of a comparison is, of this packet; `absent` where the packet has no such field. */
type Known = string | number | "absent" | undefined;

/** /etc/protocols has names for numbers, and not everywhere the same. */
const PROTOCOL_NAMES: ReadonlyMap<string, number> = new Map([
  ["tcp", PROTOCOL.tcp],
  ["vrrp", PROTOCOL.vrrp],
  ["carp", PROTOCOL.vrrp],
]);
const FIRST_PACKET = "new";

const metaOf = (key: string, packet: Packet): Known => {
  if (key === "l4proto") return packet.protocol;
  if (key === "iifname" || key === "iif") return packet.interface;
  if (key === "oifname" || key === "oif") return packet.leavesBy;
  if (key === "nfproto") return packet.family.toLowerCase();
  return key === "protocol" ? (packet.family === "IPv4" ? "ip" : "ip6") : undefined;
};

const payloadOf = (protocol: string, field: string, packet: Packet): Known => {
  if (protocol === "ip" || protocol === "ip6") {
    if ((protocol === "ip") !== (packet.family === "IPv4")) return "absent";
    if (field === "protocol" || field === "nexthdr") return packet.protocol;
    if (field === "saddr") return packet.source;
    return field === "daddr" ? packet.destination : undefined;
  }
  if (protocol === "th" || protocol === "tcp") {
    if (packet.port === undefined) return "absent";
    return field === "dport" ? packet.port : undefined;
  }
  return ["udp", "icmp", "icmpv6", "igmp", "esp", "ah", "sctp", "dccp", "udplite"].includes(protocol)
    ? "absent"
    : undefined;
};

const leftOf = (left: unknown, packet: Packet): Known => {
  const { meta, payload, ct } = fieldsOf(left);
  if (meta !== undefined) return metaOf(textOf(fieldsOf(meta).key), packet);
  if (payload !== undefined) {
    const { protocol, field } = fieldsOf(payload);
    return payloadOf(textOf(protocol), textOf(field), packet);
  }
  const key = textOf(fieldsOf(ct).key);
  // Nothing was answered or expected yet, nor translated if it stays here.
  if (key === "status") return packet.leavesBy === undefined ? "absent" : "dnat";
  return key === "state" ? FIRST_PACKET : undefined;
};

/** Orders numbers and addresses; `undefined` for what has no order, or cannot be compared. */
const compare = (left: string | number, right: unknown): number | undefined => {
  if (typeof left === "number") return typeof right === "number" ? left - right : undefined;
  const [one, other] = [parseAddress(left), parseAddress(textOf(right))];
  if (one === undefined || other === undefined || familyOf(one) !== familyOf(other)) return undefined;
  return compareAddresses(one, other);
};

const equals = (left: string | number, right: string | number): Fits => {
  if (typeof left === "string" && typeof right === "string") {
    return right.endsWith("*") ? left.startsWith(right.slice(0, -1)) : left === right;
  }
  if (typeof left === "number" && typeof right === "string") return PROTOCOL_NAMES.get(right) === left;
  return left === right;
};

/** All of them fit: any that does not decides, then any that is not known. */
export const every = (fits: readonly Fits[]): Fits =>
  fits.includes(false) ? false : fits.includes(undefined) ? undefined : true;

const some = (fits: readonly Fits[]): Fits =>
  fits.includes(true) ? true : fits.includes(undefined) ? undefined : false;

type Sets = (name: string) => readonly unknown[] | undefined;

/** Whether a value is what the right side of a comparison, or one element of a set, says. */
const isIn = (left: string | number, right: unknown, sets: Sets): Fits => {
  if (typeof right === "number") return equals(left, right);
  if (typeof right === "string") {
    if (!right.startsWith("@")) return equals(left, right);
    const elements = sets(right.slice(1));
    return elements === undefined ? undefined : some(elements.map((each) => isIn(left, each, sets)));
  }
  if (Array.isArray(right)) return some(right.map((each) => isIn(left, each, sets)));
  const { set, prefix, range, elem } = fieldsOf(right);
  if (elem !== undefined) return isIn(left, fieldsOf(elem).val, sets);
  if (set !== undefined) return some(listOf(set).map((each) => isIn(left, each, sets)));
  if (range !== undefined) {
    const [low, high] = listOf(range).map((end) => compare(left, end));
    return low === undefined || high === undefined ? undefined : low >= 0 && high <= 0;
  }
  if (prefix === undefined) return undefined;
  const { addr, len } = fieldsOf(prefix);
  const [address, network] = [parseAddress(String(left)), parseAddress(textOf(addr))];
  if (address === undefined || network === undefined || typeof len !== "number") return undefined;
  return contains({ address: network, prefixLength: len }, address);
};

/** Whether one value, such as the key of a verdict map, fits. A field that the packet does not have fits nothing. */
export const fitsValue = (left: unknown, right: unknown, packet: Packet, sets: Sets): Fits => {
  const known = leftOf(left, packet);
  if (known === undefined) return undefined;
  return known === "absent" ? false : isIn(known, right, sets);
};

/** Whether the packet passes a `match` statement. */
export const fitsMatch = (match: unknown, packet: Packet, sets: Sets): Fits => {
  const { op, left, right } = fieldsOf(match);
  const known = leftOf(left, packet);
  if (known === "absent") return false;
  const fits = fitsValue(left, right, packet, sets);
  if (op === "==" || op === "in") return fits;
  if (op === "!=") return fits === undefined ? undefined : !fits;
  const order = known === undefined ? undefined : compare(known, right);
  if (order === undefined) return undefined;
  if (op === "<") return order < 0;
  if (op === ">") return order > 0;
  if (op === "<=") return order <= 0;
  return op === ">=" ? order >= 0 : undefined;
};
