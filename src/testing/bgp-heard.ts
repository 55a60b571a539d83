/** UPDATEs of a peer for tests: one route with whatever attributes, and what is made of it. */
import assert from "node:assert/strict";
import type { DecodeContext } from "#core/bgp/message/context";
import { decodeMessage } from "#core/bgp/message/decode";
import type { HeardUpdate, MessageError } from "#core/bgp/message/message";
import { octets, rawUpdate } from "./bgp-message.ts";

/** A peer in another autonomous system. */
const EXTERNAL: DecodeContext = { hasFourOctetAsn: true, kind: "external" };
/** A peer in our own autonomous system. */
export const INTERNAL: DecodeContext = { hasFourOctetAsn: true, kind: "internal" };
/** A peer whose AS numbers have two octets. */
export const OLD: DecodeContext = { hasFourOctetAsn: false, kind: "external" };

/** IGP. */
export const ORIGIN = "400101 00";
/** AS 65001. */
export const AS_PATH = "400206 0201 0000fde9";
/** AS 65001, in two octets. */
const OLD_AS_PATH = "400204 0201 fde9";
/** 10.9.0.1. */
export const NEXT_HOP = "400304 0a090001";
/** 100. */
export const LOCAL_PREF = "400504 00000064";
/** 192.0.2.0/24. */
export const NLRI = "18 c00002";
/** Two prefixes, next hop fd09::1. */
export const REACH =
  "800e25 0002 01 10 fd090000000000000000000000000001 00 30 20010db80001 40 20010db800020000";

/** What is made of a message that is an UPDATE. */
export const decodeUpdate = (bytes: Uint8Array, context = EXTERNAL): HeardUpdate | MessageError => {
  const result = decodeMessage(bytes, context);
  if (!result.ok) return result.error;
  assert.equal(result.value.type, "update");
  return result.value as HeardUpdate;
};

/** What an UPDATE says that says nothing but this. */
export const update = (wanted: Partial<HeardUpdate>): HeardUpdate => ({
  ...{ type: "update", announced: 0, withdrawn: 0, endOfRib: undefined, nextHops: [], leniency: [] },
  ...wanted,
});

/** An UPDATE Message Error; its data in hexadecimal. */
export const error = (subcode: number, data = ""): MessageError => ({ code: 3, subcode, data: octets(data) });

/** What becomes of one IPv4 route with these attributes besides the mandatory ones, or in their place. */
export const judged = (attribute: string, context = EXTERNAL): HeardUpdate | MessageError => {
  const code = attribute.slice(2, 4);
  const path = context.hasFourOctetAsn ? AS_PATH : OLD_AS_PATH;
  const usual = [ORIGIN, path, NEXT_HOP, ...(context.kind === "internal" ? [LOCAL_PREF] : [])];
  const others = usual.filter((each) => each.slice(2, 4) !== code);
  return decodeUpdate(rawUpdate({ attributes: [...others, attribute], nlri: NLRI }), context);
};

/** What was done to a message that the session survives. */
export const leniencyOf = (heard: HeardUpdate | MessageError): HeardUpdate["leniency"] => {
  assert.ok("leniency" in heard, JSON.stringify(heard));
  return heard.leniency;
};
