/** A sentence for each cause: what `status`, logs and events say. */
import { unreachable } from "#base/assert";
import { describeNotification } from "../message/notification.ts";
import type { Cause, OpenRefusal } from "./cause.ts";
import type { StopReason } from "./input.ts";

const STOPPED: Readonly<Record<StopReason, string>> = {
  "administrative-shutdown": "shut down by the operator",
  "peer-removed": "the peer was removed from the configuration",
  reset: "reset by the operator",
  "configuration-changed": "the configuration changed",
  restart: "this program restarts; the peer is to keep the routes meanwhile",
};

const REFUSED: Readonly<Record<OpenRefusal, string>> = {
  "unsupported-version": "the peer does not speak version 4 of BGP",
  "bad-peer-asn": "the peer is not in the autonomous system that is configured for it",
  "bad-router-id": "the peer has our router ID, or 0.0.0.0",
  "unacceptable-hold-time": "the peer asks for a hold time of one or two seconds",
  "no-common-family": "the peer speaks none of the address families that are configured for it",
};

/** Half a sentence that stands alone. What a peer sent is in it free of control characters and bounded. */
export const describeCause = (cause: Cause): string => {
  switch (cause.type) {
    case "start":
      return "started";
    case "rest-over":
      return "the rest after the last failure is over";
    case "connect-retry":
      return "time for another attempt to connect";
    case "bfd-up":
      return "BFD says that the path works";
    case "connect-failed":
      return `could not connect: ${cause.reason}`;
    case "connected":
      return cause.direction === "outgoing" ? "connected to the peer" : "the peer connected";
    case "open-received":
      return "the peer's OPEN was accepted";
    case "keepalive-received":
      return "the peer accepted our OPEN";
    case "stop":
      return STOPPED[cause.reason];
    case "connection-closed":
      return `the connection was closed${cause.reason === undefined ? " by the peer" : `: ${cause.reason}`}`;
    case "notification-received":
      return `the peer sent a NOTIFICATION: ${describeNotification(cause.notification)}`;
    case "hold-timer-expired":
      return "the peer was silent for the hold time";
    case "send-hold-timer-expired":
      return "the peer read nothing of what was sent to it";
    case "malformed-message":
      return `the peer sent what is no message: ${describeNotification(cause.notification)}`;
    case "unexpected-message":
      return `the peer sent a message at the wrong time: ${describeNotification(cause.notification)}`;
    case "open-refused":
      return REFUSED[cause.refusal];
    case "bfd-down":
      return "BFD says that the path is broken";
    case "collision":
      return "another connection with the peer is kept";
    case "replaced":
      return "the peer opened another connection instead";
    case "not-wanted":
      return "the session is idle";
    default:
      return unreachable(cause);
  }
};
