/** One line of the log, as JSON for machines or as text for people. */
import type { WallTime } from "#base/time";
import type { LogFields, LogLevel } from "./port.ts";
import { printableFields } from "./redact.ts";

/** `journal` is text as systemd's journal likes it: a priority in front (sd-daemon(3)), no time of our own. */
export type LogFormat = "json" | "text" | "journal";

export type LogLine = {
  readonly level: LogLevel;
  readonly message: string;
  readonly fields: LogFields;
  readonly at: WallTime;
};

/** The priorities of syslog (RFC 5424 §6.2.1). */
const PRIORITY: Readonly<Record<LogLevel, number>> = { error: 3, warning: 4, info: 6, debug: 7 };

/** What a terminal might obey (all control characters), and the separators that some readers take for line ends. */
const UNSAFE = /[\p{Cc}\u2028\u2029]/gu;

const escapeUnsafe = (text: string): string =>
  text.replace(UNSAFE, (found) => `\\u${found.charCodeAt(0).toString(16).padStart(4, "0")}`);

const RESERVED: ReadonlySet<string> = new Set(["time", "level", "message"]);

/** A field that is called like one of ours gets an underscore, so that neither is lost. */
const fieldName = (name: string): string => (RESERVED.has(name) ? `${name}_` : name);

const formatJson = ({ level, message, fields, at }: LogLine): string => {
  const named = Object.entries(printableFields(fields)).map(([name, value]) => [fieldName(name), value]);
  const time = new Date(at).toISOString();
  return escapeUnsafe(JSON.stringify({ time, level, message, ...Object.fromEntries(named) }));
};

const BARE = /^[^\s"=\\\p{Cc}]+$/u;

const formatValue = (value: unknown): string => {
  if (typeof value !== "string") return escapeUnsafe(JSON.stringify(value));
  return BARE.test(value) ? value : escapeUnsafe(JSON.stringify(value));
};

const formatText = ({ message, fields }: LogLine): string =>
  [
    escapeUnsafe(message),
    ...Object.entries(printableFields(fields)).map(
      ([name, value]) => `${formatValue(name)}=${formatValue(value)}`,
    ),
  ].join(" ");

/** The line without its line feed; there is none within it either. */
export const formatLine = (format: LogFormat, line: LogLine): string => {
  switch (format) {
    case "json":
      return formatJson(line);
    case "journal":
      return `<${PRIORITY[line.level]}>${formatText(line)}`;
    case "text":
      return `${new Date(line.at).toISOString()} ${line.level.padEnd(7)} ${formatText(line)}`;
  }
};
