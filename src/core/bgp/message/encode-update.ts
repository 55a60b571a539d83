/**
 * UPDATE as it is sent: prefixes that share attributes, or that are withdrawn, in as few messages as hold them. `update.ts` has the diagram.
 *
 * A message says one thing (RFC 7606 §5.1): IPv4 prefixes stand at its end or in its field for withdrawn ones; all others are in
 * MP_REACH_NLRI or MP_UNREACH_NLRI, which come before every other attribute.
 */
import { familyOf, type IpFamily, isIpv4 } from "#base/address";
import { assert } from "#base/assert";
import { concatBytes, writeU16 } from "#base/bytes";
import type { InterfaceAddress } from "#base/prefix";
import { encodeAs4Path, encodeAsPath } from "./attribute/as-path.ts";
import { encodeCommunities, encodeLargeCommunities, encodeLinkBandwidth } from "./attribute/communities.ts";
import { encodeReachHead, mpReachNlri } from "./attribute/mp-reach.ts";
import { encodeUnreachHead, mpUnreachNlri } from "./attribute/mp-unreach.ts";
import { encodeNextHop } from "./attribute/next-hop.ts";
import { encodeOrigin } from "./attribute/origin.ts";
import { encodeLocalPref, encodeMultiExitDisc } from "./attribute/preference.ts";
import { type AttributeRule, encodeAttribute } from "./attribute/shape.ts";
import { HEADER_LENGTH, MAXIMUM_LENGTH } from "./constants.ts";
import type { EncodeContext } from "./context.ts";
import { newMessage } from "./header.ts";
import type { PathAttributes, Update } from "./message.ts";
import { LONGEST_PREFIX, prefixOctets, writePrefix } from "./nlri.ts";

/** What a message has besides prefixes and attributes: the header and two lengths. */
const FRAME_LENGTH = HEADER_LENGTH + 4;
/** Flags, type code, and a length of two octets. */
const ATTRIBUTE_HEAD_LENGTH = 4;
const NOTHING = new Uint8Array(0);

/** One message; `octets` are views that may change afterwards. */
const message = (withdrawn: Uint8Array, attributes: readonly Uint8Array[], nlri: Uint8Array): Uint8Array => {
  const attributesLength = attributes.reduce((length, { length: more }) => length + more, 0);
  const bytes = newMessage("update", FRAME_LENGTH + withdrawn.length + attributesLength + nlri.length);
  let offset = HEADER_LENGTH;
  const put = (part: Uint8Array): void => {
    bytes.set(part, offset);
    offset += part.length;
  };
  writeU16(bytes, offset, withdrawn.length);
  offset += 2;
  put(withdrawn);
  writeU16(bytes, offset, attributesLength);
  offset += 2;
  for (const attribute of attributes) put(attribute);
  put(nlri);
  return bytes;
};

/** Writes prefixes one after the other, and gives what `wrap` makes of as many as `room` octets hold. */
const pack = (
  prefixes: readonly InterfaceAddress[],
  room: number,
  wrap: (nlri: Uint8Array) => Uint8Array,
): readonly Uint8Array[] => {
  assert(room >= LONGEST_PREFIX, "attributes leave no room for a prefix", { room });
  const nlri = new Uint8Array(room + LONGEST_PREFIX);
  const messages: Uint8Array[] = [];
  let used = 0;
  for (const prefix of prefixes) {
    if (used + prefixOctets(prefix) > room) {
      messages.push(wrap(nlri.subarray(0, used)));
      used = 0;
    }
    used += writePrefix(nlri, used, prefix);
  }
  if (used > 0) messages.push(wrap(nlri.subarray(0, used)));
  return messages;
};

