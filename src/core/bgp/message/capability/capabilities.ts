/**
 * What a speaker says in OPEN that it can do: a list of these (RFC 5492 §4).
 *
 * ```
 *  0                   1                   2                   3
 *  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 * +---------------+---------------+-------------------------------+
 * |     Code      |    Length     |             Value             |
 * +---------------+---------------+-------------------------------+
 * ```
 */
import { assert, unreachable } from "#base/assert";
import { concatBytes, readU8 } from "#base/bytes";
import type { Capability } from "../message.ts";
import { extendedNextHop } from "./extended-next-hop.ts";
import { enhancedRouteRefresh, extendedMessage, routeRefresh } from "./flags.ts";
import { fourOctetAs } from "./four-octet-as.ts";
import { gracefulRestart } from "./graceful-restart.ts";
import { multiprotocol } from "./multiprotocol.ts";

const HEAD_LENGTH = 2;

type Decode = (value: Uint8Array) => Capability | undefined;

const DECODE_BY_CODE: ReadonlyMap<number, Decode> = new Map(
  [
    multiprotocol,
    routeRefresh,
    extendedNextHop,
    extendedMessage,
    gracefulRestart,
    fourOctetAs,
    enhancedRouteRefresh,
  ].map(({ code, decode }): [number, Decode] => [code, decode]),
);

/** Reads a list; `undefined` if it does not add up, or if one that we know is malformed. */
export const decodeCapabilities = (bytes: Uint8Array): readonly Capability[] | undefined => {
  const capabilities: Capability[] = [];
  let offset = 0;
  while (offset < bytes.length) {
    const end = offset + HEAD_LENGTH + (bytes[offset + 1] ?? 0);
    if (offset + HEAD_LENGTH > bytes.length || end > bytes.length) return undefined;
    const code = readU8(bytes, offset);
    const value = bytes.subarray(offset + HEAD_LENGTH, end);
    const decode = DECODE_BY_CODE.get(code);
    const capability: Capability | undefined =
      decode === undefined ? { type: "unknown", code, value: value.slice() } : decode(value);
    if (capability === undefined) return undefined;
    capabilities.push(capability);
    offset = end;
  }
  return capabilities;
};

const codeAndValue = (capability: Capability): readonly [code: number, value: Uint8Array] => {
  switch (capability.type) {
    case "multiprotocol":
      return [multiprotocol.code, multiprotocol.encode(capability)];
    case "route-refresh":
      return [routeRefresh.code, routeRefresh.encode(capability)];
    case "extended-next-hop":
      return [extendedNextHop.code, extendedNextHop.encode(capability)];
    case "extended-message":
      return [extendedMessage.code, extendedMessage.encode(capability)];
    case "graceful-restart":
      return [gracefulRestart.code, gracefulRestart.encode(capability)];
    case "four-octet-as":
      return [fourOctetAs.code, fourOctetAs.encode(capability)];
    case "enhanced-route-refresh":
      return [enhancedRouteRefresh.code, enhancedRouteRefresh.encode(capability)];
    case "unknown":
      return [capability.code, capability.value];
    default:
      return unreachable(capability);
  }
};

/** Writes a list: for OPEN, and as the data of the error `unsupported-capability` (RFC 5492 §5). */
export const encodeCapabilities = (capabilities: readonly Capability[]): Uint8Array =>
  concatBytes(
    ...capabilities.map((capability) => {
      const [code, value] = codeAndValue(capability);
      assert(value.length <= 0xff, "a capability is too long", { code, length: value.length });
      return concatBytes(Uint8Array.of(code, value.length), value);
    }),
  );
