/** A channel of JSON messages on a socket, with a bound on the line length and on what may wait to be sent. */
import type { Socket } from "node:net";
import { StringDecoder } from "node:string_decoder";

/** Longest message, in UTF-16 units: a configuration of 5,000 virtual servers with 10 backends is about 8 million. */
const LINE_LIMIT = 64 * 1024 * 1024;
/** Bytes that may wait for a reader who does not read before `send` says so. */
const WAITING_LIMIT = 1024 * 1024;

export type Channel<Out> = {
  /** Queues a message. False means the reader is behind: send no more until `onDrain`. */
  send(message: Out): boolean;
  /** Whether more can be sent now. */
  writable(): boolean;
  /** Sends what is queued and closes. */
  end(): void;
};

export type ChannelEvents<In> = {
  readonly onMessage: (message: In) => void;
  /** The reader has caught up after `send` gave false. */
  readonly onDrain?: () => void;
  /** The channel is gone: closed by the other side, broken, or fed something that is no message. */
  readonly onClose: (why: string) => void;
};

/** Cuts a byte stream into lines; throws RangeError past the limit. */
const createLineSplitter = (onLine: (line: string) => void): ((chunk: Buffer) => void) => {
  const decoder = new StringDecoder("utf8");
  let pending: string[] = [];
  let pendingLength = 0;
  return (chunk) => {
    const parts = decoder.write(chunk).split("\n");
    for (const [index, part] of parts.entries()) {
      pending.push(part);
      pendingLength += part.length;
      if (pendingLength > LINE_LIMIT)
        throw new RangeError(`a message is longer than ${LINE_LIMIT} characters`);
      if (index === parts.length - 1) break;
      const line = pending.join("");
      pending = [];
      pendingLength = 0;
      if (line !== "") onLine(line);
    }
  };
};

/** Speaks JSON lines on a connected socket from now on. `onClose` is called exactly once. */
export const openChannel = <In, Out>(socket: Socket, events: ChannelEvents<In>): Channel<Out> => {
  let closed = false;
  const close = (why: string): void => {
    if (closed) return;
    closed = true;
    socket.destroy();
    events.onClose(why);
  };
  const split = createLineSplitter((line) => events.onMessage(JSON.parse(line) as In));
  socket.on("data", (chunk: Buffer) => {
    try {
      split(chunk);
    } catch (error) {
      if (!(error instanceof SyntaxError || error instanceof RangeError)) throw error;
      close(error.message);
    }
  });
  socket.on("drain", () => events.onDrain?.());
  socket.on("error", (error) => close(error.message));
  socket.on("close", () => close("closed"));
  socket.on("end", () => close("closed by the other side"));
  return {
    send(message) {
      if (closed) return false;
      socket.write(`${JSON.stringify(message)}\n`);
      return socket.writableLength < WAITING_LIMIT;
    },
    writable: () => !closed && socket.writableLength < WAITING_LIMIT,
    end: () => {
      socket.end();
    },
  };
};
