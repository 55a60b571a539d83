/** The one place through which whatever happens in a controller is told: log, view, followers. */
import { wallTime } from "#base/time";
import type { ControllerEvent, ControllerObservation } from "#core/controller/event";
import { controllerSentence } from "#core/controller/sentence";
import { type ControllerView, emptyControllerView, projectController } from "#core/controller/view";
import type { Severity } from "#core/observation/sentence";
import type { LogLevel, LogPort } from "#drivers/log/port";
import { createRecent, type Recent } from "#runtime/recent";

export type Tap = {
  readonly view: ControllerView;
  readonly recent: Recent<ControllerObservation>;
  /** Takes note of what happened just now. */
  tell(event: ControllerEvent): void;
};

const LEVEL: Readonly<Record<Severity, LogLevel>> = {
  info: "info",
  notice: "info",
  warning: "warning",
  error: "error",
};

/** A tap that has seen nothing yet; `withFields` puts the event's parts into the log besides its sentence. */
export const createTap = (options: {
  readonly log: LogPort;
  readonly withFields: boolean;
  readonly now: () => number;
}): Tap => {
  const view = emptyControllerView();
  const recent = createRecent<ControllerObservation>();
  return {
    view,
    recent,
    tell(event) {
      const observation = { sequence: view.sequence + 1, at: wallTime(options.now()), event };
      projectController(view, observation);
      recent.add([observation]);
      const { severity, subject, text } = controllerSentence(event);
      const { type, ...rest } = event;
      const fields = options.withFields ? { sequence: observation.sequence, event: type, ...rest } : {};
      options.log.log(LEVEL[severity], `${subject}: ${text}`, fields, `${type} events`);
    },
  };
};
