/** Speakers with too little processor time: what they hold moves, but does not go on moving because of that. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { millis, seconds } from "#base/time";
import { FAIR_LINK } from "#testing/speaker-history";
import { SpeakerWorld } from "#testing/speaker-world";
import { manyPlacements, type Starvation, starve } from "#testing/starvation";
import { DEFAULT_OWNERSHIP } from "./config.ts";

const ADDRESSES = 20;
const MINUTE = seconds(60);
/** Some standstills are just long enough to be noticed. */
const SHORT: Starvation = { runs: [millis(50), millis(200)], stands: [millis(100), millis(260)] };
const LONG: Starvation = { runs: [millis(50), millis(200)], stands: [millis(100), millis(500)] };

/** Nodes that hold what they are preferred for. */
const worldWith = (nodes: number, seed: number): SpeakerWorld => {
  const plan = {
    ...{ seed, nodes, placements: manyPlacements(seed, nodes, ADDRESSES), config: DEFAULT_OWNERSHIP },
    ...{ hasGateway: true, drift: 0, api: "present" as const },
  };
  const world = new SpeakerWorld(plan, FAIR_LINK);
  for (const speaker of world.speakers) world.start(speaker);
  world.run(seconds(30));
  return world;
};

/** How often anybody began or ceased to answer for an address while `act` ran; a standstill counts twice. */
const movesWhile = (world: SpeakerWorld, act: () => void): number => {
  world.watch();
  act();
  return world.placements.reduce((sum, { address }) => sum + world.account(address).changes, 0);
};

const expectRest = (world: SpeakerWorld): void => {
  world.run(seconds(5));
  for (const { address } of world.placements) assert.equal(world.holders(address).length, 1, address);
  assert.equal(
    movesWhile(world, () => world.run(seconds(10))),
    0,
    "nothing moves any more",
  );
};

describe("speakers that stand still again and again", () => {
  for (const nodes of [2, 3, 4]) {
    for (const [what, starvation] of [
      ["short", SHORT],
      ["long", LONG],
    ] as const) {
      it(`lose what they hold to the others, once it is clear: one of ${nodes}, ${what} standstills`, () => {
        for (const seed of [1, 2]) {
          const world = worldWith(nodes, seed);
          const starveFor = () => starve(world, ["node-0"], starvation, MINUTE);
          const first = movesWhile(world, starveFor);
          assert.ok(first <= 10 * ADDRESSES, `${first} moves in the first minute`);
          assert.equal(movesWhile(world, starveFor), 0, "moves in the second minute");
          expectRest(world);
        }
      });
    }
  }

  it("do not move all without end where all do, and are at rest soon after", () => {
    for (const nodes of [2, 3, 4]) {
      const world = worldWith(nodes, 1);
      const names = world.speakers.map(({ name }) => name);
      starve(world, names, SHORT, MINUTE);
      const moves = movesWhile(world, () => starve(world, names, SHORT, MINUTE));
      assert.ok(moves <= 100 * ADDRESSES, `${moves} moves in the second minute`);
      expectRest(world);
    }
  });
});
