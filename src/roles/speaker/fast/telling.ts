/** What people are told of the decisions on addresses. */
import { between, type Instant } from "#base/time";
import type { Effect } from "#core/ownership/state";
import type { SpeakerEvent } from "#core/speaker/event";

/** An effect that is for people, or for people as well. */
export type Told = Extract<
  Effect,
  { type: "transition" | "rival" | "stranger" | "stranger-gone" | "flapping" | "calm" }
>;

/** What is known besides. */
export type Circumstances = {
  readonly now: Instant;
  /** When a node was last heard. */
  readonly heardAt: (node: string) => Instant | undefined;
};

const moveEvent = (
  { peer, ...move }: Extract<Told, { type: "transition" }>,
  { now, heardAt }: Circumstances,
): SpeakerEvent => {
  const isTakeover = move.to === "holding" && move.cause === "holder-dead" && peer !== undefined;
  const lastHeard = isTakeover ? heardAt(peer) : undefined;
  return {
    ...{ ...move, type: "address-state" },
    ...(peer === undefined ? {} : { peer }),
    ...(lastHeard === undefined ? {} : { outage: between(lastHeard, now) }),
  };
};

/** The event that tells of an effect. */
export const eventOf = (effect: Told, circumstances: Circumstances): SpeakerEvent => {
  switch (effect.type) {
    case "transition":
      return moveEvent(effect, circumstances);
    case "rival":
      return effect;
    case "stranger":
      return { ...effect, type: "duplicate-address" };
    case "stranger-gone":
      return { type: "duplicate-gone", address: effect.address, mac: effect.mac };
    case "flapping":
    case "calm":
      return {
        ...{ type: "flapping", address: effect.address },
        state: effect.type === "flapping" ? "begun" : "ended",
      };
  }
};
