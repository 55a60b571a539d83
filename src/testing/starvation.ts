/** Speakers that get too little processor time: each of them stands still again and again. */
import { type Duration, micros } from "#base/time";
import type { Placement } from "#core/ownership/input";
import { seededRandom } from "./random.ts";
import { shuffled } from "./speaker-history.ts";
import { nodeName, type SpeakerWorld } from "./speaker-world.ts";
import { address } from "./values.ts";

/** For how long each node runs, and then does not, at least and at most. */
export type Starvation = {
  readonly runs: readonly [Duration, Duration];
  readonly stands: readonly [Duration, Duration];
};

/** So many addresses, each with an order of its own. */
export const manyPlacements = (seed: number, nodes: number, count: number): readonly Placement[] => {
  const random = seededRandom(seed);
  const names = Array.from({ length: nodes }, (_, number) => nodeName(number));
  return Array.from({ length: count }, (_, index) => ({
    address: address(`10.0.${index >> 8}.${index & 255}`),
    candidates: shuffled(random, names),
  }));
};

/** Lets these nodes starve for a while, and run again. */
export const starve = (
  world: SpeakerWorld,
  names: readonly string[],
  { runs, stands }: Starvation,
  duration: Duration,
): void => {
  const between = ([least, most]: readonly [Duration, Duration]): Duration =>
    micros(least + world.random() * (most - least));
  const until = world.clock.now + duration;
  const stop = (name: string): void => {
    if (world.clock.now >= until) return;
    world.speaker(name).freeze();
    world.later(between(stands), () => {
      world.speaker(name).thaw();
      world.later(between(runs), () => stop(name));
    });
  };
  for (const name of names) world.later(between(runs), () => stop(name));
  world.run(duration);
  world.run(stands[1]);
};
