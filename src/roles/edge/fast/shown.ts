/** The state of a router in the words that people read. */
import type { RouterState } from "#core/observation/event";
import type { TransitionCause } from "#core/vrrp/observe";
import type { Obstacle, State } from "#core/vrrp/state";

/** What tracking or the sync group put up is a fault; the others are the beginning that RFC 9568 calls Initialize. */
type Fault = Extract<Obstacle, "tracking-fault" | "group-fault">;

const faultsOf = (state: State): readonly Fault[] =>
  state.name === "initialize"
    ? state.obstacles.filter((obstacle) => obstacle === "tracking-fault" || obstacle === "group-fault")
    : [];

/** The word for a state. */
export const shown = (state: State): RouterState => {
  if (state.name !== "initialize") return state.name;
  return faultsOf(state).length > 0 ? "fault" : "initialize";
};

/** Why a router that took no part before and after a step is now, or is no more, at fault. */
export const faultReason = (before: State, after: State): TransitionCause => {
  const isFault = shown(after) === "fault";
  const [fault] = faultsOf(isFault ? after : before);
  if (fault === "group-fault") return isFault ? "group-hold" : "group-release";
  return isFault ? "tracking-fault" : "tracking-recovered";
};
