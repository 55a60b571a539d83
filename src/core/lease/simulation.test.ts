/** Tries to make two leaders: lost and late answers, frozen and killed replicas, clocks that drift and jump. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { after, type Duration, type Instant, instant, micros, millis, seconds } from "#base/time";
import { type Cancel, Clock } from "#testing/clock";
import { integerBetween, type Random, seededRandom } from "#testing/random";
import { DEFAULT_LEASE_TIMES, type LeaseConfig } from "./config.ts";
import { deadline, initialState, leads, step } from "./machine.ts";
import { type LeaseClaim, parseLease, renderLease } from "./record.ts";
import type { Effect, Input, State } from "./state.ts";

/** How bad requests fare. */
type Weather = { readonly loss: number; readonly slowest: Duration };
const FINE: Weather = { loss: 0, slowest: millis(50) };

/** An API server with one Lease. */
class Server {
  object: unknown;
  #version = 0;

  store(before: unknown, claim: LeaseClaim): unknown {
    // The times written are nonsense on purpose: nobody may care.
    const microTime = `${this.#version}`;
    const object = renderLease({ before, namespace: "lb", name: "controller", claim, microTime });
    this.#version += 1;
    assert.ok(typeof object === "object" && object !== null && "metadata" in object);
    this.object = {
      ...object,
      metadata: { ...Object(object.metadata), resourceVersion: `${this.#version}` },
    };
    return this.object;
  }

  answer(effect: Extract<Effect, { attempt: number }>): Input {
    const { attempt } = effect;
    const record = parseLease(this.object);
    if (effect.type === "read") {
      const result = record === undefined ? { type: "absent" as const } : { type: "found" as const, record };
      return { type: "read-result", attempt, result };
    }
    const known = effect.type === "update" ? effect.resourceVersion : undefined;
    if (record?.resourceVersion !== known)
      return { type: "write-result", attempt, result: { type: "conflict" } };
    const written = parseLease(this.store(this.object, effect.claim));
    assert.ok(written);
    return { type: "write-result", attempt, result: { type: "written", record: written } };
  }
}

type Power = "running" | "frozen" | "off";

/** One replica, with a clock of its own. */
class Replica {
  readonly #world: World;
  readonly #config: LeaseConfig;
  readonly #rate: number;
  readonly #offset: number;
  #state: State | undefined;
  #queue: Input[] = [];
  #cancel: Cancel = () => undefined;
  power: Power = "off";
  hasStopped = false;

  constructor(world: World, config: LeaseConfig, { rate, offset }: { rate: number; offset: number }) {
    this.#world = world;
    this.#config = config;
    this.#rate = rate;
    this.#offset = offset;
  }

  get #now(): Instant {
    return instant(this.#world.clock.now * this.#rate + this.#offset);
  }

  /** Whether it would do now what only the leader may do. */
  get leads(): boolean {
    return this.power === "running" && this.#state !== undefined && leads(this.#state, this.#now);
  }

  start(): void {
    this.power = "running";
    this.hasStopped = false;
    this.#queue = [];
    this.#state = initialState(this.#now);
    this.input({ type: "timer" });
  }

  kill(): void {
    this.power = "off";
    this.#cancel();
  }

  freeze(): void {
    if (this.power === "running") this.power = "frozen";
  }

