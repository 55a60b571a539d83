/**
 * ROUTE-REFRESH: tell me all routes of a family again (RFC 2918 §3), and where the telling begins and ends (RFC 7313 §3.2).
 *
 * ```
 *  0                   1                   2                   3
 *  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 * +-------------------------------+---------------+---------------+
 * |              AFI              |    Subtype    |     SAFI      |
 * +-------------------------------+---------------+---------------+
 * ```
 */
import { assert } from "#base/assert";
import { readU8, readU16, writeU8, writeU16 } from "#base/bytes";
import { HEADER_LENGTH } from "./constants.ts";
import { type Heard, heard, messageError, wrong } from "./error.ts";
import { MOST_DATA, newMessage } from "./header.ts";
import type { RouteRefresh } from "./message.ts";

/** In the order of their subtypes. */
const MEANINGS = ["request", "begin", "end"] as const;

const LENGTH = HEADER_LENGTH + 4;

/**
 * Reads a message whose header is right. What follows a request is a list for outbound filters (RFC 5291), which we do not offer:
 * the request itself stands.
 */
export const decodeRouteRefresh = (bytes: Uint8Array): Heard<RouteRefresh> => {
  const meaning = MEANINGS[readU8(bytes, HEADER_LENGTH + 2)] ?? "unknown";
  if ((meaning === "begin" || meaning === "end") && bytes.length !== LENGTH) {
    // RFC 7313 §5: with the whole message, as much as a NOTIFICATION holds.
    return wrong(messageError("route-refresh", "invalid-message-length", bytes.subarray(0, MOST_DATA)));
  }
  const family = { afi: readU16(bytes, HEADER_LENGTH), safi: readU8(bytes, HEADER_LENGTH + 3) };
  return heard({ type: "route-refresh", family, meaning });
};

/** Writes a message; its meaning must be known. */
export const encodeRouteRefresh = ({ family, meaning }: RouteRefresh): Uint8Array => {
  assert(meaning !== "unknown", "only what has a meaning is sent");
  const bytes = newMessage("route-refresh", LENGTH);
  writeU16(bytes, HEADER_LENGTH, family.afi);
  writeU8(bytes, HEADER_LENGTH + 2, MEANINGS.indexOf(meaning));
  writeU8(bytes, HEADER_LENGTH + 3, family.safi);
  return bytes;
};
