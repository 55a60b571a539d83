/** The real log: lines on stderr, limited in number, never waited for. */
import { fstatSync } from "node:fs";
import { between, type Instant, instant, toMillis, type WallTime, wallTime } from "#base/time";
import { openDoor } from "#native/door";
import { formatLine, type LogFormat } from "./format.ts";
import { LOG_LEVELS, type LogFields, type LogLevel, type LogPort } from "./port.ts";
import { createRateLimit } from "./rate-limit.ts";
import { createSink } from "./sink.ts";
import { openWriter, type Send, type Writer } from "./writer.ts";

export type LogOptions = {
  readonly format: LogFormat;
  /** Less urgent lines are not written. */
  readonly level: LogLevel;
};

/** What the log needs of the world; tests bring their own. */
export type LogWorld = {
  readonly writer: Writer;
  now(): Instant;
  wallNow(): WallTime;
  /** Calls back once after so many milliseconds, without keeping the program alive; gives a way to call it off. */
  later(milliseconds: number, action: () => void): () => void;
  /** Stands still for a few milliseconds; only while closing. */
  pause(): void;
};

/** How often lines that found no room are tried again, and how often before the log closes without them. */
const RETRY_AFTER_MS = 20;
const CLOSING_TRIES = 20;
const PAUSE_MS = 5;

/** A log that writes with what `world` gives it. */
export const createLog = ({ format, level: least }: LogOptions, world: LogWorld): LogPort => {
  const limit = createRateLimit();
  const threshold = LOG_LEVELS.indexOf(least);
  const compose = (level: LogLevel, message: string, fields: LogFields): string => {
    const at = world.wallNow();
    try {
      return formatLine(format, { level, message, fields, at });
    } catch (error) {
      // A value that throws when it is looked at; the message is worth more than its fields.
      return formatLine(format, { level, message, fields: { unprintable: String(error) }, at });
    }
  };
  const sink = createSink(world.writer, (lines) => compose("warning", "log lines were lost", { lines }));
  let callOffRetry: (() => void) | undefined;
  let callOffReport: (() => void) | undefined;

  const retryLater = (): void => {
    callOffRetry ??= world.later(RETRY_AFTER_MS, () => {
      callOffRetry = undefined;
      if (!sink.drain()) retryLater();
    });
  };
  const emit = (level: LogLevel, message: string, fields: LogFields): void => {
    if (!sink.line(compose(level, message, fields))) retryLater();
  };
  const report = (now: Instant): void => {
    for (const { level, message, count } of limit.collect(now)) emit(level, message, { suppressed: count });
  };
  const reportLater = (now: Instant): void => {
    const due = limit.deadline();
    if (due === undefined) return;
    callOffReport ??= world.later(Math.max(1, Math.ceil(toMillis(between(now, due)))), () => {
      callOffReport = undefined;
      const woken = world.now();
      report(woken);
      reportLater(woken);
    });
  };
  return {
    log(level, message, fields = {}, kind = message) {
      if (LOG_LEVELS.indexOf(level) < threshold) return;
      const now = world.now();
      if (limit.admits({ level, message: kind }, now)) emit(level, message, fields);
      reportLater(now);
    },
    close() {
      report(instant(Number.MAX_SAFE_INTEGER));
      for (let tries = 0; !sink.drain() && tries < CLOSING_TRIES; tries += 1) world.pause();
      callOffRetry?.();
      callOffReport?.();
      world.writer.close();
    },
  };
};

/** Whether `descriptor` is the stream that systemd has connected to its journal (JOURNAL_STREAM, systemd.exec(5)). */
export const isJournal = (descriptor: number, journalStream: string | undefined): boolean => {
  const { dev, ino } = fstatSync(descriptor, { bigint: true });
  return journalStream === `${dev}:${ino}`;
};

const doorSend = (): Send | undefined => {
  try {
    return openDoor().send;
  } catch {
    return undefined;
  }
};

/** Opens the log on a descriptor, by default stderr. Text becomes the journal's own format when the journal reads it. */
export const openLog = (
  { format, level }: { readonly format: "json" | "text"; readonly level: LogLevel },
  descriptor = 2,
): LogPort => {
  const forJournal = format === "text" && isJournal(descriptor, process.env.JOURNAL_STREAM);
  const sleeper = new Int32Array(new SharedArrayBuffer(4));
  return createLog(
    { format: forJournal ? "journal" : format, level },
    {
      writer: openWriter(descriptor, doorSend()),
      now: () => instant(performance.now() * 1_000),
      wallNow: () => wallTime(Date.now()),
      later(milliseconds, action) {
        const timer = setTimeout(action, milliseconds).unref();
        return () => clearTimeout(timer);
      },
      pause: () => Atomics.wait(sleeper, 0, 0, PAUSE_MS),
    },
  );
};
