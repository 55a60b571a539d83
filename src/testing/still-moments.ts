/** Moments in which a speaker does not answer and nobody must conclude anything from it, in a world of simulated speakers. */
import assert from "node:assert/strict";
import { micros, millis, seconds } from "#base/time";
import {
  BOUNDS,
  expectAgreement,
  type Fault,
  heldBy,
  isOnlyOne,
  mend,
  passAMoment,
  someHolder,
} from "./speaker-history.ts";

/** A stop that is shorter than anybody needs to notice moves nothing. */
export const pausesBriefly: Fault = (world) => {
  const holder = someHolder(world);
  passAMoment(world);
  world.say(`pause ${holder.name}`);
  holder.freeze();
  world.run(micros(world.random() * 0.7 * BOUNDS.detection.earliest));
  holder.thaw();
  world.run(seconds(1));
  expectAgreement(world, "after a pause");
};

/**
 * A better candidate is back after a crash and asks who holds what it is preferred for, while the holder stands still, for less time
 * than its peers need to notice: it takes nothing from it.
 */
export const startsBesideStandstill: Fault = (world) => {
  const preferred = someHolder(world);
  const moved = heldBy(world, preferred.name);
  if (isOnlyOne(world)) return;
  preferred.crash();
  world.run(seconds(2));
  const holders = new Map(moved.map((each) => [each, world.holders(each)]));
  const standing = [...new Set([...holders.values()].flat())].map((name) => world.speaker(name));
  passAMoment(world);
  world.start(preferred);
  // Its first question is out, or about to be.
  world.run(micros(world.random() * millis(10)));
  for (const each of standing) {
    world.say(`pause ${each.name}`);
    // It ran until now, or it would take itself for stopped for longer.
    each.input({ type: "timer" });
    each.freeze();
  }
  world.run(micros((0.75 + 0.2 * world.random()) * BOUNDS.detection.earliest));
  for (const each of standing) each.thaw();
  world.watch();
  world.run(seconds(1));
  for (const each of moved) {
    assert.deepEqual(world.holders(each), holders.get(each), `${each} stays with whom it is`);
    const { none, several } = world.account(each);
    assert.deepEqual({ none, several }, { none: 0, several: 0 }, `${each} is answered for by one`);
  }
  mend(world);
};
