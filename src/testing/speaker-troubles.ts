/** A time in which everything goes wrong with a world of simulated speakers. */
import assert from "node:assert/strict";
import { micros, millis, seconds } from "#base/time";
import { integerBetween, pick } from "./random.ts";
import type { SimulatedSpeaker } from "./simulated-speaker.ts";
import { drawPlacements } from "./speaker-history.ts";
import type { SpeakerWorld } from "./speaker-world.ts";

type Trouble = (world: SpeakerWorld, speaker: SimulatedSpeaker) => void;

const TROUBLES: readonly [Trouble, ...Trouble[]] = [
  (world, speaker) => world.start(speaker),
  (world, speaker) => world.start(speaker),
  (_, speaker) => speaker.thaw(),
  (_, speaker) => speaker.thaw(),
  (_, speaker) => speaker.crash(),
  (_, speaker) => speaker.freeze(),
  (_, speaker) => speaker.leave(),
  (world, speaker) => world.cut(speaker.name, pick(world.random, ["both", "sending", "receiving"])),
  (world, speaker) =>
    world.leak(speaker.name, pick(world.random, ["sending", "receiving"]), world.random() * 0.6),
  (world) => world.partition(() => integerBetween(world.random, 0, 1)),
  (world) => world.heal(),
  (world) => world.speakApi(seconds(2)),
  (world) => {
    world.isApiAway = !world.isApiAway;
    world.isBfdBlocked = world.random() < 0.2;
  },
  (world) => world.place(drawPlacements(world.random, world.speakers.length), seconds(2)),
  (world) => {
    const loss = world.random() * 0.4;
    world.quality = { loss, duplication: 0.1, minimumDelay: micros(50), maximumDelay: millis(40) };
  },
];

/** Twenty-five faults of any kind, one soon after the other, and nothing expected but that all goes on. */
export const trouble = (world: SpeakerWorld): void => {
  const [one, ...others] = world.speakers;
  assert.ok(one !== undefined);
  for (let count = 0; count < 25; count += 1) {
    const speaker = pick(world.random, [one, ...others]);
    world.say(`trouble with ${speaker.name}`);
    pick(world.random, TROUBLES)(world, speaker);
    world.run(micros(world.random() ** 2 * seconds(1.5)));
  }
};
