/** Questions to ctnetlink: the flows of one virtual server, the end of one flow, how full the table is. */
import { addressBytes, familyOf } from "#base/address";
import { readU32, writeU16 } from "#base/bytes";
import { type Decoded, decoded, refused } from "#base/decoded";
import { decodeAttributes } from "#core/netlink/attributes";
import type { MessageBuilder } from "#core/netlink/builder";
import { NLA_F_NESTED, NLM_F_ACK, NLM_F_DUMP, NLM_F_REQUEST } from "#core/netlink/constants";
import { familyNumber } from "#core/netlink/family";
import type { NetlinkMessage } from "#core/netlink/message";
import {
  CT_DELETE,
  CT_GET,
  CT_GET_STATS,
  CTA_FILTER,
  CTA_FILTER_ORIG_FLAGS,
  CTA_FILTER_REPLY_FLAGS,
  CTA_ID,
  CTA_IP_V4_DST,
  CTA_PROTO_DST_PORT,
  CTA_PROTO_NUM,
  CTA_STATS_GLOBAL_ENTRIES,
  CTA_STATS_GLOBAL_MAX_ENTRIES,
  CTA_TUPLE_IP,
  CTA_TUPLE_ORIG,
  CTA_TUPLE_PROTO,
  FILTER_DST_PORT,
  FILTER_IP_DST,
  FILTER_PROTO_NUM,
  NFGENMSG_LENGTH,
} from "./constants.ts";
import type { TrackedFlow } from "./flow.ts";
import { type FlowSelector, PROTOCOL_NUMBERS } from "./selector.ts";

const begin = (
  builder: MessageBuilder,
  header: {
    readonly type: number;
    readonly flags: number;
    readonly sequence: number;
    readonly family: number;
  },
): void => {
  builder.begin({ type: header.type, flags: NLM_F_REQUEST | header.flags, sequence: header.sequence });
  builder.u8(header.family);
  builder.u8(0);
  builder.u16(0);
};

const network16 = (value: number): Uint8Array => {
  const bytes = new Uint8Array(2);
  writeU16(bytes, 0, value);
  return bytes;
};

/**
 * Appends the question for the flows of virtual servers of one family and protocol: for all flows of these, where the
 * servers are several. Kernels from 5.8 compare them themselves (CTA_FILTER); older ones give every flow, so what comes
 * is compared again.
 */
export const encodeFlowDump = (
  builder: MessageBuilder,
  sequence: number,
  [selector, ...others]: readonly [FlowSelector, ...FlowSelector[]],
): void => {
  const { address, protocol, firstPort, lastPort } = selector;
  const family = familyOf(address);
  const exact = others.length === 0 && firstPort === lastPort;
  // Linux (6.18 too) compares IPv6 addresses the wrong way round here and leaves out exactly those asked for.
  const byAddress = family === "IPv4" && others.every((other) => other.address === address);
  begin(builder, { type: CT_GET, flags: NLM_F_DUMP, sequence, family: familyNumber(family) });
  const tuple = builder.openNest(CTA_TUPLE_ORIG);
  if (byAddress) {
    const addresses = builder.openNest(CTA_TUPLE_IP);
    builder.attributeBytes(CTA_IP_V4_DST, addressBytes(address));
    builder.closeNest(addresses);
  }
  const ports = builder.openNest(CTA_TUPLE_PROTO);
  builder.attributeU8(CTA_PROTO_NUM, PROTOCOL_NUMBERS[protocol]);
  if (exact) builder.attributeBytes(CTA_PROTO_DST_PORT, network16(firstPort));
  builder.closeNest(ports);
  builder.closeNest(tuple);
  const filter = builder.openNest(CTA_FILTER);
  builder.attributeU32(
    CTA_FILTER_ORIG_FLAGS,
    (byAddress ? FILTER_IP_DST : 0) | FILTER_PROTO_NUM | (exact ? FILTER_DST_PORT : 0),
  );
  builder.attributeU32(CTA_FILTER_REPLY_FLAGS, 0);
  builder.closeNest(filter);
  builder.end();
};

/** Appends the order to end one flow. The identifier spares another flow that has come in its place. */
export const encodeFlowEnd = (builder: MessageBuilder, sequence: number, flow: TrackedFlow): void => {
  const family = familyNumber(flow.original.source.length === 4 ? "IPv4" : "IPv6");
  begin(builder, { type: CT_DELETE, flags: NLM_F_ACK, sequence, family });
  builder.attributeBytes(CTA_TUPLE_ORIG | NLA_F_NESTED, flow.originalBytes);
  builder.attributeU32Network(CTA_ID, flow.id);
  builder.end();
};

/** How full the connection tracking table is. */
export type TableUsage = {
  readonly entries: number;
  /** The kernel refuses new flows beyond; `undefined` on kernels before 5.11, which do not say. */
  readonly limit: number | undefined;
};

/** Appends the question for the table's usage. */
export const encodeUsage = (builder: MessageBuilder, sequence: number): void => {
  begin(builder, { type: CT_GET_STATS, flags: 0, sequence, family: 0 });
  builder.end();
};

/** Reads the answer to `encodeUsage`. */
export const decodeUsage = (
  message: NetlinkMessage,
): Decoded<TableUsage, "other-message" | "truncated" | "bad-length" | "missing-attribute"> => {
  if (message.type !== CT_GET_STATS) return refused("other-message");
  if (message.body.length < NFGENMSG_LENGTH) return refused("truncated");
  const attributes = decodeAttributes(message.body.subarray(NFGENMSG_LENGTH));
  if (!attributes.ok) return attributes;
  const entries = attributes.value.get(CTA_STATS_GLOBAL_ENTRIES);
  const limit = attributes.value.get(CTA_STATS_GLOBAL_MAX_ENTRIES);
  if (entries?.length !== 4) return refused("missing-attribute");
  return decoded({
    entries: readU32(entries, 0),
    limit: limit?.length === 4 ? readU32(limit, 0) : undefined,
  });
};
