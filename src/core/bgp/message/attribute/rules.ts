/** Every attribute that we know, and what is asked of those that a peer sends (RFC 7606 §3 and §7). */
import { FLAG } from "../constants.ts";
import type { DecodeContext } from "../context.ts";
import { aggregator, as4Aggregator, atomicAggregate } from "./aggregation.ts";
import { as4Path, asPath } from "./as-path.ts";
import {
  communities,
  extendedCommunities,
  ipv6ExtendedCommunities,
  largeCommunities,
} from "./communities.ts";
import { mpReachNlri } from "./mp-reach.ts";
import { mpUnreachNlri } from "./mp-unreach.ts";
import { nextHop } from "./next-hop.ts";
import { onlyToCustomer } from "./only-to-customer.ts";
import { origin } from "./origin.ts";
import { localPref, multiExitDisc } from "./preference.ts";
import { clusterList, originatorId } from "./reflection.ts";
import { type Attribute, type AttributeRule, CATEGORY, type Fault } from "./shape.ts";

const RULE_BY_CODE: ReadonlyMap<number, AttributeRule> = new Map(
  [
    ...[origin, asPath, nextHop, multiExitDisc, localPref, atomicAggregate, aggregator],
    ...[communities, originatorId, clusterList, mpReachNlri, mpUnreachNlri, extendedCommunities],
    ...[as4Path, as4Aggregator, ipv6ExtendedCommunities, largeCommunities, onlyToCustomer],
  ].map((rule) => [rule.code, rule]),
);

/** What is wrong with an attribute; `undefined`: nothing, or we do not know it and need not. */
export const checkAttribute = (
  { code, flags, value }: Attribute,
  context: DecodeContext,
): Fault | undefined => {
  const category = flags & (FLAG.optional | FLAG.transitive);
  const rule = RULE_BY_CODE.get(code);
  if (rule === undefined) {
    // RFC 4271 §6.3: what is well-known must be known.
    const isOptional = (flags & FLAG.optional) !== 0;
    return isOptional ? undefined : { action: "session-reset", subcode: "unrecognized-well-known-attribute" };
  }
  if (rule.isIgnored?.(context) === true) {
    return { action: "attribute-discard", subcode: "optional-attribute-error" };
  }
  if (category !== CATEGORY[rule.category]) {
    return { action: rule.wrongFlags ?? "treat-as-withdraw", subcode: "attribute-flags-error" };
  }
  return rule.check(value, context);
};
