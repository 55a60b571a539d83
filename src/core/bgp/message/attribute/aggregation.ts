/**
 * What says that routes were made into one: ATOMIC_AGGREGATE, which is empty, AGGREGATOR (RFC 4271 §5.1.6 and §5.1.7) and AS4_AGGREGATOR
 * (RFC 6793 §3), who did it. We send none of them: what we announce we have ourselves.
 *
 * ```
 *  0                   1                   2                   3
 *  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 * +---------------------------------------------------------------+
 * |                  AS number, 2 or 4 octets                     |
 * +---------------------------------------------------------------+
 * |                 IPv4 address of the router                    |
 * +---------------------------------------------------------------+
 * ```
 */
import { readU16, readU32 } from "#base/bytes";
import { ATTRIBUTE } from "../constants.ts";
import { type AttributeRule, discard, exactly, type Fault } from "./shape.ts";

/** RFC 7606 §7.6. */
export const atomicAggregate: AttributeRule = {
  code: ATTRIBUTE.atomicAggregate,
  category: "well-known",
  wrongFlags: "attribute-discard",
  check: exactly(0, discard),
};

const checkAggregator = (value: Uint8Array, asnOctets: 2 | 4): Fault | undefined => {
  if (value.length !== asnOctets + 4) return discard("attribute-length-error");
  // RFC 7607 §2: nobody has the number 0.
  const asn = asnOctets === 2 ? readU16(value, 0) : readU32(value, 0);
  return asn === 0 ? discard("optional-attribute-error") : undefined;
};

/** RFC 7606 §7.7. */
export const aggregator: AttributeRule = {
  code: ATTRIBUTE.aggregator,
  category: "optional-transitive",
  wrongFlags: "attribute-discard",
  check: (value, { hasFourOctetAsn }) => checkAggregator(value, hasFourOctetAsn ? 4 : 2),
};

/** RFC 6793 §6: malformed, or from someone who has no need of it, it is left out. */
export const as4Aggregator: AttributeRule = {
  code: ATTRIBUTE.as4Aggregator,
  category: "optional-transitive",
  isIgnored: ({ hasFourOctetAsn }) => hasFourOctetAsn,
  check: (value) => checkAggregator(value, 4),
};
