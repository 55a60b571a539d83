/**
 * Batches of nftables element changes on a NETLINK_NETFILTER socket (linux/netfilter/nfnetlink.h, nf_tables.h).
 *
 * ```
 *  BATCH_BEGIN | DELSETELEM ... | NEWSETELEM ... | BATCH_END      one transaction: all or nothing
 * ```
 *
 * Every message body starts with `struct nfgenmsg`: family (1 byte), version (1 byte), resource id (2, network order).
 * Values of nftables attributes are in network order, unlike rtnetlink's.
 */

import { readU32, writeU32 } from "#base/bytes";
import { type Decoded, decoded, refused } from "#base/decoded";
import { type Duration, toMillis } from "#base/time";
import { decodeAttributes, textOf } from "#core/netlink/attributes";
import { MAX_ATTRIBUTE_LENGTH, type MessageBuilder } from "#core/netlink/builder";
import { NLM_F_ACK, NLM_F_CREATE, NLM_F_REQUEST } from "#core/netlink/constants";
import type { NetlinkMessage } from "#core/netlink/message";
import type { SetChange } from "./delta.ts";
import {
  dataBytes,
  type ElementData,
  keyBytes,
  type SetElement,
  TABLE_NAME,
  TABLES,
  type TableFamily,
} from "./ruleset.ts";

const NFNL_MSG_BATCH_BEGIN = 0x10;
const NFNL_MSG_BATCH_END = 0x11;
const NFNL_SUBSYS_NFTABLES = 10;
const NFT_MSG_GETTABLE = 1;
const NFT_MSG_NEWSETELEM = 12;
const NFT_MSG_DELSETELEM = 14;
const NFT_MSG_NEWGEN = 15;
const NFT_MSG_GETGEN = 16;

const NFTA_GEN_ID = 1;
const NFTA_GEN_PROC_PID = 2;
const NFTA_GEN_PROC_NAME = 3;
const NFTA_SET_ELEM_LIST_TABLE = 1;
const NFTA_SET_ELEM_LIST_SET = 2;
const NFTA_SET_ELEM_LIST_ELEMENTS = 3;
const NFTA_LIST_ELEM = 1;
const NFTA_SET_ELEM_KEY = 1;
const NFTA_SET_ELEM_DATA = 2;
const NFTA_SET_ELEM_TIMEOUT = 4;
const NFTA_SET_ELEM_EXPIRATION = 5;
const NFTA_DATA_VALUE = 1;
const NFTA_DATA_VERDICT = 2;
const NFTA_VERDICT_CODE = 1;
const NFTA_VERDICT_CHAIN = 2;
/** `goto`, as the kernel numbers verdicts (-4). */
const NFT_GOTO = 0xffff_fffc;

const FAMILY_NUMBERS: Readonly<Record<TableFamily | "unspecified", number>> = {
  unspecified: 0,
  inet: 1,
  netdev: 5,
};
/** Room that one more element may need in its message, generously. */
const LARGEST_ELEMENT = 512;

/** The number of an nftables message on a NETLINK_NETFILTER socket. */
export const nftablesType = (message: number): number => (NFNL_SUBSYS_NFTABLES << 8) | message;

/** Opens a message with its `struct nfgenmsg`. */
export const beginMessage = (
  builder: MessageBuilder,
  header: {
    readonly type: number;
    readonly flags: number;
    readonly sequence: number;
    readonly family: TableFamily | "unspecified";
    readonly resource: number;
  },
): void => {
  builder.begin({ type: header.type, flags: NLM_F_REQUEST | header.flags, sequence: header.sequence });
  builder.u8(FAMILY_NUMBERS[header.family]);
  builder.u8(0);
  builder.u8(header.resource >>> 8);
  builder.u8(header.resource & 0xff);
};

const writeData = (builder: MessageBuilder, data: ElementData): void => {
  const nest = builder.openNest(NFTA_SET_ELEM_DATA);
  if (data.type === "chain") {
    const verdict = builder.openNest(NFTA_DATA_VERDICT);
    builder.attributeU32Network(NFTA_VERDICT_CODE, NFT_GOTO);
    builder.attributeText(NFTA_VERDICT_CHAIN, data.chain);
    builder.closeNest(verdict);
  } else {
    builder.attributeBytes(NFTA_DATA_VALUE, dataBytes(data));
  }
  builder.closeNest(nest);
};

/** 64 bits in network order. */
const milliseconds = (duration: Duration): Uint8Array => {
  const bytes = new Uint8Array(8);
  const whole = Math.max(1, Math.round(toMillis(duration)));
  writeU32(bytes, 0, Math.floor(whole / 0x1_0000_0000));
  writeU32(bytes, 4, whole % 0x1_0000_0000);
  return bytes;
};

const writeElement = (builder: MessageBuilder, element: SetElement, withData: boolean): void => {
  const item = builder.openNest(NFTA_LIST_ELEM);
  const key = builder.openNest(NFTA_SET_ELEM_KEY);
  builder.attributeBytes(NFTA_DATA_VALUE, keyBytes(element.key));
  builder.closeNest(key);
  if (withData && element.data !== undefined) writeData(builder, element.data);
  if (withData && element.life !== undefined) {
    builder.attributeBytes(NFTA_SET_ELEM_TIMEOUT, milliseconds(element.life.timeout));
    builder.attributeBytes(NFTA_SET_ELEM_EXPIRATION, milliseconds(element.life.remaining));
  }
  builder.closeNest(item);
};

