/**
 * What route reflectors add (RFC 4456 §8): ORIGINATOR_ID, the router that a route came from, in four octets, and CLUSTER_LIST, the reflectors
 * that it went through, of four octets each. Both are for their own autonomous system only; we send neither.
 */
import { ATTRIBUTE } from "../constants.ts";
import { type AttributeRule, exactly, isExternal, listOf } from "./shape.ts";

const LENGTH = 4;

/** RFC 7606 §7.9. */
export const originatorId: AttributeRule = {
  code: ATTRIBUTE.originatorId,
  category: "optional-non-transitive",
  isIgnored: isExternal,
  check: exactly(LENGTH),
};

/** RFC 7606 §7.10. */
export const clusterList: AttributeRule = {
  code: ATTRIBUTE.clusterList,
  category: "optional-non-transitive",
  isIgnored: isExternal,
  check: listOf(LENGTH),
};
