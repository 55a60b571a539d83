/** What is true of a controller now, and how often what happened, made from its events alone. */
import type { WallTime } from "#base/time";
import type { ControllerObservation } from "./event.ts";

export type ControllerView = {
  sequence: number;
  startedAt: WallTime | undefined;
  isSynced: boolean;
  leadership: {
    state: "leading" | "standby" | "lost";
    since: WallTime | undefined;
    holder: string | undefined;
  };
  leadershipTransitions: number;
  pools: { isLoaded: boolean; since: WallTime | undefined; refused: readonly string[]; refusals: number };
  /** How often Services were refused, by reason. */
  readonly refusals: Map<string, number>;
  /** What cannot be read now, and why. */
  readonly trouble: Map<string, string>;
  /** How often writes failed, by reason. */
  readonly failedWrites: Map<string, number>;
  /** Services for which a shadow would do something else than what is there, and what. */
  readonly differences: Map<string, string>;
  webhook: { state: "absent" | "serving" | "failed" | "trouble"; detail: string };
  otherBalancer: string | undefined;
};

/** Before anything happened. */
export const emptyControllerView = (): ControllerView => ({
  sequence: 0,
  startedAt: undefined,
  isSynced: false,
  leadership: { state: "standby", since: undefined, holder: undefined },
  leadershipTransitions: 0,
  pools: { isLoaded: false, since: undefined, refused: [], refusals: 0 },
  refusals: new Map(),
  trouble: new Map(),
  failedWrites: new Map(),
  differences: new Map(),
  webhook: { state: "absent", detail: "" },
  otherBalancer: undefined,
});

const increase = (counts: Map<string, number>, key: string): void => {
  counts.set(key, (counts.get(key) ?? 0) + 1);
};

const set = (map: Map<string, string>, key: string, value: string | undefined): void => {
  if (value === undefined) map.delete(key);
  else map.set(key, value);
};

const projectPools = (view: ControllerView, { at, event }: ControllerObservation): void => {
  if (event.type === "pools-applied") {
    view.pools = { ...view.pools, isLoaded: true, since: at, refused: [] };
  } else if (event.type === "pools-refused") {
    view.pools = { ...view.pools, refused: event.problems, refusals: view.pools.refusals + 1 };
  }
};

/** Brings the view up to date with one more observation. */
export const projectController = (view: ControllerView, observation: ControllerObservation): void => {
  const { event, at, sequence } = observation;
  view.sequence = sequence;
  switch (event.type) {
    case "controller":
      if (event.change === "started") view.startedAt = at;
      if (event.change === "synced") view.isSynced = true;
      break;
    case "leadership":
      if (event.state === "leading") view.leadershipTransitions += 1;
      view.leadership = { state: event.state, since: at, holder: event.holder };
      break;
    case "allocation-refused":
      increase(view.refusals, event.reason);
      break;
    case "write-failed":
      increase(view.failedWrites, event.reason);
      break;
    case "api-trouble":
      set(view.trouble, event.resource, event.state === "begun" ? (event.detail ?? "") : undefined);
      break;
    case "shadow-difference":
      set(view.differences, event.service, event.state === "begun" ? event.detail : undefined);
      break;
    case "webhook":
      view.webhook = { state: event.state, detail: event.detail };
      break;
    case "other-balancer":
      view.otherBalancer = event.state === "found" ? event.detail : undefined;
      break;
    default:
      projectPools(view, observation);
  }
};
