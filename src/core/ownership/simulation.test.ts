/**
 * Seeded histories of two to six speakers: faults one by one on a fair link, with the promises of `timing.ts` checked for each;
 * then a time of troubles on a bad one, after which all must agree again.
 *
 * To repeat a failing history: `SEED=<n> node --test src/core/ownership/simulation.test.ts`; it then prints all of it.
 * `HISTORIES=<n>` runs more of them than usual, and `FIGURES=1` prints what was measured.
 */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { IpAddress } from "#base/address";
import { type Duration, formatDuration, micros, millis, seconds } from "#base/time";
import type { LinkQuality } from "#testing/network";
import { integerBetween, pick, type Random, seededRandom } from "#testing/random";
import type { SimulatedSpeaker } from "#testing/simulated-speaker";
import { nodeName, SESSIONS_UP, SpeakerWorld } from "#testing/speaker-world";
import { address } from "#testing/values";
import { DEFAULT_OWNERSHIP, type OwnershipConfig } from "./config.ts";
import type { Placement } from "./input.ts";
import { boundsOf } from "./timing.ts";

const { SEED, HISTORIES, FIGURES } = process.env;
const COUNT = Number(HISTORIES ?? 1_000);
const SEEDS = SEED === undefined ? Array.from({ length: COUNT }, (_, seed) => seed) : [Number(SEED)];

/** Defaults, but for a shorter wait before addresses are taken back, which moves nothing else. */
const CONFIG: OwnershipConfig = { ...DEFAULT_OWNERSHIP, settle: seconds(4) };
const BOUNDS = boundsOf(CONFIG);
const SLOWEST = millis(2);
const DRIFT = 0.001;
const FAIR_LINK: LinkQuality = {
  loss: 0,
  duplication: 0.02,
  minimumDelay: micros(50),
  maximumDelay: SLOWEST,
};
/** Until all have settled and taken back what they are preferred for. */
const SETTLED = micros(SESSIONS_UP + CONFIG.settle + seconds(3));

const shuffled = (random: Random, names: readonly string[]): readonly string[] => {
  const left = [...names];
  return names.map(() => left.splice(integerBetween(random, 0, left.length - 1), 1)[0] ?? "");
};

const drawPlacements = (random: Random, nodes: number): readonly Placement[] => {
  const names = Array.from({ length: nodes }, (_, number) => nodeName(number));
  return Array.from({ length: integerBetween(random, 1, 5) }, (_, index) => ({
    address: address(index % 2 === 0 ? `192.0.2.${100 + index}` : `2001:db8::${100 + index}`),
    candidates: shuffled(random, names),
  }));
};

const worldOf = (seed: number): SpeakerWorld => {
  const random = seededRandom(seed + 1_000_000);
  const nodes = integerBetween(random, 2, 6);
  const plan = {
    seed,
    nodes,
    placements: drawPlacements(random, nodes),
    config: CONFIG,
    hasGateway: random() < 0.8,
    drift: DRIFT,
    api: random() < 0.7 ? ("present" as const) : ("never" as const),
  };
  return new SpeakerWorld(plan, FAIR_LINK);
};

/** What was measured, over all histories. */
const measured = new Map<string, number[]>();
const measure = (what: string, duration: Duration): void => {
  const known = measured.get(what);
  if (known === undefined) measured.set(what, [duration]);
  else known.push(duration);
};

const atMost = (duration: Duration, bound: Duration, what: string): void =>
  assert.ok(duration <= bound, `${what}: ${formatDuration(duration)} > ${formatDuration(bound)}`);

const first = ({ candidates }: Placement, world: SpeakerWorld): string =>
  candidates.find((name) => world.speaker(name).power === "running") ?? "";

/** Each address has exactly one holder, the first candidate that runs, and nothing moves any more. */
const expectAgreement = (world: SpeakerWorld, what: string): void => {
  for (const placement of world.placements) {
    const holders = world.holders(placement.address);
    assert.deepEqual(holders, [first(placement, world)], `${what}: holders of ${placement.address}`);
  }
  world.watch();
  world.run(seconds(1));
  for (const { address: each } of world.placements) {
    assert.deepEqual(world.account(each), { none: 0, several: 0, changes: 0 }, `${what}: ${each} is calm`);
  }
};

const heldBy = (world: SpeakerWorld, name: string): readonly IpAddress[] =>
  world.placements.map((each) => each.address).filter((each) => world.holders(each).includes(name));

/** A speaker that holds something; there is always one. */
const someHolder = (world: SpeakerWorld): SimulatedSpeaker => {
  const names = world.placements.flatMap((each) => world.holders(each.address));
  const [name, ...others] = names;
  assert.ok(name !== undefined, "somebody holds something");
  return world.speaker(pick(world.random, [name, ...others]));
};

/** Nobody else's addresses moved. */
const expectCalmExcept = (world: SpeakerWorld, moved: readonly IpAddress[], what: string): void => {
  for (const { address: each } of world.placements) {
    if (moved.includes(each)) continue;
    assert.deepEqual(world.account(each), { none: 0, several: 0, changes: 0 }, `${what}: ${each} stays`);
  }
};

