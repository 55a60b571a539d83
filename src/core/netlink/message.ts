/**
 * Netlink messages: what one `recv` gives, split and with acknowledgements read (linux/netlink.h).
 *
 * ```
 *  0               2               4               6               8  bytes
 * +-------------------------------+---------------+---------------+
 * |        length (with header)   |     type      |     flags     |
 * +-------------------------------+---------------+---------------+
 * |           sequence            |         port (sender)         |
 * +-------------------------------+-------------------------------+
 * |  body, padded to 4 bytes ...
 * ```
 */
import { type Decoded, decoded, refused } from "#base/decoded";
import { decodeAttributes, textOf, u32Of } from "./attributes.ts";
import {
  NLM_F_ACK_TLVS,
  NLM_F_CAPPED,
  NLMSG_DONE,
  NLMSG_ERROR,
  NLMSG_HEADER_LENGTH,
  NLMSGERR_ATTR_MSG,
  NLMSGERR_ATTR_OFFS,
} from "./constants.ts";
import { readHostI32, readHostU16, readHostU32 } from "./host-order.ts";

/** Why bytes from a netlink socket were refused. */
export type NetlinkDecodeError =
  /** The bytes end inside a header. */
  | "truncated"
  /** A length field is smaller than its header or points past the end. */
  | "bad-length"
  /** An attribute has a size or value that its type does not allow. */
  | "bad-attribute"
  /** An attribute that the object cannot do without is not there. */
  | "missing-attribute"
  /** The object belongs to an address family that we do not read, such as a bridge's own view of its ports. */
  | "other-family";

/** One message; `body` is a view into the bytes it was read from. */
export type NetlinkMessage = {
  readonly type: number;
  readonly flags: number;
  readonly sequence: number;
  /** The netlink port it was sent from or, in answers, the one it is meant for. */
  readonly port: number;
  readonly body: Uint8Array;
};

/** `length` rounded up to the 4-byte boundary where the next message or attribute starts. */
export const align = (length: number): number => (length + 3) & ~3;

/** Splits what one `recv` gave into its messages. */
export const decodeMessages = (
  bytes: Uint8Array,
): Decoded<readonly NetlinkMessage[], "truncated" | "bad-length"> => {
  const messages: NetlinkMessage[] = [];
  for (let offset = 0; offset < bytes.length; ) {
    if (bytes.length - offset < NLMSG_HEADER_LENGTH) return refused("truncated");
    const length = readHostU32(bytes, offset);
    if (length < NLMSG_HEADER_LENGTH || length > bytes.length - offset) return refused("bad-length");
    messages.push({
      type: readHostU16(bytes, offset + 4),
      flags: readHostU16(bytes, offset + 6),
      sequence: readHostU32(bytes, offset + 8),
      port: readHostU32(bytes, offset + 12),
      body: bytes.subarray(offset + NLMSG_HEADER_LENGTH, offset + length),
    });
    offset += align(length);
  }
  return decoded(messages);
};

/** The kernel's verdict on a request (NLMSG_ERROR) or on a whole dump (NLMSG_DONE). */
export type Acknowledgement = {
  /** 0 when it was done, else a positive errno. */
  readonly errno: number;
  /** NLMSGERR_ATTR_MSG: the kernel's own words. */
  readonly detail?: string;
  /** NLMSGERR_ATTR_OFFS: where in the request the offending bytes are, counted from its header. */
  readonly offset?: number;
};

/** Where the attributes of an acknowledgement start: after the errno and, for errors, the echoed request. */
const attributesStart = ({ type, flags, body }: NetlinkMessage): number | undefined => {
  if (type === NLMSG_DONE) return 4;
  if (body.length < 4 + NLMSG_HEADER_LENGTH) return undefined;
  const echoed = (flags & NLM_F_CAPPED) !== 0 ? NLMSG_HEADER_LENGTH : readHostU32(body, 4);
  return echoed < NLMSG_HEADER_LENGTH || echoed > body.length - 4 ? undefined : 4 + align(echoed);
};

/** Whether a message is an acknowledgement: it ends the answer to one request. */
export const isAcknowledgement = (message: NetlinkMessage): boolean =>
  message.type === NLMSG_ERROR || message.type === NLMSG_DONE;

/** Reads an acknowledgement, with the extended attributes where NETLINK_EXT_ACK asked for them. */
export const decodeAcknowledgement = (
  message: NetlinkMessage,
): Decoded<Acknowledgement, NetlinkDecodeError> => {
  if (message.body.length < 4) return refused("truncated");
  const error = readHostI32(message.body, 0);
  if (error > 0 || error < -4095) return refused("bad-attribute");
  const errno = error === 0 ? 0 : -error;
  if ((message.flags & NLM_F_ACK_TLVS) === 0) return decoded({ errno });
  const start = attributesStart(message);
  if (start === undefined) return refused("bad-length");
  const attributes = decodeAttributes(message.body.subarray(start));
  if (!attributes.ok) return attributes;
  const detail = textOf(attributes.value.get(NLMSGERR_ATTR_MSG));
  const offset = u32Of(attributes.value.get(NLMSGERR_ATTR_OFFS));
  return decoded({
    errno,
    ...(detail === undefined ? {} : { detail }),
    ...(offset === undefined ? {} : { offset }),
  });
};