  thaw(): void {
    if (this.power !== "frozen") return;
    this.power = "running";
    this.#world.check();
    const queue = this.#queue;
    this.#queue = [];
    if (this.#world.random() < 0.5) this.input({ type: "timer" });
    for (const each of queue) this.input(each);
    this.input({ type: "timer" });
  }

  input(input: Input): void {
    if (this.power === "frozen") this.#queue.push(input);
    if (this.power !== "running" || this.#state === undefined) return;
    const { state, effects } = step(this.#config, this.#state, input, this.#now);
    this.#state = state;
    for (const effect of effects) {
      if (effect.type === "stopped") this.hasStopped = true;
      if ("attempt" in effect) this.#world.send(this, effect);
    }
    this.#cancel();
    const due = deadline(this.#config, state);
    if (due !== undefined) {
      const at = instant(Math.ceil((due - this.#offset) / this.#rate));
      const late = micros(integerBetween(this.#world.random, 0, 20_000));
      const { clock } = this.#world;
      const wake = instant(Math.max(after(at, late), clock.now + 1));
      this.#cancel = clock.schedule(wake, () => this.input({ type: "timer" }));
    }
    this.#world.check();
  }
}

class World {
  readonly clock = new Clock();
  readonly random: Random;
  readonly server = new Server();
  /** When the Lease was written last. */
  writtenAt: Instant = instant(0);
  readonly replicas: readonly Replica[];
  weather: Weather = FINE;

  constructor(seed: number, { count = 3, drift = 0.04 }: { count?: number; drift?: number } = {}) {
    this.random = seededRandom(seed);
    this.replicas = Array.from({ length: count }, (_, index) => {
      const rate = 1 - drift + 2 * drift * this.random();
      const offset = integerBetween(this.random, 0, 1_000_000_000);
      return new Replica(this, { ...DEFAULT_LEASE_TIMES, identity: `r${index}` }, { rate, offset });
    });
  }

  get leaders(): readonly number[] {
    return [...this.replicas.keys()].filter((index) => this.replicas[index]?.leads === true);
  }

  check(): void {
    assert.ok(this.leaders.length <= 1, `two leaders at ${this.clock.now}: ${this.leaders}`);
  }

  send(replica: Replica, effect: Extract<Effect, { attempt: number }>): void {
    const delay = () => micros(integerBetween(this.random, 100, this.weather.slowest));
    if (this.random() < this.weather.loss) return;
    this.clock.schedule(after(this.clock.now, delay()), () => {
      const before = this.server.object;
      const answer = this.server.answer(effect);
      if (this.server.object !== before) this.writtenAt = this.clock.now;
      if (this.random() < this.weather.loss) return;
      this.clock.schedule(after(this.clock.now, delay()), () => replica.input(answer));
    });
  }

  pass(duration: Duration): void {
    this.clock.advanceTo(after(this.clock.now, duration));
  }

  /** How long it takes until one leads, looked at in steps of 50 ms. */
  untilLed(): Duration {
    const start = this.clock.now;
    while (this.leaders.length === 0) {
      assert.ok(this.clock.now - start < seconds(120), "nobody leads");
      this.pass(millis(50));
    }
    return (this.clock.now - start) as Duration;
  }

  get leader(): Replica {
    return this.replicas[this.leaders[0] ?? -1] ?? assert.fail("nobody leads");
  }

  /** Something bad, drawn at random. */
  mishap(): void {
    const replica = this.replicas[integerBetween(this.random, 0, this.replicas.length - 1)];
    assert.ok(replica);
    const kind = this.random();
    if (kind < 0.15) replica.kill();
    else if (kind < 0.4 && replica.power === "off") replica.start();
    else if (kind < 0.6) replica.freeze();
    else if (kind < 0.85) replica.thaw();
    else if (kind < 0.9) replica.input({ type: "stop" });
    else this.weather = { loss: this.random() * 0.5, slowest: millis(50 + 6_000 * this.random() ** 3) };
  }
}

/** The longest a change of leader may take: the duration by a slow clock, one look, and requests on the way. */
const TAKEOVER = seconds(15 * 1.05 + 2.2 + 1);
const SEEDS = 300;

describe("leader election, simulated", () => {
  it("has one leader at most, whatever happens, and one again when all is well", () => {
    for (let seed = 1; seed <= SEEDS; seed += 1) {
      const world = new World(seed);
      try {
        for (const replica of world.replicas) replica.start();
        for (let mishaps = 0; mishaps < 60; mishaps += 1) {
          world.pass(micros(integerBetween(world.random, 1_000, 12_000_000)));
          world.mishap();
        }
        world.weather = FINE;
        for (const replica of world.replicas) {
          replica.thaw();
          replica.kill();
          replica.start();
        }
        const took = world.untilLed();
        assert.ok(took <= TAKEOVER + seconds(4), `took ${took}`);
        world.pass(seconds(60));
        assert.equal(world.leaders.length, 1);
      } catch (error) {
        throw new Error(`seed ${seed}`, { cause: error });
      }
    }
  });

  it("moves within lease duration and retry period after the leader was killed or frozen", () => {
    for (let seed = 1; seed <= 100; seed += 1) {
      const world = new World(seed);
      for (const replica of world.replicas) replica.start();
      world.untilLed();
      world.pass(micros(integerBetween(world.random, 5_000_000, 30_000_000)));
      const before = world.leader;
      if (seed % 2 === 0) before.kill();
      else before.freeze();
      const took = world.untilLed();
      assert.ok(took <= TAKEOVER, `seed ${seed}: took ${took}`);
      before.thaw();
      world.pass(seconds(60));
      assert.equal(world.leaders.length, 1);
      assert.notEqual(world.leader, before);
    }
  });

  it("moves a moment after the lease duration once those who follow know when renewals come", () => {
    for (let seed = 1; seed <= 100; seed += 1) {
      const world = new World(seed, { drift: 0.0001 });
      for (const replica of world.replicas) replica.start();
      world.untilLed();
      world.pass(micros(integerBetween(world.random, 60_000_000, 90_000_000)));
      world.leader.kill();
      const { writtenAt } = world;
      world.untilLed();
      const took = (world.clock.now - writtenAt) as Duration;
      // A tenth of the retry period, and three requests each way, two late timers and one step of the test on the way.
      assert.ok(took <= seconds(15) + millis(200 + 6 * 50 + 2 * 20 + 50), `seed ${seed}: took ${took}`);
    }
  });

  it("moves within one look after a clean stop", () => {
    for (let seed = 1; seed <= 100; seed += 1) {
      const world = new World(seed);
      for (const replica of world.replicas) replica.start();
      world.untilLed();
      world.pass(micros(integerBetween(world.random, 5_000_000, 30_000_000)));
      const before = world.leader;
      before.input({ type: "stop" });
      assert.equal(before.leads, false);
      const took = world.untilLed();
      assert.ok(took <= seconds(2.5), `seed ${seed}: took ${took}`);
      assert.ok(before.hasStopped);
    }
  });

  it("does not move while all is well, nor when a follower comes or goes", () => {
    const world = new World(7);
    for (const replica of world.replicas) replica.start();
    world.untilLed();
    const [before] = world.leaders;
    for (let round = 0; round < 50; round += 1) {
      const follower = world.replicas[((before ?? 0) + 1 + (round % 2)) % 3];
      follower?.kill();
      world.pass(seconds(7));
      follower?.start();
      world.pass(seconds(20));
      assert.deepEqual(world.leaders, [before]);
    }
  });

  it("would be caught here if the leader went on for longer than the Lease", () => {
    const careless: LeaseConfig = { ...DEFAULT_LEASE_TIMES, renewDeadline: seconds(40), identity: "r0" };
    const world = new World(1, { drift: 0 });
    const reckless = new Replica(world, careless, { rate: 1, offset: 0 });
    const replicas = [reckless, ...world.replicas.slice(1)];
    Object.assign(world, { replicas });
    for (const replica of replicas) replica.start();
    reckless.kill();
    world.pass(seconds(60));
    for (const replica of replicas.slice(1)) replica.input({ type: "stop" });
    reckless.start();
    world.untilLed();
    assert.ok(reckless.leads);
    for (const replica of replicas.slice(1)) replica.start();
    // Its requests get lost for good, the others' do not.
    const send = world.send.bind(world);
    world.send = (replica, effect) => (replica === reckless ? undefined : send(replica, effect));
    assert.throws(() => world.pass(seconds(40)), /two leaders/);
  });
});
