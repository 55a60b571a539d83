/**
 * Seeded runs of two speakers that talk to each other over connections that are slow, break and fall silent. Each run has a time of
 * troubles, then the promises below must hold. To repeat a failing run: `SEED=<n> node --test src/core/bgp/session/simulation.test.ts`.
 */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { after, type Duration, micros, millis, seconds } from "#base/time";
import { BgpEnd } from "#testing/bgp-end";
import { routerId, sessionConfig } from "#testing/bgp-session";
import { Clock } from "#testing/clock";
import { pick, type Random, seededRandom } from "#testing/random";
import { SimulatedTcp } from "#testing/simulated-tcp";
import type { SessionConfig } from "./config.ts";
import { STOP_REASONS } from "./input.ts";

const SEEDS =
  process.env.SEED === undefined ? Array.from({ length: 300 }, (_, n) => n) : [Number(process.env.SEED)];

class World {
  readonly clock = new Clock();
  readonly random: Random;
  readonly network: SimulatedTcp<Uint8Array>;
  readonly one: BgpEnd;
  readonly two: BgpEnd;

  constructor(seed: number, same: Partial<SessionConfig> = {}) {
    this.random = seededRandom(seed);
    this.network = new SimulatedTcp(this.clock, seededRandom(seed + 1_000_000));
    const [one, two] = configs(this.random, same);
    this.one = this.#end(1, 2, one, seed + 2_000_000);
    this.two = this.#end(2, 1, two, seed + 3_000_000);
    this.slow(millis(5));
  }

  #end(host: number, peer: number, config: SessionConfig, seed: number): BgpEnd {
    return new BgpEnd(host, config, { peer, network: this.network, random: seededRandom(seed) });
  }

  get both(): readonly [BgpEnd, BgpEnd] {
    return [this.one, this.two];
  }

  run(duration: Duration): void {
    this.clock.advanceTo(after(this.clock.now, duration));
  }

  slow(maximum: Duration): void {
    this.network.minimumDelay = micros(50);
    this.network.maximumDelay = maximum;
  }
}

/** Two speakers that fit: either may be the greater one, by router ID or, with the same one, by AS number. */
const configs = (random: Random, same: Partial<SessionConfig>): readonly [SessionConfig, SessionConfig] => {
  const isInternal = random() < 0.3;
  const asns = isInternal
    ? [64_512, 64_512]
    : pick(random, [
        [64_512, 64_513],
        [70_000, 64_512],
      ]);
  const ids = pick(random, [
    ["192.0.2.1", "192.0.2.2"],
    ["192.0.2.20", "192.0.2.3"],
    isInternal ? ["1.1.1.1", "2.2.2.2"] : ["192.0.2.1", "192.0.2.1"],
  ]);
  const config = (own: 0 | 1): SessionConfig =>
    sessionConfig({
      localAsn: asns[own] ?? 1,
      peerAsn: pick(random, [
        { type: "given", asn: asns[1 - own] ?? 1 },
        { type: isInternal ? "internal" : "external" },
      ]),
      routerId: routerId(ids[own] ?? ""),
      holdTime: pick(random, [seconds(9), seconds(30), seconds(90)]),
      connectRetryTime: pick(random, [seconds(5), seconds(20), seconds(120)]),
      gracefulRestart:
        random() < 0.5 ? { restartTime: seconds(120), survivesNotification: random() < 0.5 } : undefined,
      ...same,
    });
  const [one, two] = [config(0), config(1)];
  return random() < 0.15 ? [one, { ...two, role: "passive", ...same }] : [one, two];
};

type Trouble = (world: World, end: BgpEnd) => void;
const TROUBLES: readonly [Trouble, ...Trouble[]] = [
  (_, end) => end.start(),
  (_, end) => end.start(),
  (_, end) => end.crash(),
  (_, end) => end.losePower(),
  (_, end) => end.freeze(),
  (_, end) => end.thaw(),
  (world, end) => end.stop(pick(world.random, STOP_REASONS as unknown as [(typeof STOP_REASONS)[0]])),
  (_, end) => end.begin(),
  (_, end) => end.begin(),
  (_, end) => end.input({ type: "bfd", status: "down" }),
  (_, end) => end.input({ type: "bfd", status: "up" }),
  (_, end) => end.input({ type: "restart-over" }),
  (world) => {
    world.network.isCut = true;
  },
  (world) => {
    world.network.isCut = false;
  },
  (world) => breakOne(world),
  (world) => breakOne(world),
  (world) => world.slow(pick(world.random, [micros(60), millis(5), millis(400), seconds(3)])),
];

const breakOne = ({ network, random }: World): void => {
  const [first, ...others] = network.open;
  if (first !== undefined) pick(random, [first, ...others]).break();
};

