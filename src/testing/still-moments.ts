/** Moments in which a speaker does not answer and nobody must conclude anything from it, in a world of simulated speakers. */
import assert from "node:assert/strict";
import { micros, millis, seconds } from "#base/time";
import {
  atMost,
  BOUNDS,
  expectAgreement,
  type Fault,
  heldBy,
  isOnlyOne,
  measure,
  mend,
  passAMoment,
  someHolder,
} from "./speaker-history.ts";
import { SESSIONS_UP, type SpeakerWorld } from "./speaker-world.ts";

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

/** How long sessions may take to come up again, and how often that is looked at. */
const RETURN_STEP = millis(20);

/** Whether everybody who runs hears everybody else who does, and is heard. */
const areAcquainted = (world: SpeakerWorld): boolean =>
  world.speakers
    .filter(({ power }) => power === "running")
    .every(({ name, liveness }) =>
      [...liveness.standings()].every(
        ([other, standing]) =>
          other === name ||
          world.speaker(other).power !== "running" ||
          (standing.name === "alive" && standing.hearsUs === "yes"),
      ),
    );

/**
 * A holder is cut off and comes back, and whoever has taken over dies as soon as they hear each other again: it is replaced as quickly as
 * ever, whatever the one that is back has believed in between.
 */
export const diesOnReturn: Fault = (world) => {
  const preferred = someHolder(world);
  const moved = heldBy(world, preferred.name);
  if (isOnlyOne(world) || !world.plan.hasGateway) return;
  world.say(`cut ${preferred.name}`);
  world.cut(preferred.name, "both");
  world.run(micros(seconds(1) + world.random() * seconds(2)));
  world.say("heal");
  world.heal();
  for (let waited = 0; waited < SESSIONS_UP && !areAcquainted(world); waited += RETURN_STEP)
    world.run(RETURN_STEP);
  assert.ok(areAcquainted(world), "they hear each other again");
  world.run(micros(world.random() * millis(500)));
  const [first] = moved;
  assert.ok(first !== undefined);
  const [name, ...others] = world.holders(first);
  assert.ok(name !== undefined && others.length === 0, "one holds it");
  const dies = heldBy(world, name);
  world.watch();
  world.say(`crash ${name}`);
  world.speaker(name).crash();
  world.run(seconds(1));
  for (const each of dies) {
    const { none, several } = world.account(each);
    measure("nobody after a crash soon after a return", none);
    atMost(none, BOUNDS.takeOver.latest, "nobody after a crash soon after a return");
    assert.equal(several, 0, "several after a crash soon after a return");
  }
  mend(world);
};
