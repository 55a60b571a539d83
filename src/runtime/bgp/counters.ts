/** How many messages of each kind went to a peer and came from it, since it is wanted. */
import type { HeardMessage } from "#core/bgp/message/message";

export const MESSAGE_KINDS = ["open", "update", "notification", "keepalive", "route-refresh"] as const;
export type MessageKind = (typeof MESSAGE_KINDS)[number];

/** By kind. */
export type MessageCounts = Readonly<Record<MessageKind, number>>;

const none = (): Record<MessageKind, number> => ({
  ...{ open: 0, update: 0, notification: 0, keepalive: 0, "route-refresh": 0 },
});

/** Counts. */
export class Counters {
  readonly #sent = none();
  readonly #received = none();
  #routesHeard = 0;
  #ups = 0;

  sent(kind: MessageKind): void {
    this.#sent[kind] += 1;
  }

  received(message: HeardMessage): void {
    this.#received[message.type] += 1;
    if (message.type === "update") this.#routesHeard += message.announced;
  }

  cameUp(): void {
    this.#ups += 1;
  }

  snapshot(): {
    readonly sent: MessageCounts;
    readonly received: MessageCounts;
    /** Routes that the peer announced, none of which is used. */
    readonly routesHeard: number;
    /** How often the session came up. */
    readonly ups: number;
  } {
    return {
      sent: { ...this.#sent },
      received: { ...this.#received },
      routesHeard: this.#routesHeard,
      ups: this.#ups,
    };
  }
}
