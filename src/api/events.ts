/** One line of `/v1/events`. */
import type { Event } from "#core/observation/event";

export type EventRecord = {
  /** 1, 2, 3, ... for the life of the wire process; a gap means that older ones were dropped. */
  readonly sequence: number;
  /** Milliseconds since 1970-01-01T00:00Z. */
  readonly at: number;
  readonly severity: "info" | "notice" | "warning" | "error";
  readonly subject: string;
  readonly text: string;
  readonly event: Event;
};
