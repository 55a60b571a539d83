/**
 * UPDATE as it is heard: routes that a peer has, and that it has no longer (RFC 4271 §4.3). We use none of them, but read all, so that what is wrong is said, and
 * done about it what RFC 7606 asks for. `encode-update.ts` is the other direction.
 *
 * ```
 *  0                   1                   2                   3
 *  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 * +-------------------------------+-------------------------------+
 * |        Withdrawn length       |  Withdrawn IPv4 prefixes      |
 * +-------------------------------+-------------------------------+
 * |       Attributes' length      |  Path attributes              |
 * +-------------------------------+-------------------------------+
 * |  IPv4 prefixes with these attributes, up to the end           |
 * +---------------------------------------------------------------+
 * ```
 */
import { addressFromBytes, type IpAddress } from "#base/address";
import { readU16 } from "#base/bytes";
import { type Reach, readReach } from "./attribute/mp-reach.ts";
import { readUnreach, type Unreach } from "./attribute/mp-unreach.ts";
import { type Attribute, readAttributes } from "./attribute/shape.ts";
import { ATTRIBUTE, HEADER_LENGTH, unicast } from "./constants.ts";
import type { DecodeContext } from "./context.ts";
import { type Heard, heard, messageError, wrong } from "./error.ts";
import type { FamilyCode, HeardUpdate } from "./message.ts";
import { countPrefixes } from "./nlri.ts";
import { judge, type Verdict } from "./update-errors.ts";

/** The three parts of a message: views. */
type Parts = { readonly withdrawn: Uint8Array; readonly attributes: Uint8Array; readonly nlri: Uint8Array };

/** `undefined`: the lengths say more than there is (RFC 7606 §3 (b)). */
const readParts = (bytes: Uint8Array): Parts | undefined => {
  const withdrawnAt = HEADER_LENGTH + 2;
  const attributesAt = withdrawnAt + readU16(bytes, HEADER_LENGTH) + 2;
  if (attributesAt > bytes.length) return undefined;
  const nlriAt = attributesAt + readU16(bytes, attributesAt - 2);
  if (nlriAt > bytes.length) return undefined;
  return {
    withdrawn: bytes.subarray(withdrawnAt, attributesAt - 2),
    attributes: bytes.subarray(attributesAt, nlriAt),
    nlri: bytes.subarray(nlriAt),
  };
};

/** What RFC 4724 §2 has for the end of a table: a message that says nothing, or nothing but a family. */
const endOfRib = (
  { withdrawn, nlri }: Parts,
  attributes: readonly Attribute[],
  unreach: Unreach | undefined,
): FamilyCode | undefined => {
  if (withdrawn.length > 0 || nlri.length > 0) return undefined;
  if (attributes.length === 0) return unicast("IPv4");
  return attributes.length === 1 && unreach?.isEmpty === true ? unreach.family : undefined;
};

/** What its routes' next hops are: of the attribute NEXT_HOP, if that is well, and of MP_REACH_NLRI. */
const nextHopsOf = (attributes: readonly Attribute[], reach: Reach | undefined): readonly IpAddress[] => {
  const attribute = attributes.find(({ code }) => code === ATTRIBUTE.nextHop);
  const classic = attribute?.value.length === 4 ? [addressFromBytes(attribute.value)] : [];
  return [...classic, ...(reach?.nextHops ?? [])];
};

/** What a multiprotocol attribute says; an error where it is malformed (RFC 4760 §7). */
const readMultiprotocol = <Value>(
  attributes: readonly Attribute[],
  code: number,
  read: (value: Uint8Array) => Value | undefined,
): Heard<Value | undefined> => {
  const attribute = attributes.find((each) => each.code === code);
  if (attribute === undefined) return heard(undefined);
  const value = read(attribute.value);
  return value === undefined
    ? wrong(messageError("update", "optional-attribute-error", attribute.bytes))
    : heard(value);
};

/** Reads a message whose header is right. */
export const decodeUpdate = (bytes: Uint8Array, context: DecodeContext): Heard<HeardUpdate> => {
  const parts = readParts(bytes);
  if (parts === undefined) return wrong(messageError("update", "malformed-attribute-list"));
  const withdrawn = countPrefixes(parts.withdrawn, 32);
  const nlri = countPrefixes(parts.nlri, 32);
  if (withdrawn === undefined || nlri === undefined) {
    return wrong(messageError("update", "invalid-network-field"));
  }
  const list = readAttributes(parts.attributes);
  const reach = readMultiprotocol(list.attributes, ATTRIBUTE.mpReachNlri, readReach);
  if (!reach.ok) return reach;
  const unreach = readMultiprotocol(list.attributes, ATTRIBUTE.mpUnreachNlri, readUnreach);
  if (!unreach.ok) return unreach;
  const verdict = judge(list, { hasNlri: nlri > 0, hasReach: reach.value?.hasRoutes === true }, context);
  if (!verdict.ok) return verdict;
  return heard({
    type: "update",
    ...counted(verdict.value, {
      announced: nlri + (reach.value?.prefixes ?? 0),
      withdrawn: withdrawn + (unreach.value?.prefixes ?? 0),
    }),
    endOfRib: endOfRib(parts, list.attributes, unreach.value),
    nextHops: nextHopsOf(list.attributes, reach.value),
    leniency: verdict.value,
  });
};

type Counts = Pick<HeardUpdate, "announced" | "withdrawn">;

/** Routes that are taken as withdrawn are not announced. */
const counted = (verdict: Verdict, { announced, withdrawn }: Counts): Counts =>
  verdict.some(({ action }) => action === "treat-as-withdraw")
    ? { announced: 0, withdrawn: withdrawn + announced }
    : { announced, withdrawn };
