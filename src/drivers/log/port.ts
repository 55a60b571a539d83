/** Says something to whoever reads the log. */

/** From the least to the most urgent; the words are those of journalctl's priorities. */
export const LOG_LEVELS = ["debug", "info", "warning", "error"] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

/** What a line is about, by name; nested values are written as they are, secrets are not written at all. */
export type LogFields = Readonly<Record<string, unknown>>;

export type LogPort = {
  /**
   * Never blocks and never throws. Lines of one `kind` are counted and limited together, so that thousands of one do
   * not drown a few of another; without a kind that is the message, which should be a fixed sentence then.
   */
  log(level: LogLevel, message: string, fields?: LogFields, kind?: string): void;
  /** Writes what is left, counts of suppressed lines included. Call it before the process ends. */
  close(): void;
};
