/** Reading named counters over NETLINK_NETFILTER (linux/netfilter/nf_tables.h: NFT_MSG_GETOBJ). */
import { readU32 } from "#base/bytes";
import { type Decoded, decoded, refused } from "#base/decoded";
import { decodeAttributes, textOf } from "#core/netlink/attributes";
import type { MessageBuilder } from "#core/netlink/builder";
import { NLM_F_DUMP } from "#core/netlink/constants";
import type { NetlinkMessage } from "#core/netlink/message";
import { beginMessage, nftablesType } from "./nfnetlink.ts";
import { TABLE_NAME, type TableFamily } from "./ruleset.ts";

const NFT_MSG_NEWOBJ = 18;
const NFT_MSG_GETOBJ = 19;
const NFT_OBJECT_COUNTER = 1;
const NFTA_OBJ_TABLE = 1;
const NFTA_OBJ_NAME = 2;
const NFTA_OBJ_TYPE = 3;
const NFTA_OBJ_DATA = 4;
const NFTA_COUNTER_BYTES = 1;
const NFTA_COUNTER_PACKETS = 2;
const NFGENMSG_LENGTH = 4;

/** Appends the question for all counters of one of our tables. */
export const writeCounterRequest = (builder: MessageBuilder, sequence: number, family: TableFamily): void => {
  beginMessage(builder, {
    type: nftablesType(NFT_MSG_GETOBJ),
    flags: NLM_F_DUMP,
    sequence,
    family,
    resource: 0,
  });
  builder.attributeText(NFTA_OBJ_TABLE, TABLE_NAME);
  builder.attributeU32Network(NFTA_OBJ_TYPE, NFT_OBJECT_COUNTER);
  builder.end();
};

/** Counted under a name; exact up to 2^53. */
export type NamedCount = { readonly name: string; readonly packets: number; readonly bytes: number };

const readU64 = (value: Uint8Array): number => readU32(value, 0) * 0x1_0000_0000 + readU32(value, 4);

/** Reads one counter of the answer. */
export const decodeCounter = (
  message: NetlinkMessage,
): Decoded<NamedCount, "other-message" | "truncated" | "bad-length" | "missing-attribute"> => {
  if (message.type !== nftablesType(NFT_MSG_NEWOBJ)) return refused("other-message");
  if (message.body.length < NFGENMSG_LENGTH) return refused("truncated");
  const object = decodeAttributes(message.body.subarray(NFGENMSG_LENGTH));
  if (!object.ok) return object;
  const name = textOf(object.value.get(NFTA_OBJ_NAME));
  const data = decodeAttributes(object.value.get(NFTA_OBJ_DATA) ?? new Uint8Array());
  if (!data.ok) return data;
  const packets = data.value.get(NFTA_COUNTER_PACKETS);
  const bytes = data.value.get(NFTA_COUNTER_BYTES);
  if (name === undefined || packets?.length !== 8 || bytes?.length !== 8) return refused("missing-attribute");
  return decoded({ name, packets: readU64(packets), bytes: readU64(bytes) });
};
