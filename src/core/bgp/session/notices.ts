/** The NOTIFICATIONs that a session sends of its own accord. What a message deserves comes from the codec. */
import { MESSAGE } from "../message/constants.ts";
import { hardReset, messageError } from "../message/error.ts";
import type { HeardMessage, MessageError, Notification } from "../message/message.ts";
import { shutdownData } from "../message/shutdown-communication.ts";
import type { StopReason } from "./input.ts";
import type { Connection } from "./state.ts";

/** An error as the message that says it. */
export const notice = (error: MessageError): Notification => ({ type: "notification", ...error });

export const HOLD_TIMER_EXPIRED = notice(messageError("hold-timer", "unspecific"));
export const SEND_HOLD_TIMER_EXPIRED = notice(messageError("send-hold-timer", "unspecific"));
export const COLLISION = notice(messageError("cease", "connection-collision"));
export const REJECTED = notice(messageError("cease", "connection-rejected"));

/** Where routes outlive a NOTIFICATION, those that lead nowhere any more must not (RFC 8538 §3). */
const forgetRoutes = (connection: Connection, error: MessageError): Notification =>
  notice(
    connection.name !== "open-sent" && connection.agreement.survivesNotification ? hardReset(error) : error,
  );

/** BFD heard nothing of the peer (RFC 9384): packets for our routes do not arrive either. */
export const bfdDown = (connection: Connection): Notification =>
  forgetRoutes(connection, messageError("cease", "bfd-down"));

/** What a peer is told when the session ends on purpose; `undefined`: nothing (RFC 4486, RFC 9003). */
export const stopNotice = (
  connection: Connection,
  reason: StopReason,
  communication = "",
): Notification | undefined => {
  switch (reason) {
    case "administrative-shutdown":
      return forgetRoutes(
        connection,
        messageError("cease", "administrative-shutdown", shutdownData(communication)),
      );
    case "peer-removed":
      return forgetRoutes(connection, messageError("cease", "peer-deconfigured"));
    case "reset":
      return notice(messageError("cease", "administrative-reset", shutdownData(communication)));
    case "configuration-changed":
      return notice(messageError("cease", "configuration-change"));
    case "restart":
      return undefined;
  }
};

/** A message that the state of its connection does not allow: data is its type (RFC 6608 §3). */
export const unexpected = (connection: Connection, message: HeardMessage): Notification =>
  notice(messageError("state-machine", connection.name, Uint8Array.of(MESSAGE[message.type])));
