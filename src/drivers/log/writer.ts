/**
 * Writing to a descriptor such as stderr without ever waiting for its reader.
 *
 * Node.js writes to pipes synchronously, so a reader that stands still (a full journal, a stopped pager) would stop the
 * program. O_NONBLOCK on stderr itself would change it for every process that shares it; so a pipe or terminal is opened
 * a second time, and a socket, which cannot be, is written to with MSG_DONTWAIT.
 */
import { closeSync, constants, fstatSync, openSync, writeSync } from "node:fs";

/** What a write came to: the number of bytes taken, `again` when there is no room now, `failed` when there never will be. */
export type Written = number | "again" | "failed";

export type Writer = {
  write(bytes: Uint8Array): Written;
  close(): void;
};

/** send(2), as the kernel door offers it: bytes sent or a negative errno. */
export type Send = (fd: number, bytes: Uint8Array, address: Uint8Array, flags: number) => number;

const EAGAIN = 11;
const MSG_DONTWAIT = 0x40;
const MSG_NOSIGNAL = 0x4000;
const CONNECTED = new Uint8Array(0);

const nothingToClose = (): void => undefined;

const fileWriter = (fd: number, close: () => void): Writer => ({
  write(bytes) {
    try {
      return writeSync(fd, bytes);
    } catch (error) {
      return error instanceof Error && "code" in error && error.code === "EAGAIN" ? "again" : "failed";
    }
  },
  close,
});

const socketWriter = (fd: number, send: Send): Writer => ({
  write(bytes) {
    const sent = send(fd, bytes, CONNECTED, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent >= 0) return sent;
    return sent === -EAGAIN ? "again" : "failed";
  },
  close: nothingToClose,
});

/** A writer to `fd`. Without `send` (no kernel door), a socket is written to as Node.js does, which may wait. */
export const openWriter = (fd: number, send: Send | undefined): Writer => {
  const kind = fstatSync(fd);
  if (kind.isSocket() && send !== undefined) return socketWriter(fd, send);
  if (kind.isFIFO() || kind.isCharacterDevice()) {
    try {
      const own = openSync(
        `/proc/self/fd/${fd}`,
        constants.O_WRONLY | constants.O_NONBLOCK | constants.O_NOCTTY,
      );
      return fileWriter(own, () => closeSync(own));
    } catch {
      // Not ours to open, or no /proc: better a line that may wait than none.
    }
  }
  return fileWriter(fd, nothingToClose);
};
