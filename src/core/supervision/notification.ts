/** What we tell a service manager, in the text that it reads (sd_notify(3)). */
import type { Instant } from "#base/time";

export type Notification =
  /** The start, or a reload, is over. */
  | { readonly type: "ready" }
  /** A reload has begun; `at` is on the monotonic clock, which the manager compares with its own request. */
  | { readonly type: "reloading"; readonly at: Instant }
  | { readonly type: "stopping" }
  /** One line for people. */
  | { readonly type: "status"; readonly text: string }
  /** A sign of life for the watchdog. */
  | { readonly type: "alive" };

/** Longest status line, in characters; the manager cuts nothing, but its terminal does. */
const LONGEST_STATUS = 200;

const oneLine = (text: string): string =>
  text.replace(/[\p{Cc}\p{Zl}\p{Zp}]/gu, " ").slice(0, LONGEST_STATUS);

/** One assignment, or two, without a line end. */
export const renderNotification = (notification: Notification): string => {
  switch (notification.type) {
    case "ready":
      return "READY=1";
    case "reloading":
      return `RELOADING=1\nMONOTONIC_USEC=${notification.at}`;
    case "stopping":
      return "STOPPING=1";
    case "status":
      return `STATUS=${oneLine(notification.text)}`;
    case "alive":
      return "WATCHDOG=1";
  }
};
