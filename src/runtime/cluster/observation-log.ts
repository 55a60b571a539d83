/** Writes what was observed into the log: one sentence each, with the event's parts where they are asked for. */
import type { Sentence, Severity } from "#core/observation/sentence";
import type { LogLevel, LogPort } from "#drivers/log/port";

const LEVEL: Readonly<Record<Severity, LogLevel>> = {
  info: "info",
  notice: "info",
  warning: "warning",
  error: "error",
};

type Typed = { readonly type: string };

export type ObservationLog<Event extends Typed> = {
  write(observation: { readonly sequence: number; readonly event: Event }): void;
  /** Writes what is left. */
  close(): void;
};

/** A log of observations; `withFields` puts the event's parts into each line besides its sentence. */
export const createObservationLog = <Event extends Typed>(options: {
  readonly log: LogPort;
  readonly withFields: boolean;
  readonly sentence: (event: Event) => Sentence;
}): ObservationLog<Event> => {
  const { log, withFields, sentence } = options;
  return {
    write({ sequence, event }) {
      const { severity, subject, text } = sentence(event);
      const { type, ...rest } = event;
      const fields = withFields ? { sequence, event: type, ...rest } : {};
      log.log(LEVEL[severity], `${subject}: ${text}`, fields, `${type} events`);
    },
    close: () => log.close(),
  };
};
