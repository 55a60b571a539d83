/** ORIGIN: how a route came to be (RFC 4271 §5.1.1), in one octet. */
import { ATTRIBUTE } from "../constants.ts";
import type { PathAttributes } from "../message.ts";
import { type AttributeRule, encodeAttribute, withdraw } from "./shape.ts";

/** In the order of their codes. */
const ORIGINS = ["igp", "egp", "incomplete"] as const;

/** RFC 7606 §7.1. */
export const origin: AttributeRule = {
  code: ATTRIBUTE.origin,
  category: "well-known",
  check: (value) => {
    if (value.length !== 1) return withdraw("attribute-length-error");
    return (value[0] ?? 0) < ORIGINS.length ? undefined : withdraw("invalid-origin");
  },
};

export const encodeOrigin = (value: PathAttributes["origin"]): Uint8Array =>
  encodeAttribute(origin, Uint8Array.of(ORIGINS.indexOf(value)));
