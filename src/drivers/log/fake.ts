/** A log that a test reads afterwards. */
import type { LogFields, LogLevel, LogPort } from "./port.ts";

export type FakeLog = LogPort & {
  readonly lines: readonly {
    readonly level: LogLevel;
    readonly message: string;
    readonly fields: LogFields;
  }[];
  readonly closed: boolean;
};

/** A log that keeps every line as it was given. */
export const createFakeLog = (): FakeLog => {
  const lines: { level: LogLevel; message: string; fields: LogFields }[] = [];
  let closed = false;
  return {
    lines,
    get closed() {
      return closed;
    },
    log(level, message, fields = {}) {
      lines.push({ level, message, fields });
    },
    close() {
      closed = true;
    },
  };
};
