/**
 * Seeded histories of pools, reservations, conflicts and Services under a controller that hears late and whose writes get
 * lost. One that fails is saved in a file; `REPLAY=<file> node --test src/core/allocation/simulation.test.ts` plays it again
 * up to where the promise was broken, prints all of it, and says so when the history is another by now. `SEED=<n>` runs one
 * from a seed, and `HISTORIES=<n>` more of them than usual.
 */
import assert from "node:assert/strict";
import { rmSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { describe, it } from "node:test";
import { familyOf, type IpAddress } from "#base/address";
import { addressToNumber, holds } from "#core/ipam/block";
import { claimOf } from "#core/ipam/claim";
import { needOf } from "#core/ipam/need";
import type { AddressPool, IpamConfig } from "#core/ipam/pool";
import { requestOf } from "#core/ipam/request";
import { type ObjectKey, objectKey } from "#core/kubernetes/meta";
import type { Service } from "#core/service/service";
import { AllocationWorld, shown } from "#testing/allocation-world";
import { integerBetween, pick, type Random, seededRandom } from "#testing/random";
import { divergence, type Replay, readReplay, saveReplay } from "#testing/replay";
import { addressPool, ingressOf, loadBalancer } from "#testing/services";
import { address } from "#testing/values";

const { SEED, HISTORIES, REPLAY } = process.env;
const SIMULATION = "allocation";
const COUNT = Number(HISTORIES ?? 2_000);
const SEEDS = SEED === undefined ? Array.from({ length: COUNT }, (_, seed) => seed) : [Number(SEED)];

const BLOCKS = [
  "192.0.2.0/30",
  "192.0.2.4-192.0.2.6",
  "198.51.100.254-198.51.101.1",
  "2001:db8::/126",
  "2001:db8::4/127",
];
const SOME_ADDRESSES = ["192.0.2.1", "192.0.2.5", "198.51.100.255", "2001:db8::1", "203.0.113.1"] as const;

const chance = (random: Random, share: number): boolean => random() < share;

const anyPools = (random: Random): readonly AddressPool[] => {
  const pools = new Map<string, string[]>();
  for (const block of BLOCKS) {
    if (chance(random, 0.15)) continue;
    const name = pick(random, ["a", "b", "c"]);
    pools.set(name, [...(pools.get(name) ?? []), block]);
  }
  return [...pools].map(([name, blocks]) =>
    addressPool(name, blocks, {
      autoAssign: chance(random, 0.8),
      avoidBuggyIps: chance(random, 0.3),
      admission: chance(random, 0.4)
        ? {
            priority: integerBetween(random, 0, 2),
            namespaces: chance(random, 0.5) ? new Set(["default"]) : undefined,
            serviceSelectors: chance(random, 0.5)
              ? [{ matchLabels: { tier: "gold" }, matchExpressions: [] }]
              : [],
          }
        : undefined,
    }),
  );
};

const anyConfig = (random: Random): IpamConfig => ({
  pools: anyPools(random),
  reservations: chance(random, 0.4)
    ? [
        {
          name: "r",
          addresses: [address(pick(random, SOME_ADDRESSES)), address("2001:db8::2")],
          service: chance(random, 0.7) ? ("default/s1" as ObjectKey) : undefined,
        },
      ]
    : [],
  conflicts: ["node-a", "node-b"].flatMap((reportedBy) =>
    chance(random, 0.2)
      ? [{ address: address(pick(random, SOME_ADDRESSES)), mac: undefined, reportedBy }]
      : [],
  ),
});

const STACKS = [
  { clusterIps: ["10.96.0.1"], policy: "SingleStack" },
  { clusterIps: ["10.96.0.1"], policy: "SingleStack" },
  { clusterIps: ["fd00::1"], policy: "SingleStack" },
  { clusterIps: ["10.96.0.1", "fd00::1"], policy: "PreferDualStack" },
  { clusterIps: ["fd00::1", "10.96.0.1"], policy: "PreferDualStack" },
  { clusterIps: ["10.96.0.1", "fd00::1"], policy: "RequireDualStack" },
  { clusterIps: ["10.96.0.1"], policy: "PreferDualStack" },
  { clusterIps: [], policy: "SingleStack" },
] as const;

/** What a user may write: everything but status and the annotations that the controller writes. */
const anySpec = (random: Random, name: string, isSharing: boolean): Service => {
  const stack = pick(random, STACKS);
  const annotations: Record<string, string> = {};
  if (isSharing && chance(random, 0.6)) annotations["metallb.io/allow-shared-ip"] = pick(random, ["k", "l"]);
  if (chance(random, 0.2)) annotations["metallb.io/address-pool"] = pick(random, ["a", "b", "x"]);
  if (chance(random, 0.2))
    annotations["metallb.universe.tf/loadBalancerIPs"] = pick(random, [
      ...SOME_ADDRESSES,
      "192.0.2.1,2001:db8::1",
      "bad",
    ]);
  return loadBalancer(name, {
    meta: { annotations, labels: chance(random, 0.5) ? { tier: "gold" } : {} },
    type: chance(random, 0.9) ? "LoadBalancer" : "ClusterIP",
    loadBalancerClass: undefined,
    loadBalancerIp: chance(random, 0.1) ? pick(random, SOME_ADDRESSES) : undefined,
    clusterIps: stack.clusterIps,
    ipFamilyPolicy: stack.policy,
    externalTrafficPolicy: chance(random, 0.3) ? "Local" : "Cluster",
    selector: { app: pick(random, ["x", "y"]) },
    ports: pick(random, [["TCP/80"], ["TCP/443"], ["UDP/53", "TCP/53"], ["TCP/80", "TCP/443"]]),
  });
};

const OURS = /ip-allocated-from-pool$/;
const ANNOUNCED = {
  type: "steelyard.dev/Announced",
  status: "True",
  reason: "Announced",
  message: "",
  lastTransitionTime: "2026-01-01T00:00:00Z",
  observedGeneration: 0,
} as const;

class History {
  readonly world: AllocationWorld;
  readonly #random: Random;
  readonly #isSharing: boolean;
  /** Services and configuration that somebody touched since everything was settled last. */
  #touched = new Set<ObjectKey>();
  #isConfigTouched = true;
  #settled = new Map<ObjectKey, Service>();
  /** Who has shown which address since then. */
  readonly #shownBy = new Map<string, Set<ObjectKey>>();

  constructor(seed: number) {
    this.#random = seededRandom(seed);
    this.#isSharing = chance(this.#random, 0.5);
    this.world = new AllocationWorld(this.#random, anyConfig(this.#random));
    this.world.onChange = (service) => {
      this.#noteShown(service);
      this.#checkNotTwice(service);
    };
  }

  step(): void {
    const random = this.#random;
    const dice = random();
    if (dice < 0.3) this.#changeSpec();
    else if (dice < 0.34) this.#remove();
    else if (dice < 0.37) this.#disturbStatus();
    else if (dice < 0.4) this.#configure();
    else if (dice < 0.43) this.world.replace();
    else if (dice < 0.6) this.world.hear();
    else if (dice < 0.8) this.world.send();
    else if (dice < 0.98) this.world.deliver();
    else this.settle();
  }

  #someKey(): ObjectKey {
    return `default/s${integerBetween(this.#random, 0, 7)}` as ObjectKey;
  }

  #changeSpec(): void {
    const key = this.#someKey();
    const spec = anySpec(this.#random, key.slice("default/".length), this.#isSharing);
    const before = this.world.services.get(key);
    this.#touched.add(key);
    this.world.log.push(`user writes ${key}`);
    if (before === undefined) {
      this.world.put(spec);
      return;
    }
    const kept = Object.entries(before.meta.annotations).filter(([name]) => OURS.test(name));
    const annotations = { ...spec.meta.annotations, ...Object.fromEntries(kept) };
    const { ingress, conditions } = before;
    this.world.put({
      ...spec,
      meta: { ...before.meta, labels: spec.meta.labels, annotations },
      ingress,
      conditions,
    });
  }

  #remove(): void {
    const key = this.#someKey();
    const before = this.world.services.get(key);
    this.#touched.add(key);
    if (before === undefined) return;
    if (before.meta.isDeleting || chance(this.#random, 0.5)) this.world.remove(key);
    else this.world.put({ ...before, meta: { ...before.meta, isDeleting: true } });
  }

  /** Somebody clears the status, removes conditions, or reports that the Service is announced. */
  #disturbStatus(): void {
    const key = this.#someKey();
    const before = this.world.services.get(key);
    if (before === undefined) return;
    this.world.log.push(`status of ${key} disturbed`);
    if (chance(this.#random, 0.3)) this.world.put({ ...before, conditions: [] });
    else if (chance(this.#random, 0.5)) {
      // A new machine cannot know what was there.
      this.#touched.add(key);
      this.world.put({ ...before, ingress: ingressOf() });
    } else {
      this.#touched.add(key);
      this.world.put({
        ...before,
        conditions: [...before.conditions.filter(({ type }) => type !== ANNOUNCED.type), ANNOUNCED],
      });
    }
  }

  #configure(): void {
    this.#isConfigTouched = true;
    const config = anyConfig(this.#random);
    this.world.log.push(
      `pools ${config.pools.map(({ name, blocks }) => `${name}(${blocks.length})`).join(" ")}`,
    );
    this.world.configure(config);
  }

  /** Without sharing, no two Services ever show one address, not for a moment, whatever gets lost. */
  #checkNotTwice(changed: Service): void {
    if (this.#isSharing) return;
    for (const other of this.world.services.values()) {
      if (objectKey(other.meta) === objectKey(changed.meta)) continue;
      const both = shown(other).filter((ip) => shown(changed).includes(ip));
      assert.deepEqual(both, [], `${objectKey(other.meta)} and ${objectKey(changed.meta)} show one address`);
    }
  }

  settle(): void {
    assert.ok(this.world.settle() !== undefined, "there is no end of writes");
    const services = [...this.world.services.values()];
    for (const service of services) this.#checkSettled(service);
    this.#checkSharing(services);
    this.#checkStable(services);
    this.#checkLedger(services);
    this.#checkRest(services);
    this.#touched = new Set();
    this.#isConfigTouched = false;
    this.#settled = new Map(this.world.services);
    this.#shownBy.clear();
    for (const service of services) this.#noteShown(service);
  }

  #checkSettled(service: Service): void {
    const key = objectKey(service.meta);
    const condition = service.conditions.find(({ type }) => type === "steelyard.dev/Allocated");
    const pool = service.meta.annotations["metallb.io/ip-allocated-from-pool"];
    const ips = shown(service) as readonly IpAddress[];
    if (service.type !== "LoadBalancer") {
      assert.deepEqual([ips, condition, pool], [[], undefined, undefined], `${key} is cleared`);
      return;
    }
    if (service.meta.isDeleting && ips.length === 0) return;
    assert.equal(
      condition?.status,
      ips.length > 0 ? "True" : "False",
      `${key} says whether it has addresses`,
    );
    const explanation = this.world.allocation.explain(key);
    assert.ok(explanation?.state === "decided");
    const decided = explanation.decision.outcome === "allocated" ? explanation.decision.addresses : [];
    assert.deepEqual(decided, ips, `${key} would get nothing else now`);
    if (ips.length === 0) return;
    const its = this.world.config.pools.find(({ name }) => name === pool);
    assert.ok(its !== undefined, `${key} has a pool that exists`);
    for (const ip of ips) {
      const inside = its.blocks.some(
        (block) => block.family === familyOf(ip) && holds(block, addressToNumber(ip)),
      );
      assert.ok(inside, `${ip} of ${key} is in pool ${pool}`);
      assert.ok(!(its.avoidBuggyIps && /\.(?:0|255)$/.test(ip)), `${ip} of ${key} is left out of its pool`);
    }
    const need = needOf(service);
    assert.ok(need.ok);
    const families = ips.map(familyOf);
    assert.equal(new Set(families).size, families.length);
    assert.ok(families.every((family) => need.need.families.includes(family)));
    assert.ok(families.length === need.need.families.length || need.need.oneWillDo);
    const { addresses, problem } = requestOf(service);
    if (addresses.length > 0)
      assert.deepEqual([...ips].sort(), [...addresses].sort(), `${key} has what it asks for`);
    if (problem !== undefined) assert.equal(condition?.reason, "RequestUnreadable");
  }

  #checkSharing(services: readonly Service[]): void {
    for (const [index, left] of services.entries()) {
      for (const right of services.slice(index + 1)) {
        if (!shown(left).some((ip) => shown(right).includes(ip))) continue;
        const [a, b] = [claimOf(left), claimOf(right)];
        const names = `${a.service} and ${b.service}`;
        assert.ok(a.sharingKey !== "" && a.sharingKey === b.sharingKey, `${names} share by key`);
        assert.equal(a.backendKey, b.backendKey, `${names} share by backend`);
        assert.ok(!a.ports.some((port) => b.ports.includes(port)), `${names} share by port`);
      }
    }
  }

  /** Whoever was left alone has what it had; new addresses are neither reserved for others nor in conflict. */
  #checkStable(services: readonly Service[]): void {
    const { reservations, conflicts } = this.world.config;
    for (const service of services) {
      const key = objectKey(service.meta);
      const before = this.#settled.get(key);
      const had = before === undefined ? [] : shown(before);
      const has = shown(service);
      if (this.#isConfigTouched) continue;
      // Whoever could not move away from an address in conflict does so when it can.
      const isConflict = (ip: string): boolean => conflicts.some((conflict) => conflict.address === ip);
      if (!this.#touched.has(key))
        assert.deepEqual(
          had.filter((ip) => !has.includes(ip) && !this.#isContested(key, ip) && !isConflict(ip)),
          [],
          `${key} lost an address without a reason`,
        );
      for (const ip of has.filter((each) => !had.includes(each))) {
        const reserved = reservations.some(
          (each) => (each.addresses as readonly string[]).includes(ip) && each.service !== key,
        );
        assert.ok(!reserved, `${key} got ${ip}, which is reserved`);
        assert.ok(!isConflict(ip), `${key} got ${ip}, which is in conflict`);
      }
    }
  }

  #noteShown(service: Service): void {
    for (const ip of shown(service)) {
      const keys = this.#shownBy.get(ip) ?? new Set<ObjectKey>();
      this.#shownBy.set(ip, keys.add(objectKey(service.meta)));
    }
  }

  /** Whether somebody touched a Service that shared the address: a new machine cannot know which of them was there first. */
  #isContested(key: ObjectKey, ip: string): boolean {
    return [...(this.#shownBy.get(ip) ?? [])].some((other) => other !== key && this.#touched.has(other));
  }

  #checkLedger(services: readonly Service[]): void {
    const held = this.world.allocation
      .holders()
      .flatMap(({ address: ip, services: keys }) => keys.map((key) => `${key} ${ip}`));
    const listed = services.flatMap((service) =>
      shown(service).map((ip) => `${objectKey(service.meta)} ${ip}`),
    );
    assert.deepEqual(held.sort(), listed.sort(), "ledger and statuses agree");
  }

  /** Nothing is written at rest, not by a new machine either. */
  #checkRest(services: readonly Service[]): void {
    for (const service of services) assert.deepEqual(this.world.allocation.observe(service), []);
    assert.deepEqual(this.world.allocation.configure(this.world.config), []);
    const writes = this.world.writes;
    this.world.replace();
    assert.ok(this.world.settle() !== undefined);
    assert.equal(this.world.writes, writes, "a new machine writes nothing");
  }
}

/** What a test does to a history after each step, to see what comes of it. */
type Sabotage = (history: History, step: number) => void;

/** Runs a history from its beginning; gives what broke a promise, `undefined` when nothing did. */
const failureOf = (seed: number, sabotage?: Sabotage): { replay: Replay; cause: unknown } | undefined => {
  const history = new History(seed);
  const last = 20 + (seed % 100);
  let steps = 0;
  try {
    for (; steps < last; steps += 1) {
      history.step();
      sabotage?.(history, steps);
    }
    history.settle();
    return undefined;
  } catch (cause) {
    const problem = cause instanceof Error ? cause.message : String(cause);
    return { replay: { simulation: SIMULATION, seed, steps, problem, log: history.world.log }, cause };
  }
};

const run = (seed: number, sabotage?: Sabotage): void => {
  const failure = failureOf(seed, sabotage);
  if (failure === undefined) return;
  const { replay, cause } = failure;
  if (SEED !== undefined) console.log(replay.log.join("\n"));
  const file = saveReplay(replay);
  throw new Error(`seed ${seed} breaks a promise in step ${replay.steps}; repeat with REPLAY=${file}`, {
    cause,
  });
};

/** Plays a saved history again; gives how it went this time. */
const replay = (file: string, sabotage?: Sabotage): string => {
  const saved = readReplay(file, SIMULATION);
  const failure = failureOf(saved.seed, sabotage);
  if (failure === undefined) return `seed ${saved.seed} breaks no promise any more`;
  console.log(failure.replay.log.join("\n"));
  const other = divergence(saved, failure.replay.log);
  return `step ${failure.replay.steps}: ${failure.replay.problem}${other === undefined ? "" : `; ${other}`}`;
};

describe("histories of pools and Services under a controller that hears late and loses writes", () => {
  it("never show an address twice or move one without a reason, and settle", () => {
    if (REPLAY === undefined) for (const seed of SEEDS) run(seed);
    else assert.match(replay(REPLAY), /breaks no promise any more/);
  });

  it("are saved in a file when one breaks a promise, and break it again when played from there", (context) => {
    // Somebody shows at one Service what another one has: as a controller would that gives an address twice.
    const copyAddress: Sabotage = ({ world }, step) => {
      const holder = [...world.services.values()].find((service) => shown(service).length > 0);
      const other = [...world.services.values()].find((service) => shown(service).length === 0);
      if (step < 10 || holder === undefined || other === undefined) return;
      world.put({ ...other, ingress: holder.ingress });
    };
    const seed = Array.from({ length: 50 }, (_, each) => each).find(
      (each) => failureOf(each, copyAddress) !== undefined,
    );
    assert.ok(seed !== undefined, "nobody has noticed");
    assert.equal(failureOf(seed), undefined);
    let file = "";
    assert.throws(
      () => run(seed, copyAddress),
      (error: Error) => {
        file = /REPLAY=(\S+)/.exec(error.message)?.[1] ?? "";
        return error.message.startsWith(`seed ${seed} breaks a promise`);
      },
    );
    context.after(() => rmSync(dirname(file), { recursive: true }));
    const saved = readReplay(file, SIMULATION);
    assert.match(saved.problem, /show one address/);
    context.mock.method(console, "log", () => undefined);
    assert.equal(replay(file, copyAddress), `step ${saved.steps}: ${saved.problem}`);
    assert.match(replay(file), /breaks no promise any more/);
    writeFileSync(file, JSON.stringify({ ...saved, log: ["something else", ...saved.log.slice(1)] }));
    assert.match(replay(file, copyAddress), /event 0 was "something else"/);
  });

  it("are the same from the same seed", () => {
    const logs = [1, 1].map((seed) => {
      const history = new History(seed);
      for (let step = 0; step < 60; step += 1) history.step();
      return history.world.log;
    });
    assert.deepEqual(logs[0], logs[1]);
    assert.ok((logs[0]?.length ?? 0) > 20);
  });
});
