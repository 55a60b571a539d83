/** Reading the elements of maps of pins over NETLINK_NETFILTER (linux/netfilter/nf_tables.h: NFT_MSG_GETSETELEM). */
import { readU32 } from "#base/bytes";
import { type Decoded, decoded, refused } from "#base/decoded";
import { type Duration, millis, toMillis } from "#base/time";
import { type ClientKey, clientBytes, clientKey, type Pin } from "#core/balance/pin";
import type { ServerPlan } from "#core/balance/plan-model";
import { decodeAttributeList, decodeAttributes } from "#core/netlink/attributes";
import type { MessageBuilder } from "#core/netlink/builder";
import { NLM_F_DUMP } from "#core/netlink/constants";
import { readHostU32 } from "#core/netlink/host-order";
import type { NetlinkMessage } from "#core/netlink/message";
import type { SetChange } from "./delta.ts";
import { beginMessage, nftablesType } from "./nfnetlink.ts";
import { pinMap } from "./persistence.ts";
import { type SetElement, TABLE_NAME } from "./ruleset.ts";

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

type PinnedServer = Pick<ServerPlan, "name" | "address">;

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
  beginMessage(builder, { type, flags, sequence, family: "inet", resource: 0 });
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

type Refusal = "other-message" | "truncated" | "bad-length" | "missing-attribute";

const NOTHING = new Uint8Array();

const decodePin = (bytes: Uint8Array): Decoded<Pin, Refusal> => {
  const element = decodeAttributes(bytes);
  if (!element.ok) return element;
  const key = decodeAttributes(element.value.get(NFTA_SET_ELEM_KEY) ?? NOTHING);
  const data = decodeAttributes(element.value.get(NFTA_SET_ELEM_DATA) ?? NOTHING);
  if (!key.ok) return key;
  if (!data.ok) return data;
  const client = key.value.get(NFTA_DATA_VALUE);
  const backend = data.value.get(NFTA_DATA_VALUE);
  const left = element.value.get(NFTA_SET_ELEM_EXPIRATION);
  if (client === undefined || backend?.length !== 4 || left?.length !== 8)
    return refused("missing-attribute");
  const remaining = millis(readU32(left, 0) * 0x1_0000_0000 + readU32(left, 4));
  return decoded({ client: clientKey(client), backend: readHostU32(backend, 0), remaining });
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
      return pin.ok ? [pin.value] : [];
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
  family: "inet",
  set: pinMap(server),
  remove: change.replaced.map((client) => ({ key: { type: "client", client } })),
  add: change.pins.map((pin) => element(pin, change.timeout)),
});
