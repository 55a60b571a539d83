/**
 * Reading elements of a set over NETLINK_NETFILTER (linux/netfilter/nf_tables.h: NFT_MSG_GETSETELEM). There may be a hundred
 * thousand: no attribute of theirs becomes an object.
 */
import { type Decoded, decoded, refused } from "#base/decoded";
import { decodeAttributeList, decodeAttributes } from "#core/netlink/attributes";
import type { MessageBuilder } from "#core/netlink/builder";
import { NLM_F_DUMP } from "#core/netlink/constants";
import { readHostU16 } from "#core/netlink/host-order";
import type { NetlinkMessage } from "#core/netlink/message";
import { beginMessage, nftablesType } from "./nfnetlink.ts";
import { TABLE_NAME, type TableFamily } from "./ruleset.ts";

const NFT_MSG_NEWSETELEM = 12;
const NFT_MSG_GETSETELEM = 13;
const NFTA_SET_ELEM_LIST_TABLE = 1;
const NFTA_SET_ELEM_LIST_SET = 2;
const NFTA_SET_ELEM_LIST_ELEMENTS = 3;
const NFTA_LIST_ELEM = 1;
export const NFTA_SET_ELEM_KEY = 1;
const NFTA_DATA_VALUE = 1;
const NFGENMSG_LENGTH = 4;

/** Appends the question for one element of a set, or for all where no key is given. */
export const writeElementRequest = (
  builder: MessageBuilder,
  request: {
    readonly family: TableFamily;
    readonly set: string;
    readonly key?: Uint8Array;
    readonly sequence: number;
  },
): void => {
  const { family, set, key, sequence } = request;
  const flags = key === undefined ? NLM_F_DUMP : 0;
  beginMessage(builder, { type: nftablesType(NFT_MSG_GETSETELEM), flags, sequence, family, resource: 0 });
  builder.attributeText(NFTA_SET_ELEM_LIST_TABLE, TABLE_NAME);
  builder.attributeText(NFTA_SET_ELEM_LIST_SET, set);
  if (key !== undefined) {
    const list = builder.openNest(NFTA_SET_ELEM_LIST_ELEMENTS);
    const item = builder.openNest(NFTA_LIST_ELEM);
    const nest = builder.openNest(NFTA_SET_ELEM_KEY);
    builder.attributeBytes(NFTA_DATA_VALUE, key);
    builder.closeNest(nest);
    builder.closeNest(item);
    builder.closeNest(list);
  }
  builder.end();
};

/** Where something is in the bytes of an element: from `start` up to before `end`. */
export type Span = { readonly start: number; readonly end: number };

export const lengthOf = ({ start, end }: Span): number => end - start;
export const wholeOf = (bytes: Uint8Array): Span => ({ start: 0, end: bytes.length });

const ATTRIBUTE_HEADER = 4;
const TYPE_MASK = 0x3fff;

/** Where the first attribute of this type within `span` has its value; `undefined` when there is none. */
export const find = (bytes: Uint8Array, wanted: number, { start, end }: Span): Span | undefined => {
  for (let offset = start; offset + ATTRIBUTE_HEADER <= end; ) {
    const length = readHostU16(bytes, offset);
    if (length < ATTRIBUTE_HEADER || offset + length > end) return undefined;
    const type = readHostU16(bytes, offset + 2) & TYPE_MASK;
    if (type === wanted) return { start: offset + ATTRIBUTE_HEADER, end: offset + length };
    offset += (length + 3) & ~3;
  }
  return undefined;
};

/** The bytes of a key or of data. */
export const findValue = (bytes: Uint8Array, type: number, span: Span): Span | undefined => {
  const nest = find(bytes, type, span);
  return nest === undefined ? undefined : find(bytes, NFTA_DATA_VALUE, nest);
};

const NOTHING = new Uint8Array();

/** The elements of one message of the answer, undecoded. */
export const decodeElements = (
  message: NetlinkMessage,
): Decoded<readonly Uint8Array[], "other-message" | "truncated" | "bad-length"> => {
  if (message.type !== nftablesType(NFT_MSG_NEWSETELEM)) return refused("other-message");
  if (message.body.length < NFGENMSG_LENGTH) return refused("truncated");
  const attributes = decodeAttributes(message.body.subarray(NFGENMSG_LENGTH));
  if (!attributes.ok) return attributes;
  const list = decodeAttributeList(attributes.value.get(NFTA_SET_ELEM_LIST_ELEMENTS) ?? NOTHING);
  return list.ok ? decoded(list.value.map(({ value }) => value)) : list;
};
