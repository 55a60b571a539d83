/** Advertisements as they are heard in a lab, while they come in. */

import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { type Instant, instant } from "#base/time";
import type { LabHostHandle } from "#lab/host";

export type Advertisement = {
  readonly source: string;
  readonly vrid: number;
  readonly priority: number;
  /** When the listener read it, by the machine's monotonic clock. */
  readonly at: Instant;
  /** When the kernel received it, in microseconds of its wall clock: for differences only. */
  readonly stamp: number;
};

export type Hearing = {
  /** What was heard so far, oldest first. */
  readonly all: () => readonly Advertisement[];
  /** The first advertisement that fits after the `seen` ones; `undefined` when none came in time. */
  readonly next: (request: {
    readonly seen: number;
    readonly fits: (each: Advertisement) => boolean;
    readonly withinMs: number;
  }) => Promise<Advertisement | undefined>;
  readonly close: () => Promise<void>;
};

const LISTENER = fileURLToPath(new URL("./programs/listen.ts", import.meta.url));

const parse = (line: string): Advertisement | undefined => {
  const [source = "", ...numbers] = line.split(" ");
  const [vrid = 0, priority = 0, at = 0, stamp = 0] = numbers.map(Number);
  return numbers.length === 4 ? { source, vrid, priority, at: instant(at), stamp } : undefined;
};

/** Starts to listen on an interface of a host. What is heard is kept, so close it before it is too much. */
export const startHearing = async (host: LabHostHandle, interfaceName: string): Promise<Hearing> => {
  const listener = await host.spawn([process.execPath, LISTENER, interfaceName]);
  await listener.said(/^ready$/m);
  const heard: Advertisement[] = [];
  let read = 0;
  const all = (): readonly Advertisement[] => {
    const text = listener.stdout();
    const whole = text.lastIndexOf("\n") + 1;
    if (whole <= read) return heard;
    for (const line of text.slice(read, whole).split("\n")) {
      const advertisement = parse(line);
      if (advertisement !== undefined) heard.push(advertisement);
    }
    read = whole;
    return heard;
  };
  return {
    all,
    next: async ({ seen, fits, withinMs }) => {
      const limit = performance.now() + withinMs;
      for (let looked = seen; ; ) {
        const known = all();
        for (; looked < known.length; looked += 1) {
          const each = known[looked];
          if (each !== undefined && fits(each)) return each;
        }
        if (performance.now() > limit) return undefined;
        await pause(2);
      }
    },
    close: async () => {
      await listener.endInput();
      await listener.exited;
    },
  };
};
