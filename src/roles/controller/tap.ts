/** The one place through which whatever happens in a controller is told: log, view, followers. */
import { wallTime } from "#base/time";
import type { ControllerEvent, ControllerObservation } from "#core/controller/event";
import { controllerSentence } from "#core/controller/sentence";
import { type ControllerView, emptyControllerView, projectController } from "#core/controller/view";
import type { LogPort } from "#drivers/log/port";
import { createObservationLog } from "#runtime/cluster/observation-log";
import { createRecent, type Recent } from "#runtime/recent";

export type Tap = {
  readonly view: ControllerView;
  readonly recent: Recent<ControllerObservation>;
  /** Takes note of what happened just now. */
  tell(event: ControllerEvent): void;
};

/** A tap that has seen nothing yet; `withFields` puts the event's parts into the log besides its sentence. */
export const createTap = (options: {
  readonly log: LogPort;
  readonly withFields: boolean;
  readonly now: () => number;
}): Tap => {
  const { log: port, withFields } = options;
  const log = createObservationLog({ log: port, withFields, sentence: controllerSentence });
  const view = emptyControllerView();
  const recent = createRecent<ControllerObservation>();
  return {
    view,
    recent,
    tell(event) {
      const observation = { sequence: view.sequence + 1, at: wallTime(options.now()), event };
      projectController(view, observation);
      recent.add([observation]);
      log.write(observation);
    },
  };
};
