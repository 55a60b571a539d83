/** Routes of a machine that is about to go: to be left as soon as there are others (RFC 8326). */
import type { RouteAttributes, StandardCommunity } from "./route.ts";

/** 65535:0 (RFC 8326 §5). */
const GRACEFUL_SHUTDOWN: StandardCommunity = 0xffff_0000;
/** The least preferred of all. */
export const WORST_MED = 0xffff_ffff;

/** As the last resort: by the community where routers know it, else by the local preference or the MED (RFC 8326 §4). */
export const lastResort = (attributes: RouteAttributes): RouteAttributes => ({
  ...attributes,
  localPref: 0,
  med: WORST_MED,
  communities: [...new Set([...attributes.communities, GRACEFUL_SHUTDOWN])].sort(
    (left, right) => left - right,
  ),
});
