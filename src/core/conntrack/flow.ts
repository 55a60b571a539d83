/**
 * One entry of the connection tracking table, as far as balancing needs it.
 *
 * ```
 *  nfgenmsg (4 bytes) | CTA_TUPLE_ORIG { IP { src, dst }, PROTO { num, ports } } | CTA_TUPLE_REPLY { ... }
 *                     | CTA_PROTOINFO { TCP { state } } | CTA_ID | ...
 * ```
 *
 * The original direction is what the client sent: to the virtual address. The reply direction is what comes back: from
 * the backend that it was translated to. A busy edge has hundreds of thousands of entries, so attributes are walked
 * in place, without a map or a copy for each.
 */
import { readU16, readU32 } from "#base/bytes";
import { type Decoded, decoded, refused } from "#base/decoded";
import { NLA_HEADER_LENGTH, NLA_TYPE_MASK } from "#core/netlink/constants";
import { readHostU16 } from "#core/netlink/host-order";
import type { NetlinkMessage } from "#core/netlink/message";
import {
  CT_NEW,
  CTA_ID,
  CTA_IP_V4_DST,
  CTA_IP_V4_SRC,
  CTA_IP_V6_DST,
  CTA_IP_V6_SRC,
  CTA_PROTO_DST_PORT,
  CTA_PROTO_NUM,
  CTA_PROTO_SRC_PORT,
  CTA_PROTOINFO,
  CTA_PROTOINFO_TCP,
  CTA_PROTOINFO_TCP_STATE,
  CTA_TUPLE_IP,
  CTA_TUPLE_ORIG,
  CTA_TUPLE_PROTO,
  CTA_TUPLE_REPLY,
  NFGENMSG_LENGTH,
  TCP_FIN_WAIT,
} from "./constants.ts";

/** Why an entry was not read; entries of other protocols than TCP and UDP have no ports and are left out. */
export type FlowDecodeError = "other-message" | "truncated" | "bad-length" | "no-ports" | "missing-attribute";

/** One direction of a flow. Addresses are views into the bytes they were read from, in network order. */
export type Tuple = {
  readonly protocol: number;
  readonly source: Uint8Array;
  readonly destination: Uint8Array;
  readonly sourcePort: number;
  readonly destinationPort: number;
};

export type TrackedFlow = {
  readonly original: Tuple;
  readonly reply: Tuple;
  /** Whether data may still flow; a TCP flow of which one side has sent its FIN is over. */
  readonly open: boolean;
  /** What the kernel calls this entry; another with the same addresses and ports has another. */
  readonly id: number;
  /** What CTA_TUPLE_ORIG holds, as a request for this entry repeats it. */
  readonly originalBytes: Uint8Array;
};

/** Walks attributes; `false` when a length does not fit. */
const walk = (
  bytes: Uint8Array,
  onAttribute: (type: number, start: number, end: number) => void,
): boolean => {
  for (let offset = 0; offset < bytes.length; ) {
    if (bytes.length - offset < NLA_HEADER_LENGTH) return false;
    const length = readHostU16(bytes, offset);
    if (length < NLA_HEADER_LENGTH || length > bytes.length - offset) return false;
    onAttribute(readHostU16(bytes, offset + 2) & NLA_TYPE_MASK, offset + NLA_HEADER_LENGTH, offset + length);
    offset += (length + 3) & ~3;
  }
  return true;
};

const addressIn = (bytes: Uint8Array, wanted: 4 | 16): Uint8Array | undefined =>
  bytes.length === wanted ? bytes : undefined;

const readTuple = (bytes: Uint8Array): Decoded<Tuple, FlowDecodeError> => {
  const found: { -readonly [Field in keyof Tuple]?: Tuple[Field] | undefined } = {};
  let whole = true;
  const onAddress = (part: Uint8Array) => (type: number, start: number, end: number) => {
    const value = part.subarray(start, end);
    if (type === CTA_IP_V4_SRC) found.source = addressIn(value, 4);
    if (type === CTA_IP_V4_DST) found.destination = addressIn(value, 4);
    if (type === CTA_IP_V6_SRC) found.source = addressIn(value, 16);
    if (type === CTA_IP_V6_DST) found.destination = addressIn(value, 16);
  };
  const onProtocol = (part: Uint8Array) => (type: number, start: number, end: number) => {
    if (type === CTA_PROTO_NUM && end > start) found.protocol = part[start];
    if (type === CTA_PROTO_SRC_PORT && end - start === 2) found.sourcePort = readU16(part, start);
    if (type === CTA_PROTO_DST_PORT && end - start === 2) found.destinationPort = readU16(part, start);
  };
  const walked = walk(bytes, (type, start, end) => {
    const part = bytes.subarray(start, end);
    if (type === CTA_TUPLE_IP) whole = walk(part, onAddress(part)) && whole;
    if (type === CTA_TUPLE_PROTO) whole = walk(part, onProtocol(part)) && whole;
  });
  if (!walked || !whole) return refused("bad-length");
  const { source, destination, protocol, sourcePort, destinationPort } = found;
  if (source === undefined || destination === undefined || protocol === undefined) {
    return refused("missing-attribute");
  }
  if (source.length !== destination.length) return refused("bad-length");
  if (sourcePort === undefined || destinationPort === undefined) return refused("no-ports");
  return decoded({ protocol, source, destination, sourcePort, destinationPort });
};

const readTcpState = (bytes: Uint8Array): number => {
  let state = 0;
  walk(bytes, (type, start, end) => {
    if (type !== CTA_PROTOINFO_TCP) return;
    const tcp = bytes.subarray(start, end);
    walk(tcp, (inner, from, to) => {
      if (inner === CTA_PROTOINFO_TCP_STATE && to > from) state = tcp[from] ?? 0;
    });
  });
  return state;
};

/** What a walk over an entry's attributes comes by. */
type Found = { originalBytes?: Uint8Array; replyBytes?: Uint8Array; id?: number; tcpState: number };

/** Reads one message of a dump. */
export const decodeFlow = ({ type, body }: NetlinkMessage): Decoded<TrackedFlow, FlowDecodeError> => {
  if (type !== CT_NEW) return refused("other-message");
  if (body.length < NFGENMSG_LENGTH) return refused("truncated");
  const attributes = body.subarray(NFGENMSG_LENGTH);
  const found: Found = { tcpState: 0 };
  const whole = walk(attributes, (attribute, start, end) => {
    if (attribute === CTA_TUPLE_ORIG) found.originalBytes = attributes.subarray(start, end);
    if (attribute === CTA_TUPLE_REPLY) found.replyBytes = attributes.subarray(start, end);
    if (attribute === CTA_PROTOINFO) found.tcpState = readTcpState(attributes.subarray(start, end));
    if (attribute === CTA_ID && end - start === 4) found.id = readU32(attributes, start);
  });
  if (!whole) return refused("bad-length");
  const { originalBytes, replyBytes, id, tcpState } = found;
  if (originalBytes === undefined || replyBytes === undefined || id === undefined) {
    return refused("missing-attribute");
  }
  const original = readTuple(originalBytes);
  if (!original.ok) return original;
  const reply = readTuple(replyBytes);
  if (!reply.ok) return reply;
  const open = tcpState < TCP_FIN_WAIT;
  return decoded({ original: original.value, reply: reply.value, open, id, originalBytes });
};
