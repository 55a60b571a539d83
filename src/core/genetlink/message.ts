/**
 * The header that every generic netlink message has after netlink's own (linux/genetlink.h, `struct genlmsghdr`).
 *
 * ```
 *  0         1         2                 4  bytes
 * +---------+---------+-----------------+
 * | command | version |     zero        |  then attributes
 * +---------+---------+-----------------+
 * ```
 */
import { type Decoded, decoded, refused } from "#base/decoded";
import { type Attributes, decodeAttributes } from "#core/netlink/attributes";
import type { MessageBuilder } from "#core/netlink/builder";

const HEADER_LENGTH = 4;

/** What the caller says of a message. */
export type GenericHeader = {
  /** The number of the family, as `family.ts` asked for it. */
  readonly family: number;
  readonly command: number;
  /** The family's version, as the kernel's header file gives it. */
  readonly version: number;
  /** NLM_F_*. */
  readonly flags: number;
  readonly sequence: number;
};

/** One message of a family; attribute values are views into the receive buffer. */
export type GenericMessage = { readonly command: number; readonly attributes: Attributes };

/** Starts a message; attributes and `end` follow. */
export const beginGeneric = (builder: MessageBuilder, header: GenericHeader): void => {
  builder.begin({ type: header.family, flags: header.flags, sequence: header.sequence });
  builder.u8(header.command);
  builder.u8(header.version);
  builder.u16(0);
};

/** Reads the body of a netlink message of a generic family. */
export const decodeGeneric = (body: Uint8Array): Decoded<GenericMessage, "truncated" | "bad-length"> => {
  const command = body[0];
  if (command === undefined || body.length < HEADER_LENGTH) return refused("truncated");
  const attributes = decodeAttributes(body.subarray(HEADER_LENGTH));
  return attributes.ok ? decoded({ command, attributes: attributes.value }) : attributes;
};
