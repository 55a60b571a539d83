/** Writes observations to the log. */
import type { Event, Observation } from "#core/observation/event";
import { type Severity, sentence } from "#core/observation/sentence";
import { openLog } from "#drivers/log/linux";
import type { LogLevel } from "#drivers/log/port";
import type { EdgeOptions } from "../options.ts";

const LEVEL: Readonly<Record<Severity, LogLevel>> = {
  info: "info",
  notice: "info",
  warning: "warning",
  error: "error",
};

/** The parts of an event that are not in its sentence's subject: what a log search looks for. */
const fieldsOf = ({ type, ...rest }: Event): Record<string, unknown> => ({ event: type, ...rest });

export type ObservationLog = {
  write(observation: Observation): void;
  /** Writes what is left. */
  close(): void;
};

/** Opens the log on stderr. */
export const openObservationLog = (options: Pick<EdgeOptions, "logFormat" | "logLevel">): ObservationLog => {
  const log = openLog({ format: options.logFormat, level: options.logLevel });
  return {
    write({ event, sequence }) {
      const { severity, subject, text } = sentence(event);
      const fields = options.logFormat === "json" ? { sequence, ...fieldsOf(event) } : {};
      log.log(LEVEL[severity], `${subject}: ${text}`, fields, `${event.type} events`);
    },
    close: () => log.close(),
  };
};
