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
const RUNS: Starvation["runs"] = [millis(50), millis(200)];
/** The longest standstills: just long enough to be noticed, and longer than the first or the second patience. */
const LONGEST = [260, 500, 1_500] as const;
const upTo = (longest: number): Starvation => ({ runs: RUNS, stands: [millis(100), millis(longest)] });

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

/** How often anybody began to answer for an address while `act` ran. */
const movesWhile = (world: SpeakerWorld, act: () => void): number => {
  world.watch();
  act();
  return world.takes;
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
    for (const longest of LONGEST) {
      for (const who of ["one", "all"] as const) {
        it(`move nothing after the first minute: ${who} of ${nodes}, for up to ${longest} ms`, () => {
          for (const seed of [1, 2]) {
            const world = worldWith(nodes, seed);
            const names = who === "one" ? ["node-0"] : world.speakers.map(({ name }) => name);
            const starveFor = () => starve(world, names, upTo(longest), MINUTE);
            const first = movesWhile(world, starveFor);
            assert.ok(first <= 10 * ADDRESSES, `${first} moves in the first minute`);
            for (let minute = 2; minute <= 4; minute += 1)
              assert.equal(movesWhile(world, starveFor), 0, `moves in minute ${minute}`);
            expectRest(world);
          }
        });
      }
    }
  }

  it("are replaced as soon as the patience that they asked for is over, by one", () => {
    for (const longest of LONGEST) {
      const world = worldWith(3, 1);
      starve(world, ["node-0", "node-1", "node-2"], upTo(longest), MINUTE);
      world.run(seconds(5));
      const holds = (name: string): number =>
        world.placements.filter(({ address }) => world.holders(address).includes(name)).length;
      const victim = world.speakers.reduce((one, other) =>
        holds(other.name) > holds(one.name) ? other : one,
      );
      const lost = world.placements.filter(({ address }) => world.holders(address).includes(victim.name));
      assert.ok(lost.length > 0 && victim.ownership.asksPatience, `${victim.name} asks for patience`);
      world.watch();
      victim.crash();
      world.run(seconds(5));
      for (const { address } of lost) {
        const { none, several } = world.account(address);
        assert.ok(none > millis(500) && none <= millis(3_300), `nobody for ${none} us`);
        assert.equal(several, 0);
      }
    }
  });
});
