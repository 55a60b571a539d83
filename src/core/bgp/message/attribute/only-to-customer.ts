/** Only to Customer (RFC 9234 §5): an AS number of four octets that keeps routes from leaking. We send none: we have no customers. */
import { ATTRIBUTE } from "../constants.ts";
import { type AttributeRule, exactly } from "./shape.ts";

export const onlyToCustomer: AttributeRule = {
  code: ATTRIBUTE.onlyToCustomer,
  category: "optional-transitive",
  check: exactly(4),
};
