/**
 * Seeded runs of two systems on a bad path. To repeat a failing run: `SEED=<n> node --test src/core/bfd/simulation.test.ts`.
 */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import {
  after,
  between,
  type Duration,
  formatDuration,
  type Instant,
  micros,
  millis,
  seconds,
} from "#base/time";
import { BfdSystem, bfdSession } from "#testing/bfd-system";
import { Clock } from "#testing/clock";
import { integerBetween, pick, type Random, seededRandom } from "#testing/random";
import { address } from "#testing/values";
import { AUTHENTICATION_TYPES, type Authentication } from "./authentication.ts";
import type { SessionConfig } from "./config.ts";
import { detectionTime } from "./timing.ts";

const SEEDS =
  process.env.SEED === undefined ? Array.from({ length: 200 }, (_, n) => n) : [Number(process.env.SEED)];
const MAXIMUM_DRIFT = 0.005;
const LATENESS = millis(4);
const MAXIMUM_DELAY = millis(8);

const authenticationOf = (random: Random): Authentication | undefined =>
  random() < 0.4
    ? undefined
    : { type: pick(random, AUTHENTICATION_TYPES), keys: [{ id: 1, secret: new Uint8Array(12).fill(7) }] };

/** A multiplier that tolerates a loss, and intervals well above what delays and late timers add up to. */
const timesOf = (random: Random): Partial<SessionConfig> => ({
  desiredMinTxInterval: millis(integerBetween(random, 50, 300)),
  requiredMinRxInterval: millis(integerBetween(random, 50, 300)),
  detectMultiplier: integerBetween(random, 3, 5),
});

class World {
  readonly clock = new Clock();
  readonly random: Random;
  readonly one: BfdSystem;
  readonly two: BfdSystem;
  /** Since when both have been up together; `undefined` while they are not. */
  bothUpSince: Instant | undefined;

  constructor(seed: number) {
    this.random = seededRandom(seed);
    const authentication = authenticationOf(this.random);
    const [left, right] = [address("192.0.2.1"), address("192.0.2.2")];
    const passive = this.random() < 0.2;
    this.one = this.#system(bfdSession(right, left, { ...timesOf(this.random), authentication }));
    const role = passive ? "passive" : "active";
    this.two = this.#system(bfdSession(left, right, { ...timesOf(this.random), authentication, role }));
    this.one.connect(this.two);
    for (const system of this.both) system.onStep = () => this.#account();
  }

  get both(): readonly [BfdSystem, BfdSystem] {
    return [this.one, this.two];
  }

  #system(config: SessionConfig): BfdSystem {
    const clockRate = 1 + (this.random() * 2 - 1) * MAXIMUM_DRIFT;
    return new BfdSystem({ config, clockRate, lateness: LATENESS }, this.clock, this.random);
  }

  #account(): void {
    const areUp = this.one.isUp && this.two.isUp;
    this.bothUpSince = areUp ? (this.bothUpSince ?? this.clock.now) : undefined;
  }

  run(duration: Duration): void {
    this.clock.advanceTo(after(this.clock.now, duration));
  }

  /** A path that delays and, up to `inARow` times in a row, loses with this probability. */
  weather({ loss, inARow, delay = MAXIMUM_DELAY }: { loss: number; inARow: number; delay?: Duration }): void {
    for (const { out } of this.both) {
      let lost = 0;
      out.minimumDelay = micros(50);
      out.maximumDelay = delay;
      out.loses = () => {
        lost = this.random() < loss && lost < inARow ? lost + 1 : 0;
        return lost > 0;
      };
    }
  }

  /** The longest that coming up may take: old times, forgotten numbers, and two slow packets of either side. */
  get comingUp(): Duration {
    const slowest =
      Math.max(...this.both.map(({ options: { config } }) => config.detectMultiplier)) * 1_000_000;
    return micros((3 * slowest + 4_000_000) * (1 + 2 * MAXIMUM_DRIFT));
  }

  get leastMultiplier(): number {
    return Math.min(...this.both.map(({ options: { config } }) => config.detectMultiplier));
  }

  bringUp(): void {
    for (const system of this.both) {
      system.thaw();
      system.start();
      system.input("return");
    }
    this.run(this.comingUp);
    assert.ok(this.bothUpSince !== undefined, `both up: ${this.one.state?.name} and ${this.two.state?.name}`);
    // The intervals that only confirmed polls bring.
    this.run(seconds(2));
    for (const system of this.both) system.happenings = [];
  }
}

const eachSeed = (test: (world: World) => void): void => {
  for (const seed of SEEDS) {
    try {
      test(new World(seed));
    } catch (cause) {
      throw new Error(`SEED=${seed}`, { cause });
    }
  }
};

const FINE = { loss: 0, inARow: 0 };

type Trouble = (world: World, system: BfdSystem) => void;
const TROUBLES: readonly [Trouble, ...Trouble[]] = [
  (_, system) => system.start(),
  (_, system) => system.crash(),
  (_, system) => system.freeze(),
  (_, system) => system.thaw(),
  (_, system) => system.input("leave"),
  (_, system) => system.input("return"),
  (_, system) => {
    system.out.loses = () => true;
  },
  (world) => world.weather({ loss: 0.4, inARow: 100, delay: millis(400) }),
  (world) => world.weather(FINE),
];