/** A moment that has nothing to do with anybody's schedule. */
const passAMoment = (world: SpeakerWorld): void =>
  world.run(micros(integerBetween(world.random, 0, 400_000)));

const isOnlyOne = (world: SpeakerWorld): boolean =>
  world.speakers.filter(({ power }) => power === "running").length < 2;

/** All run, the link is whole, and everybody has had time to agree. */
const repair = (world: SpeakerWorld): void => {
  world.heal();
  world.quality = FAIR_LINK;
  world.isApiAway = false;
  for (const speaker of world.speakers) {
    speaker.thaw();
    world.start(speaker);
  }
  world.speakApi(millis(500));
  world.run(SETTLED);
};

const mend = (world: SpeakerWorld): void => {
  repair(world);
  expectAgreement(world, "mended");
};

type Fault = (world: SpeakerWorld) => void;

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
      const isLastAndBlind = world.holders(each).length === 0 && world.speakers.length < 2;
      if (!isLastAndBlind) atMost(none, BOUNDS.takeOver.latest, `nobody after ${how}`);
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

/** A stop that is shorter than anybody needs to notice moves nothing. */
const pausesBriefly: Fault = (world) => {
  const holder = someHolder(world);
  passAMoment(world);
  world.say(`pause ${holder.name}`);
  holder.freeze();
  world.run(micros(world.random() * 0.7 * BOUNDS.detection.earliest));
  holder.thaw();
  world.run(seconds(1));
  expectAgreement(world, "after a pause");
};

/** The holder leaves on purpose, and comes back: somebody answers at every moment, and nothing else moves. */
const restartsPlanned: Fault = (world) => {
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
const rollsAll: Fault = (world) => {
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
const isReordered: Fault = (world) => {
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

/** A node leaves the cluster for good, and another one with its name joins: everybody learns of both at another time. */
const isReplaced: Fault = (world) => {
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
const restartsOnBadLink: Fault = (world) => {
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

/** Nothing moves because the API server is away, and who dies meanwhile is replaced as ever. */
const losesApi: Fault = (world) => {
  world.watch();
  world.isApiAway = true;
  world.run(seconds(5));
  expectCalmExcept(world, [], "the API server is away");
  endsSuddenly("crash")(world);
};

const FAULTS: readonly [Fault, ...Fault[]] = [
  endsSuddenly("crash"),
  endsSuddenly("crash"),
  endsSuddenly("freeze"),
  pausesBriefly,
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
  dieInTurn,
  isReplaced,
  restartsOnBadLink,
];

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
  (world) => world.partition(() => integerBetween(world.random, 0, 1)),
  (world) => world.heal(),
  (world) => world.speakApi(seconds(2)),
  (world) => {
    world.isApiAway = !world.isApiAway;
  },
  (world) => world.place(drawPlacements(world.random, world.speakers.length), seconds(2)),
  (world) => {
    const loss = world.random() * 0.4;
    world.quality = { loss, duplication: 0.1, minimumDelay: micros(50), maximumDelay: millis(40) };
  },
];

const trouble = (world: SpeakerWorld): void => {
  const [one, ...others] = world.speakers;
  assert.ok(one !== undefined);
  for (let count = 0; count < 25; count += 1) {
    const speaker = pick(world.random, [one, ...others]);
    world.say(`trouble with ${speaker.name}`);
    pick(world.random, TROUBLES)(world, speaker);
    world.run(micros(world.random() ** 2 * seconds(1.5)));
  }
};

/** One of them holds each address after the troubles; the preferred one, once nothing flaps any more. */
const expectReunion = (world: SpeakerWorld): void => {
  repair(world);
  for (const { address: each } of world.placements) {
    assert.equal(world.holders(each).length, 1, `holders of ${each} after the troubles`);
  }
  if (world.random() < 0.8) return;
  world.run(CONFIG.flapping.within);
  expectAgreement(world, "long after the troubles");
};

const history = (seed: number): void => {
  const world = worldOf(seed);
  try {
    for (const speaker of world.speakers) {
      world.start(speaker);
      world.run(micros(world.random() * millis(300)));
    }
    world.run(SETTLED);
    expectAgreement(world, "started");
    for (let count = 0; count < 2; count += 1) pick(world.random, FAULTS)(world);
    trouble(world);
    expectReunion(world);
  } catch (cause) {
    if (SEED !== undefined) console.log(world.journal.join("\n"));
    throw new Error(`SEED=${seed}`, { cause });
  }
};

const printFigures = (): void => {
  for (const [what, durations] of measured) {
    const sorted = durations.toSorted((a, b) => a - b);
    const at = (share: number) =>
      formatDuration(micros(sorted[Math.floor(share * (sorted.length - 1))] ?? 0));
    console.log(`${what}: ${sorted.length} times, median ${at(0.5)}, p99 ${at(0.99)}, longest ${at(1)}`);
  }
};

describe(`simulation of ${SEEDS.length} histories`, () => {
  it("has one holder of each address when all is well, and keeps its promises through every fault", () => {
    for (const seed of SEEDS) history(seed);
    if (FIGURES !== undefined) printFigures();
  });
});