/** Sixty troubles, close together or far apart, then a network and two speakers that are well. */
const trouble = (world: World): void => {
  for (let count = 0; count < 60; count += 1) {
    pick(world.random, TROUBLES)(world, pick(world.random, world.both));
    world.run(micros(world.random() ** 4 * 60_000_000));
  }
  heal(world);
};

const heal = (world: World): void => {
  world.network.isCut = false;
  world.slow(millis(5));
  for (const end of world.both) {
    end.thaw();
    end.start();
    end.begin();
  }
};

/** The longest rest, what was left open for an OPEN that never comes, and attempts after both. */
const SETTLED = seconds(240 + 2 * 120 + 2 * 120);

const expectOneSession = ({ one, two, network }: World): void => {
  const [here, there] = [one.established, two.established];
  assert.ok(here !== undefined && there !== undefined, `established: ${one.name}, ${two.name}`);
  assert.ok(here.isOtherEndOf(there), "on the same connection");
  assert.deepEqual([one.connections.length, two.connections.length], [1, 1]);
  assert.equal(network.open.length, 2, "nothing else is open");
};

const eachSeed = (test: (world: World) => void, same: Partial<SessionConfig> = {}): void => {
  for (const seed of SEEDS) {
    const world = new World(seed, same);
    try {
      test(world);
    } catch (cause) {
      const logs = world.both.map(({ log }) => log.slice(-30).join("\n")).join("\n\n");
      throw new Error(`SEED=${seed}\n${logs}`, { cause });
    }
  }
};

describe(`simulation of ${SEEDS.length} seeds`, () => {
  it("has exactly one session after whatever happened, on one connection, and it stays", () => {
    eachSeed((world) => {
      trouble(world);
      world.run(SETTLED);
      expectOneSession(world);
      const before = world.both.map(({ ups, downs }) => [ups, downs]);
      world.run(seconds(600));
      expectOneSession(world);
      assert.deepEqual(
        world.both.map(({ ups, downs }) => [ups, downs]),
        before,
      );
    });
  });

  it("has nothing left open when both are stopped in the middle of it", () => {
    eachSeed((world) => {
      trouble(world);
      world.run(micros(world.random() ** 2 * 20_000_000));
      const reason = pick(world.random, ["restart", "administrative-shutdown"] as const);
      for (const end of world.both) end.stop(reason);
      assert.deepEqual([world.one.connections, world.two.connections], [[], []]);
      world.run(seconds(60));
      assert.equal(world.network.open.length, 0);
      assert.deepEqual([world.one.name, world.two.name], ["idle", "idle"]);
    });
  });

  it("has one session at once when both connect at the same moment", () => {
    let collisions = 0;
    eachSeed(
      (world) => {
        const delay = pick(world.random, [micros(60), millis(5), millis(400)]);
        world.slow(delay);
        world.one.start();
        world.run(micros(world.random() * delay));
        world.two.start();
        world.run(micros(20 * delay));
        expectOneSession(world);
        collisions += world.both.filter(({ log }) => log.some((line) => line.includes("collision"))).length;
      },
      { role: "active" },
    );
    assert.ok(process.env.SEED !== undefined || collisions > SEEDS.length / 4, `${collisions} collisions`);
  });

  it("takes a peer back at once that restarts gracefully after it has lost power, and never heard that its connection is gone", () => {
    let replaced = 0;
    eachSeed(
      (world) => {
        for (const end of world.both) end.start();
        world.run(seconds(10));
        expectOneSession(world);
        world.two.losePower();
        world.run(micros(10_000 + world.random() * 2_000_000));
        world.two.start();
        world.run(seconds(1));
        expectOneSession(world);
        replaced += world.one.log.filter((line) => line.includes("down (replaced)")).length;
      },
      {
        role: "active",
        holdTime: seconds(90),
        gracefulRestart: { restartTime: seconds(120), survivesNotification: true },
      },
    );
    assert.equal(replaced, SEEDS.length);
  });

  it("takes it back after the hold time at the latest when it does not restart gracefully", () => {
    eachSeed(
      (world) => {
        for (const end of world.both) end.start();
        world.run(seconds(10));
        world.two.losePower();
        world.run(micros(10_000 + world.random() * 2_000_000));
        world.two.start();
        world.run(seconds(9 + 2 * 20 + 2));
        expectOneSession(world);
      },
      {
        ...{ role: "active", holdTime: seconds(9), connectRetryTime: seconds(20) },
        gracefulRestart: undefined,
      },
    );
  });

  it("has a session again within two seconds after a program ends to come back", () => {
    eachSeed((world) => {
      for (const end of world.both) end.start();
      world.run(seconds(130));
      expectOneSession(world);
      world.one.stop("restart");
      world.one.crash();
      world.run(millis(500));
      world.one.start();
      world.run(seconds(2));
      expectOneSession(world);
    });
  });
});
