/** Asking for the number of a family by its name: CTRL_CMD_GETFAMILY asks, CTRL_CMD_NEWFAMILY tells. */
import { type Decoded, decoded, refused } from "#base/decoded";
import type { MessageBuilder } from "#core/netlink/builder";
import { NLM_F_REQUEST } from "#core/netlink/constants";
import { readHostU16 } from "#core/netlink/host-order";
import type { NetlinkDecodeError, NetlinkMessage } from "#core/netlink/message";
import { beginGeneric, decodeGeneric } from "./message.ts";

/** The family of the controller itself, the only one with a fixed number. */
const GENL_ID_CTRL = 0x10;
const CTRL_VERSION = 1;
const CTRL_CMD_NEWFAMILY = 1;
const CTRL_CMD_GETFAMILY = 3;
const CTRL_ATTR_FAMILY_ID = 1;
const CTRL_ATTR_FAMILY_NAME = 2;

/** Asks for a family by name, such as `IPVS`; the kernel answers ENOENT when it has none. */
export const encodeFamilyQuestion = (builder: MessageBuilder, sequence: number, name: string): void => {
  const header = { family: GENL_ID_CTRL, command: CTRL_CMD_GETFAMILY, version: CTRL_VERSION };
  beginGeneric(builder, { ...header, flags: NLM_F_REQUEST, sequence });
  builder.attributeText(CTRL_ATTR_FAMILY_NAME, name);
  builder.end();
};

/** The number of the family that was asked for: the type of its netlink messages, 17..1023. */
export const decodeFamily = ({ type, body }: NetlinkMessage): Decoded<number, NetlinkDecodeError> => {
  if (type !== GENL_ID_CTRL) return refused("other-family");
  const message = decodeGeneric(body);
  if (!message.ok) return message;
  if (message.value.command !== CTRL_CMD_NEWFAMILY) return refused("other-family");
  const id = message.value.attributes.get(CTRL_ATTR_FAMILY_ID);
  if (id === undefined) return refused("missing-attribute");
  return id.length === 2 ? decoded(readHostU16(id, 0)) : refused("bad-attribute");
};
