/**
 * Seeded histories of two to six speakers: faults one by one on a fair link, with the promises of `timing.ts` checked for each;
 * then a time of troubles on a bad one, after which all must agree again.
 *
 * To repeat a failing history: `SEED=<n> node --test src/core/ownership/simulation.test.ts`; it then prints all of it.
 * `HISTORIES=<n>` runs more of them than usual, and `FIGURES=1` prints what was measured.
 */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { micros, millis, seconds } from "#base/time";
import { losesOneWay } from "#testing/one-way-loss";
import {
  isReordered,
  isReplaced,
  restartsOnBadLink,
  restartsPlanned,
  rollsAll,
} from "#testing/planned-moves";
import { integerBetween, pick } from "#testing/random";
import {
  atMost,
  BOUNDS,
  CONFIG,
  expectAgreement,
  expectCalmExcept,
  type Fault,
  heldBy,
  isOnlyOne,
  measure,
  mend,
  passAMoment,
  printFigures,
  repair,
  SETTLED,
  shuffled,
  someHolder,
  startAll,
  worldOf,
} from "#testing/speaker-history";
import { trouble } from "#testing/speaker-troubles";
import type { SpeakerWorld } from "#testing/speaker-world";
import { diesOnReturn, pausesBriefly, startsBesideStandstill } from "#testing/still-moments";

const { SEED, HISTORIES, FIGURES } = process.env;
const COUNT = Number(HISTORIES ?? 400);
const SEEDS = SEED === undefined ? Array.from({ length: COUNT }, (_, seed) => seed) : [Number(SEED)];

/** The holder falls silent at once: the next one has its addresses in time, and never both. */
const endsSuddenly =
  (how: "crash" | "freeze"): Fault =>
  (world) => {
    const holder = someHolder(world);
    const moved = heldBy(world, holder.name);
    if (isOnlyOne(world)) return;
    passAMoment(world);
    world.watch();
    world.say(`${how} ${holder.name}`);
    holder[how]();
    world.run(seconds(1));
    for (const each of moved) {
      const { none, several } = world.account(each);
      measure(how, none);
      atMost(none, BOUNDS.takeOver.latest, `nobody after ${how}`);
      assert.equal(several, 0, `several after ${how}`);
    }
    expectCalmExcept(world, moved, how);
    if (how === "freeze") {
      world.run(micros(world.random() * seconds(3)));
      world.watch();
      world.say(`thaw ${holder.name}`);
      holder.thaw();
      world.run(seconds(2));
      for (const each of moved) {
        const { none, several } = world.account(each);
        assert.deepEqual(
          { none, several },
          { none: 0, several: 0 },
          "the old holder answers nothing when it wakes up",
        );
      }
    }
    mend(world);
  };

/** The holder is cut off from everybody: it gives up before the next one takes over. */
const isCutOff =
  (direction: "both" | "sending" | "receiving"): Fault =>
  (world) => {
    const holder = someHolder(world);
    const moved = heldBy(world, holder.name);
    if (isOnlyOne(world) || !world.plan.hasGateway) return;
    passAMoment(world);
    world.watch();
    world.say(`cut ${holder.name} ${direction}`);
    world.cut(holder.name, direction);
    world.run(BOUNDS.takeOver.latest);
    for (const each of moved) {
      const [next, ...others] = world.holders(each);
      assert.ok(
        next !== undefined && next !== holder.name && others.length === 0,
        "the next one answers in time",
      );
    }
    world.run(seconds(1));
    for (const each of moved) {
      const { none, several } = world.account(each);
      measure(`nobody after a cut of ${direction}`, none);
      assert.equal(several, 0, `several answer after a cut of ${direction}`);
      atMost(none, BOUNDS.takeOver.latest, `nobody answers after a cut of ${direction}`);
    }
    expectCalmExcept(world, moved, "a cut");
    world.watch();
    mend(world);
  };

/** Two islands, of which one has the gateway: each that has two nodes or the gateway has its own holders; then one again. */
const fallsApart: Fault = (world) => {
  if (world.speakers.length < 3 || !world.plan.hasGateway) return;
  const islands = new Map(world.speakers.map(({ name }) => [name, integerBetween(world.random, 0, 1)]));
  passAMoment(world);
  world.say(`partition ${JSON.stringify([...islands])}`);
  world.partition((name) => islands.get(name) ?? 0);
  world.run(seconds(3));
  for (const { address: each, candidates } of world.placements) {
    for (const island of [0, 1]) {
      const isOn = (name: string) => islands.get(name) === island;
      const isInCompany = island === 0 || world.speakers.filter(({ name }) => isOn(name)).length >= 2;
      const expected = isInCompany ? candidates.filter(isOn).slice(0, 1) : [];
      const holders = world.holders(each).filter(isOn);
      assert.deepEqual(holders, expected, `holders of ${each} on island ${island}`);
    }
  }
  world.watch();
  world.say("heal");
  world.heal();
  world.run(SETTLED);
  for (const { address: each } of world.placements) {
    const { none, several } = world.account(each);
    measure("both answer after a partition heals", several);
    assert.equal(none, 0, "somebody answers while they find each other");
    atMost(several, millis(1_100), "both answer after a partition heals");
  }
  expectAgreement(world, "after a partition");
};

