/**
 * Two numbers of 32 bits by which one route is preferred to another: MULTI_EXIT_DISC, the smaller the better, for neighbours (RFC 4271
 * §5.1.4), and LOCAL_PREF, the larger the better, within an autonomous system (RFC 4271 §5.1.5).
 */
import { ATTRIBUTE } from "../constants.ts";
import { type AttributeRule, encodeAttribute, encodeWords, exactly, isExternal } from "./shape.ts";

const LENGTH = 4;

/** RFC 7606 §7.4. */
export const multiExitDisc: AttributeRule = {
  code: ATTRIBUTE.multiExitDisc,
  category: "optional-non-transitive",
  check: exactly(LENGTH),
};

/** RFC 7606 §7.5. */
export const localPref: AttributeRule = {
  code: ATTRIBUTE.localPref,
  category: "well-known",
  isIgnored: isExternal,
  check: exactly(LENGTH),
};

export const encodeMultiExitDisc = (value: number): Uint8Array =>
  encodeAttribute(multiExitDisc, encodeWords([value]));

export const encodeLocalPref = (value: number): Uint8Array =>
  encodeAttribute(localPref, encodeWords([value]));
