import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { after, type Duration, instant, micros, millis } from "#base/time";
import type { ActiveState, BackupState, Obstacle, State } from "#core/vrrp/state";
import { Clock } from "#testing/clock";
import { Network } from "#testing/network";
import { integerBetween, pick, type Random, seededRandom } from "#testing/random";
import { type SimulatedPacket, SimulatedRouter } from "#testing/simulated-router";
import { address, virtualRouter } from "#testing/values";
import { plan } from "./sync-group.ts";

const OURS = address("192.0.2.1");
const backup: BackupState = {
  name: "backup",
  priority: 100,
  address: OURS,
  activeAdverInterval: millis(100),
  activeDownAt: instant(1),
  expectation: "silence",
  preemptAt: undefined,
  willing: false,
};
const willing: BackupState = { ...backup, willing: true };
const active: ActiveState = {
  name: "active",
  priority: 100,
  address: OURS,
  adverAt: instant(1),
  sentAt: instant(0),
};
const initialize = (...obstacles: readonly Obstacle[]): State => ({
  name: "initialize",
  priority: 100,
  address: OURS,
  obstacles,
});
const held = initialize("group-fault");
const faulty = initialize("tracking-fault");

/** The commands as `ROUTER COMMAND`, for members a, b, c. */
const planned = (...states: readonly State[]): readonly string[] =>
  plan(states.map((machine, index) => ({ router: "abc".charAt(index), machine }))).map(
    ({ router, command }) => `${router} ${command}`,
  );

describe("a sync group", () => {
  const rows: readonly (readonly [string, readonly State[], readonly string[]])[] = [
    ["rests while all are backups", [backup, backup], []],
    ["rests while all are active", [active, active], []],
    ["waits until all want to be active", [willing, backup, willing], []],
    ["becomes active when all want to", [willing, willing], ["a become-active", "b become-active"]],
    ["completes what is active in part", [active, willing], ["b become-active"]],
    ["steps down when one member yields", [active, backup, active], ["a step-down", "c step-down"]],
    ["leaves when one member has a fault", [active, faulty, backup], ["a hold", "c hold"]],
    ["leaves when one member is not started", [active, initialize("not-started")], ["a hold"]],
    ["waits until the last fault is over", [held, faulty], []],
    ["waits for a held member with a fault of its own", [held, initialize("group-fault", "no-address")], []],
    ["is released when no fault is left", [held, backup, held], ["a release", "c release"]],
    ["holds a member that recovers before the others", [backup, faulty, held], ["a hold"]],
  ];
  for (const [what, states, commands] of rows) {
    it(what, () => assert.deepEqual(planned(...states), commands));
  }
});

/** A host with one router on each of two links, both in one sync group. */
class Host {
  readonly routers: readonly SimulatedRouter[];
  #planning = false;

  constructor(node: number, priority: number, clock: Clock, links: readonly Network<SimulatedPacket>[]) {
    const config = virtualRouter({ priority, advertisementInterval: millis(100), syncGroup: "gateway" });
    const host = { node, address: address(`192.0.2.${node + 1}`), config, clockRate: 1 };
    this.routers = links.map((link) => new SimulatedRouter(host, clock, link));
    for (const router of this.routers) router.onStep = () => this.#coordinate();
  }

  get active(): number {
    return this.routers.filter((router) => router.active).length;
  }

  #coordinate(): void {
    if (this.#planning || !this.routers.every((router) => router.running)) return;
    this.#planning = true;
    for (let round = 0; ; round += 1) {
      assert.ok(round < 4, "the plan comes to rest");
      const members = this.routers.map((router, index) => ({
        router: `${index}`,
        machine: router.state.machine,
      }));
      const commands = plan(members);
      if (commands.length === 0) break;
      for (const { router, command } of commands) {
        this.routers[Number(router)]?.input({ type: "group", command });
      }
    }
    this.#planning = false;
    assert.ok(this.active === 0 || this.active === this.routers.length, "all or none are active");
  }
}

const trouble = (random: Random, router: SimulatedRouter, link: Network<SimulatedPacket>): void => {
  const choice = integerBetween(random, 0, 4);
  if (choice === 0) router.input({ type: "tracking", standing: { type: "fault" } });
  else if (choice <= 2) {
    const { priority } = router.host.config;
    router.input({ type: "tracking", standing: { type: "able", priority } });
  } else if (choice === 3) link.partition((node) => node % 2);
  else link.heal();
};

const settle = (
  random: Random,
  clock: Clock,
  links: readonly Network<SimulatedPacket>[],
  hosts: readonly Host[],
) => {
  const run = (duration: Duration): void => clock.advanceTo(after(clock.now, duration));
  const [first, second] = links;
  const [host, ...others] = hosts;
  assert.ok(first !== undefined && second !== undefined && host !== undefined);
  for (const each of hosts) for (const router of each.routers) router.start();
  for (let count = 0; count < 30; count += 1) {
    const [outer, inner] = pick(random, [host, ...others]).routers;
    assert.ok(outer !== undefined && inner !== undefined);
    trouble(random, pick(random, [outer, inner]), pick(random, [first, second]));
    run(micros(random() * 300_000));
  }
  for (const link of links) link.heal();
  for (const { routers } of hosts) {
    for (const router of routers) {
      router.input({ type: "tracking", standing: { type: "able", priority: router.host.config.priority } });
    }
  }
  run(millis(2_000));
};

it("moves whole groups between hosts, and ends with the best one on every link", () => {
  for (let seed = 0; seed < 150; seed += 1) {
    const random = seededRandom(seed);
    const clock = new Clock();
    const links = [new Network<SimulatedPacket>(clock, seed), new Network<SimulatedPacket>(clock, seed + 1)];
    const count = integerBetween(random, 2, 4);
    const hosts = Array.from({ length: count }, (_, node) => new Host(node, 100 + 10 * node, clock, links));
    try {
      settle(random, clock, links, hosts);
      assert.deepEqual(
        hosts.map((host) => host.active),
        hosts.map((_, node) => (node === count - 1 ? 2 : 0)),
      );
    } catch (cause) {
      throw new Error(`seed ${seed}`, { cause });
    }
  }
});