/** The detection time of a system, and what clocks, delays and late timers may add to it. */
const detectionBound = (system: BfdSystem): Duration => {
  const silence = (system.state && detectionTime(system.state)) ?? assert.fail("no detection time");
  return micros(silence * (1 + 2 * MAXIMUM_DRIFT) + MAXIMUM_DELAY + LATENESS + 2);
};

const within = (measured: Duration, bound: Duration, what: string): void =>
  assert.ok(measured <= bound, `${what}: ${formatDuration(measured)} > ${formatDuration(bound)}`);

describe(`simulation of ${SEEDS.length} seeds`, () => {
  it("comes up after whatever happened", () => {
    eachSeed((world) => {
      for (let count = 0; count < 40; count += 1) {
        pick(world.random, TROUBLES)(world, pick(world.random, world.both));
        world.run(micros(world.random() * 2_000_000));
      }
      world.weather(FINE);
      world.bringUp();
    });
  });

  it("detects a death no later than its detection time after the last packet, and no earlier", () => {
    eachSeed((world) => {
      world.weather(FINE);
      for (const system of world.both) system.start();
      world.bringUp();
      world.run(micros(world.random() * 1_000_000));
      const bound = detectionBound(world.one);
      const [silence, start] = [bound - MAXIMUM_DELAY - LATENESS - 2, world.clock.now];
      if (world.random() < 0.5) world.two.crash();
      else world.two.freeze();
      world.run(micros(2 * bound));
      const [happening, ...more] = world.one.happenings;
      assert.deepEqual(
        [happening?.event, more],
        [{ type: "down", reason: "detection-time-expired", remoteDiagnostic: undefined }, []],
      );
      assert.ok(happening);
      within(between(start, happening.at), bound, "detected");
      const heardFor = between(world.one.deliveredAt, happening.at);
      const least = micros(silence * (1 - 4 * MAXIMUM_DRIFT));
      assert.ok(heardFor >= least, `${formatDuration(heardFor)} is less than ${formatDuration(least)}`);
    });
  });

  it("is up on neither side for long when one direction is dead, and not again before it works", () => {
    eachSeed((world) => {
      world.weather({ loss: 0.1, inARow: 1 });
      for (const system of world.both) system.start();
      world.bringUp();
      const [deaf, other] = world.random() < 0.5 ? world.both : [world.two, world.one];
      const bound = detectionBound(deaf);
      const both = micros(bound + detectionBound(other));
      other.out.loses = () => true;
      world.run(bound);
      assert.equal(deaf.happenings[0]?.event.type, "down");
      world.run(micros(both - bound));
      assert.ok(!world.one.isUp && !world.two.isUp, "neither is up");
      const [told] = other.happenings;
      assert.ok(told?.event.type === "down");
      if (told.event.reason === "neighbour-signalled-down") {
        assert.equal(told.event.remoteDiagnostic, "detection-time-expired");
      }
      for (let looks = 0; looks < 100; looks += 1) {
        world.run(millis(100));
        assert.ok(!deaf.isUp && !other.isUp, "neither is up again");
      }
      world.weather(FINE);
      world.bringUp();
    });
  });

  it("stays up while fewer packets are lost in a row than the multiplier tolerates", () => {
    eachSeed((world) => {
      world.weather(FINE);
      for (const system of world.both) system.start();
      world.bringUp();
      world.weather({ loss: 0.6, inARow: world.leastMultiplier - 2 });
      world.run(seconds(60));
      assert.deepEqual(
        world.both.map(({ happenings }) => happenings),
        [[], []],
      );
    });
  });

  it("sees who leaves as leaving, not as dead, when fewer packets are lost than that", () => {
    eachSeed((world) => {
      world.weather(FINE);
      for (const system of world.both) system.start();
      world.bringUp();
      world.weather({ loss: 0.6, inARow: world.leastMultiplier - 2 });
      world.run(seconds(5));
      world.one.input("leave");
      const before = world.clock.now;
      const bound = detectionBound(world.two);
      world.run(seconds(5));
      const [happening, ...more] = world.two.happenings;
      assert.deepEqual(
        [happening?.event, more],
        [{ type: "leaving", remoteDiagnostic: "administratively-down" }, []],
      );
      assert.ok(happening);
      within(between(before, happening.at), bound, "told");
      world.one.crash();
      world.run(world.comingUp);
      assert.deepEqual(world.two.happenings.at(-1)?.event, { type: "silent" });
    });
  });

  it("hears a peer again that died and began anew, within a detection time and a second, authenticated or not", () => {
    eachSeed((world) => {
      world.weather(FINE);
      for (const system of world.both) system.start();
      world.bringUp();
      const detection = micros(detectionBound(world.one) + detectionBound(world.two));
      world.two.crash();
      world.run(micros(world.random() * 2 * detection));
      world.two.start();
      world.run(micros(detection + (1_000_000 + 8 * MAXIMUM_DELAY) * (1 + MAXIMUM_DRIFT)));
      assert.ok(world.bothUpSince !== undefined, `${world.one.state?.name} and ${world.two.state?.name}`);
    });
  });
});
