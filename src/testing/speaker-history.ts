/** What histories of simulated speakers are made of: worlds to draw, moments to wait for, promises that hold in between. */
import assert from "node:assert/strict";
import type { IpAddress } from "#base/address";
import { type Duration, formatDuration, micros, millis, seconds } from "#base/time";
import { DEFAULT_OWNERSHIP, type OwnershipConfig } from "#core/ownership/config";
import type { Placement } from "#core/ownership/input";
import { boundsOf } from "#core/ownership/timing";
import type { LinkQuality } from "./network.ts";
import { integerBetween, pick, type Random, seededRandom } from "./random.ts";
import type { SimulatedSpeaker } from "./simulated-speaker.ts";
import { nodeName, SESSIONS_UP, SpeakerWorld } from "./speaker-world.ts";
import { address } from "./values.ts";

/** Defaults, but for a shorter wait before addresses are taken back, which moves nothing else. */
export const CONFIG: OwnershipConfig = { ...DEFAULT_OWNERSHIP, settle: seconds(4) };
/** What the configuration promises. */
export const BOUNDS = boundsOf(CONFIG);
/** No packet takes longer on a fair link. */
export const SLOWEST = millis(2);
const DRIFT = 0.001;
/** A link that loses nothing, though packets overtake one another. */
export const FAIR_LINK: LinkQuality = {
  loss: 0,
  duplication: 0.02,
  minimumDelay: micros(50),
  maximumDelay: SLOWEST,
};
/** Until all have settled and taken back what they are preferred for. */
export const SETTLED = micros(SESSIONS_UP + CONFIG.settle + seconds(3));

/** The same in another order. */
export const shuffled = (random: Random, names: readonly string[]): readonly string[] => {
  const left = [...names];
  return names.map(() => left.splice(integerBetween(random, 0, left.length - 1), 1)[0] ?? "");
};

/** Some addresses of both families, each with an order of its own. */
export const drawPlacements = (random: Random, nodes: number): readonly Placement[] => {
  const names = Array.from({ length: nodes }, (_, number) => nodeName(number));
  return Array.from({ length: integerBetween(random, 1, 5) }, (_, index) => ({
    address: address(index % 2 === 0 ? `192.0.2.${100 + index}` : `2001:db8::${100 + index}`),
    candidates: shuffled(random, names),
  }));
};

/** The world of a seed. */
export const worldOf = (seed: number): SpeakerWorld => {
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
/** Keeps a figure for `printFigures`. */
export const measure = (what: string, duration: Duration): void => {
  const known = measured.get(what);
  if (known === undefined) measured.set(what, [duration]);
  else known.push(duration);
};

/** Fails with the figures if something lasted too long. */
export const atMost = (duration: Duration, bound: Duration, what: string): void =>
  assert.ok(duration <= bound, `${what}: ${formatDuration(duration)} > ${formatDuration(bound)}`);

const first = ({ candidates }: Placement, world: SpeakerWorld): string =>
  candidates.find((name) => world.speaker(name).power === "running") ?? "";

/** Each address has exactly one holder, the first candidate that runs, and nothing moves any more. */
export const expectAgreement = (world: SpeakerWorld, what: string): void => {
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

/** The addresses that a speaker answers for. */
export const heldBy = (world: SpeakerWorld, name: string): readonly IpAddress[] =>
  world.placements.map((each) => each.address).filter((each) => world.holders(each).includes(name));

/** A speaker that holds something; there is always one. */
export const someHolder = (world: SpeakerWorld): SimulatedSpeaker => {
  const names = world.placements.flatMap((each) => world.holders(each.address));
  const [name, ...others] = names;
  assert.ok(name !== undefined, "somebody holds something");
  return world.speaker(pick(world.random, [name, ...others]));
};

/** Nobody else's addresses moved. */
export const expectCalmExcept = (world: SpeakerWorld, moved: readonly IpAddress[], what: string): void => {
  for (const { address: each } of world.placements) {
    if (moved.includes(each)) continue;
    assert.deepEqual(world.account(each), { none: 0, several: 0, changes: 0 }, `${what}: ${each} stays`);
  }
};

/** A moment that has nothing to do with anybody's schedule. */
export const passAMoment = (world: SpeakerWorld): void =>
  world.run(micros(integerBetween(world.random, 0, 400_000)));

/** Whether there is nobody to take over. */
export const isOnlyOne = (world: SpeakerWorld): boolean =>
  world.speakers.filter(({ power }) => power === "running").length < 2;

/** All run, the link is whole, and everybody has had time to agree. */
export const repair = (world: SpeakerWorld): void => {
  world.heal();
  world.quality = FAIR_LINK;
  world.isApiAway = false;
  world.isBfdBlocked = false;
  for (const speaker of world.speakers) {
    speaker.thaw();
    world.start(speaker);
  }
  world.speakApi(millis(500));
  world.run(SETTLED);
};

/** The same, and each has what it is preferred for. */
export const mend = (world: SpeakerWorld): void => {
  repair(world);
  expectAgreement(world, "mended");
};

/** All start one after another, as a cluster does that was switched on: each address is taken once, by its first candidate. */
export const startAll = (world: SpeakerWorld): void => {
  world.watch();
  for (const speaker of world.speakers) {
    world.start(speaker);
    world.run(micros(world.random() * millis(300)));
  }
  world.run(SETTLED);
  for (const { address: each } of world.placements) {
    const { several, changes } = world.account(each);
    assert.deepEqual({ several, changes }, { several: 0, changes: 1 }, `${each} is taken once`);
  }
  expectAgreement(world, "started");
};

/** What a test does to a world, and what it expects of it. */
export type Fault = (world: SpeakerWorld) => void;

/** What was measured in all histories. */
export const printFigures = (): void => {
  for (const [what, durations] of measured) {
    const sorted = durations.toSorted((a, b) => a - b);
    const at = (share: number) =>
      formatDuration(micros(sorted[Math.floor(share * (sorted.length - 1))] ?? 0));
    console.log(`${what}: ${sorted.length} times, median ${at(0.5)}, p99 ${at(0.99)}, longest ${at(1)}`);
  }
};