/** Writes the elements of one set in as many messages as they need; gives the next free sequence number. */
const writeElements = (
  builder: MessageBuilder,
  { family, set }: SetChange,
  request: {
    readonly operation: "remove" | "add";
    readonly elements: readonly SetElement[];
    readonly sequence: number;
  },
): number => {
  const adding = request.operation === "add";
  let { sequence } = request;
  for (let next = 0; next < request.elements.length; sequence += 1) {
    beginMessage(builder, {
      type: nftablesType(adding ? NFT_MSG_NEWSETELEM : NFT_MSG_DELSETELEM),
      flags: NLM_F_ACK | (adding ? NLM_F_CREATE : 0),
      sequence,
      family,
      resource: 0,
    });
    builder.attributeText(NFTA_SET_ELEM_LIST_TABLE, TABLE_NAME);
    builder.attributeText(NFTA_SET_ELEM_LIST_SET, set);
    const list = builder.openNest(NFTA_SET_ELEM_LIST_ELEMENTS);
    while (next < request.elements.length) {
      if (builder.nestLength(list) > MAX_ATTRIBUTE_LENGTH - LARGEST_ELEMENT) break;
      const element = request.elements[next];
      if (element !== undefined) writeElement(builder, element, adding);
      next += 1;
    }
    builder.closeNest(list);
    builder.end();
  }
  return sequence;
};

/** The numbers of the first message and past the last one of a batch. */
export type BatchSequences = { readonly first: number; readonly end: number };

/** Appends one transaction. The kernel acknowledges each message with a number from `first` up to before `end`. */
export const writeBatch = (
  builder: MessageBuilder,
  changes: readonly SetChange[],
  firstSequence: number,
): BatchSequences => {
  const edge = { flags: 0, family: "unspecified", resource: NFNL_SUBSYS_NFTABLES } as const;
  beginMessage(builder, { ...edge, type: NFNL_MSG_BATCH_BEGIN, sequence: firstSequence });
  builder.end();
  let sequence = firstSequence + 1;
  for (const change of changes) {
    sequence = writeElements(builder, change, { operation: "remove", elements: change.remove, sequence });
    sequence = writeElements(builder, change, { operation: "add", elements: change.add, sequence });
  }
  beginMessage(builder, { ...edge, type: NFNL_MSG_BATCH_END, sequence });
  builder.end();
  return { first: firstSequence + 1, end: sequence };
};

/** Appends the question for the ruleset's generation. */
export const writeGenerationRequest = (builder: MessageBuilder, sequence: number): void => {
  beginMessage(builder, {
    type: nftablesType(NFT_MSG_GETGEN),
    flags: 0,
    sequence,
    family: "unspecified",
    resource: 0,
  });
  builder.end();
};

/** Appends the question whether our table of this family is there: ENOENT is the answer that it is not. */
export const writeTableRequest = (builder: MessageBuilder, sequence: number, family: TableFamily): void => {
  beginMessage(builder, { type: nftablesType(NFT_MSG_GETTABLE), flags: 0, sequence, family, resource: 0 });
  builder.attributeText(NFTA_ANY_TABLE, TABLE_NAME);
  builder.end();
};

/** What the kernel tells of somebody's transaction. */
export type Notice =
  /** Something was added to a table, changed in it or taken from it. */
  | { readonly type: "change"; readonly ours: boolean }
  /** The transaction of all changes told before is in force; `by` whom, as `NAME (pid N)`. */
  | { readonly type: "generation"; readonly by?: string };

/** The table of a message; attribute 1 in messages about tables and about all that is in them. */
const NFTA_ANY_TABLE = 1;

/** Reads one message of the group for nftables (NFNLGRP_NFTABLES). */
export const decodeNotice = (
  message: NetlinkMessage,
): Decoded<Notice, "truncated" | "bad-length" | "other-message"> => {
  if (message.type >>> 8 !== NFNL_SUBSYS_NFTABLES) return refused("other-message");
  if (message.body.length < 4) return refused("truncated");
  const attributes = decodeAttributes(message.body.subarray(4));
  if (!attributes.ok) return attributes;
  if (message.type === nftablesType(NFT_MSG_NEWGEN)) {
    const name = textOf(attributes.value.get(NFTA_GEN_PROC_NAME));
    const pid = attributes.value.get(NFTA_GEN_PROC_PID);
    if (name === undefined || pid?.length !== 4) return decoded({ type: "generation" });
    return decoded({ type: "generation", by: `${name} (pid ${readU32(pid, 0)})` });
  }
  const family = message.body[0];
  const isOurFamily = TABLES.some((table) => FAMILY_NUMBERS[table] === family);
  const ours = isOurFamily && textOf(attributes.value.get(NFTA_ANY_TABLE)) === TABLE_NAME;
  return decoded({ type: "change", ours });
};

/** The generation of the ruleset: every transaction of anybody in this network namespace makes it another. */
export const decodeGeneration = (
  message: NetlinkMessage,
): Decoded<number, "truncated" | "bad-length" | "other-message" | "missing-attribute"> => {
  if (message.type !== nftablesType(NFT_MSG_NEWGEN)) return refused("other-message");
  if (message.body.length < 4) return refused("truncated");
  const attributes = decodeAttributes(message.body.subarray(4));
  if (!attributes.ok) return attributes;
  const id = attributes.value.get(NFTA_GEN_ID);
  return id?.length === 4 ? decoded(readU32(id, 0)) : refused("missing-attribute");
};
