/** Values into bytes, for every message but UPDATE (`encode-update.ts`). */
import { HEADER_LENGTH } from "./constants.ts";
import { newMessage } from "./header.ts";

export { encodeNotification } from "./notification.ts";
export { encodeOpen } from "./open.ts";
export { encodeRouteRefresh } from "./route-refresh.ts";

/** KEEPALIVE is a header and nothing else (RFC 4271 §4.4). */
export const encodeKeepalive = (): Uint8Array => newMessage("keepalive", HEADER_LENGTH);
