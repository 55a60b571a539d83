/**
 * Capabilities that say all by being there, without a value: route refresh (RFC 2918 §2), enhanced route refresh (RFC 7313 §3.1) and
 * longer messages (RFC 8654 §3).
 *
 * An older code for route refresh, Cisco's 128, is none of them: who has it has the newer one, too.
 */
import { CAPABILITY } from "../constants.ts";
import type { CapabilityCodec } from "./shape.ts";

type FlagType = "route-refresh" | "enhanced-route-refresh" | "extended-message";

const flag = <Type extends FlagType>(code: number, type: Type): CapabilityCodec<FlagType> => ({
  code,
  decode: (value) => (value.length === 0 ? { type } : undefined),
  encode: () => new Uint8Array(0),
});

export const routeRefresh = flag(CAPABILITY.routeRefresh, "route-refresh");
export const enhancedRouteRefresh = flag(CAPABILITY.enhancedRouteRefresh, "enhanced-route-refresh");
export const extendedMessage = flag(CAPABILITY.extendedMessage, "extended-message");
