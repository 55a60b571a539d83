/** A connection on a socket of `node:net`, and its end. */
import type { Socket } from "node:net";
import { toMillis } from "#base/time";
import { LINGER } from "./constants.ts";
import type { BgpClosed, BgpConnection, BgpEvents } from "./port.ts";

/** Whom a socket's reads go to; `undefined` once nobody listens any more, and before its owner is known. */
export type Ear = { events: BgpEvents | undefined };

/** What node:net gives for an error of a socket. */
const codeOf = (error: Error & { readonly code?: unknown }): string =>
  typeof error.code === "string" ? error.code : "EIO";

/** Sends what was written and ends. What the peer still says is thrown away: a reset for unread bytes would overtake us. */
const linger = (socket: Socket): void => {
  socket.end();
  const timer = setTimeout(() => socket.resetAndDestroy(), toMillis(LINGER));
  socket.once("close", () => clearTimeout(timer));
};

/** The connection of a socket that is connected. */
export class NetConnection implements BgpConnection {
  readonly local: BgpConnection["local"];
  readonly remote: BgpConnection["remote"];
  readonly linkIndex: number;
  readonly #socket: Socket;
  readonly #ear: Ear;
  #isOpen = true;
  #owesProgress = false;

  /** The socket's reads must go to `ear`. */
  constructor(socket: Socket, ear: Ear, ends: Pick<BgpConnection, "local" | "remote" | "linkIndex">) {
    this.local = ends.local;
    this.remote = ends.remote;
    this.linkIndex = ends.linkIndex;
    this.#socket = socket;
    this.#ear = ear;
    socket.on("end", () => {
      this.#tellClosed({ type: "ended" });
      // A peer that has said all may still be reading.
      this.close();
      if (socket.writableFinished) socket.destroy();
    });
    socket.on("error", (error) => this.#tellClosed({ type: "error", code: codeOf(error) }));
    socket.on("close", () => this.#tellClosed({ type: "error", code: "ECONNRESET" }));
  }

  /** Tells these from now on; nobody, if it was closed meanwhile. */
  tell(events: BgpEvents | undefined): void {
    if (this.#isOpen) this.#ear.events = events;
  }

  waiting(): number {
    return this.#isOpen ? this.#socket.writableLength : 0;
  }

  write(bytes: Uint8Array): number {
    if (!this.#isOpen || this.#socket.destroyed) return 0;
    this.#socket.write(bytes, () => this.#written());
    const waiting = this.#socket.writableLength;
    if (waiting > 0) this.#owesProgress = true;
    return waiting;
  }

  close(): void {
    this.#ear.events = undefined;
    if (!this.#isOpen) return;
    this.#isOpen = false;
    if (!this.#socket.destroyed) linger(this.#socket);
  }

  reset(): void {
    this.#ear.events = undefined;
    this.#isOpen = false;
    if (!this.#socket.destroyed) this.#socket.resetAndDestroy();
  }

  #written(): void {
    if (!this.#owesProgress) return;
    this.#owesProgress = this.#socket.writableLength > 0;
    this.#ear.events?.onProgress();
  }

  #tellClosed(how: BgpClosed): void {
    const { events } = this.#ear;
    this.#ear.events = undefined;
    events?.onClosed(how);
  }
}
