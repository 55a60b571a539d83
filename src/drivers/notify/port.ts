/** Tells a service manager one thing at a time. */

/** `full`: its queue has no room now, so try again soon; `gone`: nobody listens, or ever will on this socket. */
export type NotifyResult = "sent" | "full" | "gone";

export type NotifyPort = {
  /** Sends one message (core/supervision/notification). Never waits. */
  send(text: string): NotifyResult;
  close(): void;
};
