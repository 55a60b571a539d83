/** Reading the elements of maps of pins over NETLINK_NETFILTER (linux/netfilter/nf_tables.h: NFT_MSG_GETSETELEM). */
import { readU32 } from "#base/bytes";
import { type Decoded, decoded, refused } from "#base/decoded";
import { type Duration, millis, toMillis } from "#base/time";
import { type ClientKey, clientBytes, clientKey, type Pin } from "#core/balance/pin";
import type { ServerPlan } from "#core/balance/plan-model";
import { decodeAttributeList, decodeAttributes } from "#core/netlink/attributes";
import type { MessageBuilder } from "#core/netlink/builder";
import { NLM_F_DUMP } from "#core/netlink/constants";
import { readHostU16, readHostU32 } from "#core/netlink/host-order";
import type { NetlinkMessage } from "#core/netlink/message";
import type { SetChange } from "./delta.ts";
import { beginMessage, nftablesType } from "./nfnetlink.ts";
import { pinMap } from "./persistence.ts";
import { type SetElement, TABLE_NAME, type TableFamily } from "./ruleset.ts";

const NFT_MSG_NEWSETELEM = 12;
const NFT_MSG_GETSETELEM = 13;
const NFTA_SET_ELEM_LIST_TABLE = 1;
const NFTA_SET_ELEM_LIST_SET = 2;
const NFTA_SET_ELEM_LIST_ELEMENTS = 3;
const NFTA_LIST_ELEM = 1;
const NFTA_SET_ELEM_KEY = 1;
const NFTA_SET_ELEM_DATA = 2;
const NFTA_SET_ELEM_EXPIRATION = 5;
const NFTA_DATA_VALUE = 1;
const NFGENMSG_LENGTH = 4;

type PinnedServer = Pick<ServerPlan, "name" | "address" | "mode">;

/** The table in which a server's pins are. */
const tableOf = ({ mode }: PinnedServer): TableFamily => (mode === "dsr" ? "netdev" : "inet");

/** Appends the question for the pin of a client, or for all pins of a server. */
export const writePinRequest = (
  builder: MessageBuilder,
  {
    server,
    client,
    sequence,
  }: { readonly server: PinnedServer; readonly client?: ClientKey; readonly sequence: number },
): void => {
  const flags = client === undefined ? NLM_F_DUMP : 0;
  const type = nftablesType(NFT_MSG_GETSETELEM);
  beginMessage(builder, { type, flags, sequence, family: tableOf(server), resource: 0 });
  builder.attributeText(NFTA_SET_ELEM_LIST_TABLE, TABLE_NAME);
  builder.attributeText(NFTA_SET_ELEM_LIST_SET, pinMap(server));
  if (client !== undefined) {
    const list = builder.openNest(NFTA_SET_ELEM_LIST_ELEMENTS);
    const item = builder.openNest(NFTA_LIST_ELEM);
    const key = builder.openNest(NFTA_SET_ELEM_KEY);
    builder.attributeBytes(NFTA_DATA_VALUE, clientBytes(client));
    builder.closeNest(key);
    builder.closeNest(item);
    builder.closeNest(list);
  }
  builder.end();
};

type Span = { readonly start: number; readonly end: number };

type Refusal = "other-message" | "truncated" | "bad-length";

const NOTHING = new Uint8Array();
const ATTRIBUTE_HEADER = 4;
const TYPE_MASK = 0x3fff;

/**
 * Where the first attribute of this type has its value, from `start` up to before `end`; `undefined` when there is
 * none. There may be a hundred thousand elements: no attribute of theirs becomes an object.
 */
const find = (bytes: Uint8Array, wanted: number, { start, end }: Span): Span | undefined => {
  for (let offset = start; offset + ATTRIBUTE_HEADER <= end; ) {
    const length = readHostU16(bytes, offset);
    if (length < ATTRIBUTE_HEADER || offset + length > end) return undefined;
    const type = readHostU16(bytes, offset + 2) & TYPE_MASK;
    if (type === wanted) return { start: offset + ATTRIBUTE_HEADER, end: offset + length };
    offset += (length + 3) & ~3;
  }
  return undefined;
};

const findValue = (bytes: Uint8Array, type: number, span: Span): Span | undefined => {
  const nest = find(bytes, type, span);
  return nest === undefined ? undefined : find(bytes, NFTA_DATA_VALUE, nest);
};

const hasLength = ({ start, end }: Span, length: number): boolean => end - start === length;

const decodePin = (bytes: Uint8Array): Pin | undefined => {
  const span = { start: 0, end: bytes.length };
  const key = findValue(bytes, NFTA_SET_ELEM_KEY, span);
  const data = findValue(bytes, NFTA_SET_ELEM_DATA, span);
  const left = find(bytes, NFTA_SET_ELEM_EXPIRATION, span);
  if (key === undefined || data === undefined || left === undefined) return undefined;
  if (!hasLength(data, 4) || !hasLength(left, 8)) return undefined;
  const remaining = readU32(bytes, left.start) * 0x1_0000_0000 + readU32(bytes, left.start + 4);
  const client = clientKey(bytes.subarray(key.start, key.end));
  return { client, backend: readHostU32(bytes, data.start), remaining: millis(remaining) };
};

/** Reads one message of the answer; an element that is not a pin is left out. */
export const decodePinElements = (message: NetlinkMessage): Decoded<readonly Pin[], Refusal> => {
  if (message.type !== nftablesType(NFT_MSG_NEWSETELEM)) return refused("other-message");
  if (message.body.length < NFGENMSG_LENGTH) return refused("truncated");
  const attributes = decodeAttributes(message.body.subarray(NFGENMSG_LENGTH));
  if (!attributes.ok) return attributes;
  const list = decodeAttributeList(attributes.value.get(NFTA_SET_ELEM_LIST_ELEMENTS) ?? NOTHING);
  if (!list.ok) return list;
  return decoded(
    list.value.flatMap(({ value }) => {
      const pin = decodePin(value);
      return pin === undefined ? [] : [pin];
    }),
  );
};

const element = ({ client, backend, remaining }: Pin, timeout: Duration): SetElement => ({
  key: { type: "client", client },
  data: { type: "number", value: backend },
  // The kernel refuses an end that is later than the timeout.
  life: { timeout, remaining: millis(Math.min(Math.floor(toMillis(remaining)), toMillis(timeout))) },
});

/** Puts pins into a server's map in place of those that are there. */
export const pinChange = (
  server: PinnedServer,
  change: {
    /** From the last new flow of a client. */
    readonly timeout: Duration;
    readonly replaced: readonly ClientKey[];
    readonly pins: readonly Pin[];
  },
): SetChange => ({
  family: tableOf(server),
  set: pinMap(server),
  remove: change.replaced.map((client) => ({ key: { type: "client", client } })),
  add: change.pins.map((pin) => element(pin, change.timeout)),
});
