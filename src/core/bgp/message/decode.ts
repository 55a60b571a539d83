/** Bytes of one message into its value, or into what is wrong with it. */
import { writeU16 } from "#base/bytes";
import { HEADER_LENGTH } from "./constants.ts";
import type { DecodeContext } from "./context.ts";
import { type Heard, heard, messageError, wrong } from "./error.ts";
import { readHeader } from "./header.ts";
import type { HeardMessage } from "./message.ts";
import { decodeNotification } from "./notification.ts";
import { decodeOpen } from "./open.ts";
import { decodeRouteRefresh } from "./route-refresh.ts";
import { decodeUpdate } from "./update.ts";

/**
 * Reads one whole message, as `Framer` gives it. Never throws. The value shares no memory with the bytes. An error is a
 * NOTIFICATION to be sent before the connection is closed.
 */
export const decodeMessage = (bytes: Uint8Array, context: DecodeContext): Heard<HeardMessage> => {
  if (bytes.length < HEADER_LENGTH) return wrongLength(bytes);
  const header = readHeader(bytes);
  if (!header.ok) return header;
  if (header.value.length !== bytes.length) return wrongLength(bytes);
  switch (header.value.type) {
    case "open":
      return decodeOpen(bytes);
    case "update":
      return decodeUpdate(bytes, context);
    case "notification":
      return heard(decodeNotification(bytes));
    case "keepalive":
      return heard({ type: "keepalive" });
    case "route-refresh":
      return decodeRouteRefresh(bytes);
  }
};

/** Not one whole message. */
const wrongLength = (bytes: Uint8Array): Heard<never> => {
  const length = new Uint8Array(2);
  writeU16(length, 0, bytes.length);
  return wrong(messageError("header", "bad-message-length", length));
};
