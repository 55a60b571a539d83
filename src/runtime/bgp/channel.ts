/** One connection with a peer, as messages. */
import type { Instant } from "#base/time";
import type { DecodeContext } from "#core/bgp/message/context";
import { decodeMessage } from "#core/bgp/message/decode";
import { encodeKeepalive, encodeNotification, encodeOpen } from "#core/bgp/message/encode";
import { Framer } from "#core/bgp/message/framer";
import type { HeardMessage, Keepalive, MessageError, Notification, Open } from "#core/bgp/message/message";
import type { ConnectionId } from "#core/bgp/session/input";
import type { BgpClosed, BgpConnection, BgpEvents } from "#drivers/bgp/port";

/** What a channel tells; nothing after `close`. */
export type ChannelOwner = {
  /** On what reading the next message depends. */
  readonly contextOf: (id: ConnectionId) => DecodeContext;
  readonly onMessage: (id: ConnectionId, message: HeardMessage) => void;
  /** Nothing that follows can be read. */
  readonly onMalformed: (id: ConnectionId, error: MessageError) => void;
  /** Since when bytes have been waiting without one of them going out; `undefined`: none wait. */
  readonly onBlocked: (id: ConnectionId, since: Instant | undefined) => void;
  readonly onClosed: (id: ConnectionId, how: BgpClosed) => void;
  readonly now: () => Instant;
};

const encode = (message: Open | Notification | Keepalive): Uint8Array => {
  if (message.type === "open") return encodeOpen(message);
  return message.type === "notification" ? encodeNotification(message) : encodeKeepalive();
};

export class Channel {
  readonly id: ConnectionId;
  readonly connection: BgpConnection;
  readonly #owner: ChannelOwner;
  readonly #framer = new Framer();
  #isOpen = true;
  #isBlocked = false;

  constructor(id: ConnectionId, connection: BgpConnection, owner: ChannelOwner) {
    this.id = id;
    this.connection = connection;
    this.#owner = owner;
  }

  /** What the connection is to tell. */
  events(): BgpEvents {
    return {
      onData: (chunk) => this.#read(chunk),
      onProgress: () => this.#noteWaiting(this.connection.waiting()),
      onClosed: (how) => {
        if (!this.#isOpen) return;
        this.#isOpen = false;
        this.#owner.onClosed(this.id, how);
      },
    };
  }

  /** Bytes that the peer does not take. */
  waiting(): number {
    return this.connection.waiting();
  }

  send(message: Open | Notification | Keepalive): void {
    this.sendBytes(encode(message));
  }

  sendBytes(bytes: Uint8Array): void {
    const waiting = this.connection.write(bytes);
    if (waiting > 0 && !this.#isBlocked) this.#noteWaiting(waiting);
  }

  /** Ends it after what was sent. */
  close(): void {
    this.#isOpen = false;
    this.connection.close();
  }

  #noteWaiting(waiting: number): void {
    if (!this.#isOpen || (waiting === 0 && !this.#isBlocked)) return;
    this.#isBlocked = waiting > 0;
    this.#owner.onBlocked(this.id, waiting > 0 ? this.#owner.now() : undefined);
  }

  #read(chunk: Uint8Array): void {
    this.#framer.push(chunk);
    while (this.#isOpen) {
      const framed = this.#framer.next();
      if (framed === undefined) return;
      if (framed.type === "error") {
        this.#owner.onMalformed(this.id, framed.error);
        return;
      }
      const decoded = decodeMessage(framed.bytes, this.#owner.contextOf(this.id));
      if (decoded.ok) this.#owner.onMessage(this.id, decoded.value);
      else this.#owner.onMalformed(this.id, decoded.error);
    }
  }
}
