/** Moves on purpose, in a world of simulated speakers: somebody answers at every moment of them. */
import assert from "node:assert/strict";
import { micros, millis, seconds } from "#base/time";
import {
  atMost,
  expectAgreement,
  expectCalmExcept,
  FAIR_LINK,
  type Fault,
  heldBy,
  isOnlyOne,
  measure,
  passAMoment,
  SETTLED,
  SLOWEST,
  someHolder,
} from "./speaker-history.ts";

/** The holder leaves on purpose, and comes back: somebody answers at every moment, and nothing else moves. */
export const restartsPlanned: Fault = (world) => {
  const holder = someHolder(world);
  const moved = heldBy(world, holder.name);
  if (isOnlyOne(world)) return;
  passAMoment(world);
  world.watch();
  world.say(`leave ${holder.name}`);
  holder.leave();
  world.run(seconds(1));
  assert.equal(holder.power, "off", "it has left");
  for (const each of moved) {
    const { none, several } = world.account(each);
    assert.equal(none, 0, "somebody answers while it leaves");
    measure("both answer in a planned move", several);
    atMost(several, micros(2 * SLOWEST), "both answer in a planned move");
  }
  world.run(micros(world.random() * seconds(4)));
  world.start(holder);
  world.run(SETTLED);
  for (const each of moved) {
    const { none, several, changes } = world.account(each);
    assert.equal(none, 0, "somebody answers while it comes back");
    atMost(several, micros(2 * SLOWEST), "both answer when it takes back");
    assert.ok(changes <= 4, `${changes} changes`);
  }
  expectCalmExcept(world, moved, "planned restart");
  expectAgreement(world, "after a planned restart");
};

/** Every speaker is restarted, the next as soon as the one before is back, as a DaemonSet's rolling update does it. */
export const rollsAll: Fault = (world) => {
  if (isOnlyOne(world)) return;
  world.watch();
  for (const speaker of world.speakers) {
    world.say(`leave ${speaker.name}`);
    speaker.leave();
    world.run(seconds(3.5));
    assert.equal(speaker.power, "off", "it has left");
    world.start(speaker);
    world.run(micros(seconds(2) + world.random() * SETTLED));
  }
  world.run(SETTLED);
  for (const { address: each } of world.placements)
    assert.equal(world.account(each).none, 0, "somebody answers");
  expectAgreement(world, "after a rolling restart");
};

/** The order of candidates changes, as for a cordon: everybody learns of it at another time. */
export const isReordered: Fault = (world) => {
  const holder = someHolder(world).name;
  const moved = heldBy(world, holder);
  const placements = world.placements.map((placement) => {
    if (!moved.includes(placement.address)) return placement;
    const others = placement.candidates.filter((name) => name !== holder);
    const isGone = world.random() < 0.3 && others.length > 1;
    return { ...placement, candidates: isGone ? others : [...others, holder] };
  });
  world.watch();
  world.say(`reorder ${holder}`);
  world.place(placements, millis(800));
  world.run(seconds(6));
  for (const each of moved) {
    const { none, several } = world.account(each);
    assert.equal(none, 0, "somebody answers while the order changes");
    // Until one of them gives in, though they do not yet agree on who is preferred.
    measure("both answer while the order changes", several);
    atMost(several, millis(250), "both answer while the order changes");
  }
  expectCalmExcept(world, moved, "another order");
  world.run(SETTLED);
  expectAgreement(world, "after another order");
};

/** A node leaves the cluster for good, and another one with its name joins: everybody learns of both at another time. */
export const isReplaced: Fault = (world) => {
  const holder = someHolder(world);
  if (world.speakers.length < 3) return;
  const { placements, members } = world;
  const without = placements.map((each) => ({
    ...each,
    candidates: each.candidates.filter((name) => name !== holder.name),
  }));
  if (without.some(({ candidates }) => candidates.length === 0)) return;
  world.watch();
  world.say(`replace ${holder.name}`);
  holder.leave();
  world.run(millis(500));
  const others = members.filter((name) => name !== holder.name);
  world.place(without, millis(500), others);
  world.run(SETTLED);
  expectAgreement(world, "after a node has gone");
  world.watch();
  world.place(placements, millis(500), members);
  world.run(micros(world.random() * seconds(8)));
  world.start(holder);
  world.run(SETTLED);
  for (const { address: each } of placements) assert.equal(world.account(each).none, 0, "somebody answers");
  expectAgreement(world, "after a node has joined");
};

/** Planned moves on a link that loses one packet in fifty: somebody answers all the same. */
export const restartsOnBadLink: Fault = (world) => {
  const holder = someHolder(world);
  const moved = heldBy(world, holder.name);
  world.quality = { ...FAIR_LINK, loss: 0.02 };
  world.watch();
  world.say(`leave ${holder.name} on a bad link`);
  holder.leave();
  world.run(seconds(3.5));
  world.start(holder);
  world.run(SETTLED);
  for (const each of moved) {
    const { none, several } = world.account(each);
    assert.equal(none, 0, "somebody answers while packets get lost");
    measure("both answer in a planned move that loses packets", several);
    atMost(several, seconds(3.1), "both answer in a planned move that loses packets");
  }
  world.quality = FAIR_LINK;
  world.run(seconds(4));
  expectAgreement(world, "after a planned restart on a bad link");
};