/** One node does not hear one other any more: as long as it lasts there may be another holder, but never two for long. */
const isPartlyDeaf: Fault = (world) => {
  if (world.speakers.length < 3) return;
  const names = world.speakers.map(({ name }) => name);
  const [from = "", to = ""] = shuffled(world.random, names);
  world.watch();
  world.say(`cut ${from}>${to}`);
  world.cuts.add(`${from}>${to}`);
  world.run(seconds(8));
  for (const { address: each } of world.placements) {
    const { none, several } = world.account(each);
    measure("both answer when one does not hear one other", several);
    assert.equal(none, 0, "somebody answers");
    atMost(several, millis(150), "both answer when one does not hear one other");
    assert.equal(world.holders(each).length, 1, "one answers in the end");
  }
  mend(world);
};

/** Two die at once, or the second just when it was about to follow the first. */
const dieInTurn: Fault = (world) => {
  const holder = someHolder(world);
  const moved = heldBy(world, holder.name);
  if (world.speakers.length < 3) return;
  const rank = world.placements.find((each) => each.address === moved[0])?.candidates ?? [];
  const next = rank[rank.indexOf(holder.name) + 1];
  if (next === undefined || rank.length < 3 || rank[0] !== holder.name) return;
  passAMoment(world);
  world.watch();
  holder.crash();
  const pause = micros(world.random() < 0.3 ? 0 : world.random() * seconds(0.6));
  world.run(pause);
  world.speaker(next).crash();
  world.run(seconds(1));
  for (const { address: each, candidates } of world.placements) {
    const { none, several } = world.account(each);
    if (candidates.every((name) => world.speaker(name).power === "off")) continue;
    atMost(none, micros(pause + BOUNDS.takeOver.latest), "nobody after two deaths");
    assert.equal(several, 0, "several after two deaths");
  }
  mend(world);
};

/** Nothing moves because the API server is away, and who dies meanwhile is replaced as ever. */
const losesApi: Fault = (world) => {
  world.isApiAway = true;
  expectNothing(world, "the API server is away");
  endsSuddenly("crash")(world);
};

/** Nothing moves because nobody hears the gateway while peers are heard. */
const losesGateway: Fault = (world) => {
  world.cutGateway();
  expectNothing(world, "the gateway is away");
  world.heal();
  expectNothing(world, "the gateway is back");
};

/** A filter drops BFD and nothing else: all believe all others dead, but who holds an address answers for it. */
const losesBfd: Fault = (world) => {
  world.isBfdBlocked = true;
  expectNothing(world, "BFD is blocked");
  world.isBfdBlocked = false;
  expectNothing(world, "BFD passes again");
  world.run(SETTLED);
};

const expectNothing = (world: SpeakerWorld, what: string): void => {
  world.say(what);
  world.watch();
  world.run(seconds(5));
  expectCalmExcept(world, [], what);
};

/** The holder is well but cannot carry an address any more; a probe finds that, and the next one takes it until it can. */
const cannotCarry: Fault = (world) => {
  const holder = someHolder(world);
  const [each] = heldBy(world, holder.name);
  const candidates = world.placements.find(({ address }) => address === each)?.candidates ?? [];
  if (each === undefined || candidates.length < 2) return;
  holder.input({ type: "fitness", changes: [{ address: each, isFit: false }] });
  world.run(seconds(1));
  for (const speaker of world.speakers) speaker.input({ type: "unanswered", address: each });
  world.run(millis(200));
  assert.deepEqual(world.holders(each), candidates.filter((name) => name !== holder.name).slice(0, 1));
  world.watch();
  holder.input({ type: "fitness", changes: [{ address: each, isFit: true }] });
  world.run(SETTLED);
  assert.equal(world.account(each).none, 0, "somebody answers while it takes the address back");
  expectAgreement(world, "after one could not carry an address");
};

const FAULTS: readonly [Fault, ...Fault[]] = [
  endsSuddenly("crash"),
  endsSuddenly("crash"),
  endsSuddenly("freeze"),
  pausesBriefly,
  startsBesideStandstill,
  diesOnReturn,
  losesOneWay,
  restartsPlanned,
  restartsPlanned,
  rollsAll,
  isReordered,
  isCutOff("both"),
  isCutOff("sending"),
  isCutOff("receiving"),
  fallsApart,
  isPartlyDeaf,
  losesApi,
  losesGateway,
  losesBfd,
  cannotCarry,
  dieInTurn,
  isReplaced,
  restartsOnBadLink,
];

/** One of them holds each address after the troubles; the preferred one, once nothing flaps any more and nobody asks for patience. */
const expectReunion = (world: SpeakerWorld): void => {
  repair(world);
  for (const { address: each } of world.placements) {
    assert.equal(world.holders(each).length, 1, `holders of ${each} after the troubles`);
  }
  if (world.random() < 0.8) return;
  world.run(CONFIG.flapping.within);
  for (let left = 60; left > 0 && world.speakers.some(({ ownership }) => ownership.asksPatience); left -= 1)
    world.run(seconds(10));
  expectAgreement(world, "long after the troubles");
};

const history = (seed: number): void => {
  const world = worldOf(seed);
  try {
    startAll(world);
    for (let count = 0; count < 2; count += 1) pick(world.random, FAULTS)(world);
    trouble(world);
    expectReunion(world);
  } catch (cause) {
    if (SEED !== undefined) console.log(world.journal());
    throw new Error(`SEED=${seed}`, { cause });
  }
};

describe(`simulation of ${SEEDS.length} histories`, () => {
  it("has one holder of each address when all is well, and keeps its promises through every fault", () => {
    for (const seed of SEEDS) history(seed);
    if (FIGURES !== undefined) printFigures();
  });
});
