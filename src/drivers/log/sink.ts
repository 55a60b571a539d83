/** Lines on their way to a writer: they gather while it has no room, and when too many have, new ones are dropped and counted. */
import type { Writer } from "./writer.ts";

export type Sink = {
  /** Takes one line without its line feed; `false` when it, or one before it, could not be written yet. */
  line(text: string): boolean;
  /** Writes what has gathered, as far as there is room; `true` when nothing is left. */
  drain(): boolean;
};

/** What may gather while the reader stands still. */
export const MAX_WAITING_BYTES = 1_048_576;

/** A sink; `lostLine` makes the line that says how many others were dropped. */
export const createSink = (writer: Writer, lostLine: (count: number) => string): Sink => {
  let waiting: Buffer[] = [];
  let waitingBytes = 0;
  let lost = 0;

  const gather = (text: string): void => {
    const bytes = Buffer.from(`${text}\n`);
    waiting.push(bytes);
    waitingBytes += bytes.length;
  };
  const keep = (rest: Buffer): void => {
    waiting = rest.length === 0 ? [] : [rest];
    waitingBytes = rest.length;
  };
  const drain = (): boolean => {
    let rest = Buffer.concat(waiting);
    while (rest.length > 0) {
      const written = writer.write(rest);
      if (written === "again") {
        keep(rest);
        return false;
      }
      rest = written === "failed" ? Buffer.alloc(0) : rest.subarray(written);
    }
    keep(rest);
    if (lost === 0) return true;
    gather(lostLine(lost));
    lost = 0;
    return drain();
  };
  return {
    line(text) {
      if (waitingBytes > MAX_WAITING_BYTES) {
        lost += 1;
        return false;
      }
      const stuck = waitingBytes > 0;
      gather(text);
      return !stuck && drain();
    },
    drain,
  };
};