/** All attributes in the order of their codes, except MP_REACH_NLRI. */
const encodeAttributes = (
  attributes: PathAttributes,
  context: EncodeContext,
  nextHop: Uint8Array | undefined,
): Uint8Array => {
  const { asPath, med, localPref } = attributes;
  const parts = [
    encodeOrigin(attributes.origin),
    encodeAsPath(asPath, context),
    nextHop,
    med === undefined ? undefined : encodeMultiExitDisc(med),
    localPref === undefined ? undefined : encodeLocalPref(localPref),
    encodeCommunities(attributes.communities),
    encodeLinkBandwidth(attributes.linkBandwidth),
    encodeAs4Path(asPath, context),
    encodeLargeCommunities(attributes.largeCommunities),
  ];
  return concatBytes(...parts.filter((part) => part !== undefined));
};

/** Prefixes in a multiprotocol attribute, with other attributes behind it. */
const packMultiprotocol = (
  rule: AttributeRule,
  head: Uint8Array,
  attributes: Uint8Array,
  prefixes: readonly InterfaceAddress[],
): readonly Uint8Array[] =>
  pack(
    prefixes,
    MAXIMUM_LENGTH - FRAME_LENGTH - ATTRIBUTE_HEAD_LENGTH - head.length - attributes.length,
    (nlri) => message(NOTHING, [encodeAttribute(rule, concatBytes(head, nlri)), attributes], NOTHING),
  );

const announce = (
  { family, attributes, prefixes }: Extract<Update, { type: "announce" }>,
  context: EncodeContext,
): readonly Uint8Array[] => {
  const { nextHop } = attributes;
  if (family === "IPv4" && isIpv4(nextHop.address)) {
    const encoded = encodeAttributes(attributes, context, encodeNextHop(nextHop.address));
    const room = MAXIMUM_LENGTH - FRAME_LENGTH - encoded.length;
    return pack(prefixes, room, (nlri) => message(NOTHING, [encoded], nlri));
  }
  assert(context.multiprotocol, "only IPv4 can be said without multiprotocol extensions", { family });
  assert(familyOf(nextHop.address) === "IPv6", "IPv6 routes have IPv6 next hops", { nextHop });
  assert(family === "IPv6" || context.hasExtendedNextHop, "the peer knows no such next hop", { nextHop });
  const encoded = encodeAttributes(attributes, context, undefined);
  return packMultiprotocol(mpReachNlri, encodeReachHead(family, nextHop), encoded, prefixes);
};

/**
 * IPv4 routes are withdrawn as they are announced: with IPv6 next hops agreed on that is MP_UNREACH_NLRI, which takes back what either
 * way has announced.
 */
const withdraw = (
  family: IpFamily,
  prefixes: readonly InterfaceAddress[],
  context: EncodeContext,
): readonly Uint8Array[] => {
  if (family === "IPv4" && !context.hasExtendedNextHop) {
    return pack(prefixes, MAXIMUM_LENGTH - FRAME_LENGTH, (withdrawn) => message(withdrawn, [], NOTHING));
  }
  assert(context.multiprotocol, "only IPv4 can be said without multiprotocol extensions", { family });
  return packMultiprotocol(mpUnreachNlri, encodeUnreachHead(family), NOTHING, prefixes);
};

/** RFC 4724 §2. */
const endOfRib = (family: IpFamily, context: EncodeContext): Uint8Array => {
  if (family === "IPv4") return message(NOTHING, [], NOTHING);
  assert(context.multiprotocol, "only IPv4 can be said without multiprotocol extensions", { family });
  return message(NOTHING, [encodeAttribute(mpUnreachNlri, encodeUnreachHead(family))], NOTHING);
};

/**
 * The messages that say this, of at most 4096 octets each, in the order of the prefixes; none without prefixes. What the session has not
 * agreed on must not be asked for, nor attributes that fill a message by themselves (about 4,000 octets: a thousand communities).
 */
export const encodeUpdates = (update: Update, context: EncodeContext): readonly Uint8Array[] => {
  switch (update.type) {
    case "announce":
      return announce(update, context);
    case "withdraw":
      return withdraw(update.family, update.prefixes, context);
    case "end-of-rib":
      return [endOfRib(update.family, context)];
  }
};
