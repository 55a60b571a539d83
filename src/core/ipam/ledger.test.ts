/** The ledger against a model that keeps plain lists and looks at every address. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { familyOf, type IpAddress, type IpFamily } from "#base/address";
import type { ObjectKey } from "#core/kubernetes/meta";
import { addressPool, blocks } from "#testing/services";
import { address } from "#testing/values";
import { addressToNumber, numberToAddress } from "./block.ts";
import type { Claim, PortId } from "./claim.ts";
import { Ledger } from "./ledger.ts";
import type { AddressPool, IpamConfig } from "./pool.ts";

const key = (name: string): ObjectKey => `default/${name}` as ObjectKey;
const FAMILIES = ["IPv4", "IPv6"] as const;

const claim = (name: string, terms: Partial<Claim> = {}): Claim => ({
  service: key(name),
  sharingKey: "",
  backendKey: "",
  ports: [80 as PortId],
  ...terms,
});

const addressesOf = (pool: AddressPool, family: IpFamily): readonly IpAddress[] =>
  pool.blocks
    .filter((block) => block.family === family)
    .flatMap(({ first, last }) =>
      Array.from({ length: Number(last - first) + 1 }, (_, index) =>
        numberToAddress(family, first + BigInt(index)),
      ),
    )
    .filter((text) => !(pool.avoidBuggyIps && family === "IPv4" && /\.(?:0|255)$/.test(text)));

class Model {
  readonly config: IpamConfig;
  readonly held = new Map<ObjectKey, { claim: Claim; addresses: readonly IpAddress[] }>();
  readonly leaving = new Map<ObjectKey, readonly IpAddress[]>();

  constructor(config: IpamConfig) {
    this.config = config;
  }

  holders(of: IpAddress): readonly Claim[] {
    return [...this.held.values()]
      .filter(({ addresses }) => addresses.includes(of))
      .map((held) => held.claim);
  }

  poolOf(of: IpAddress): string | undefined {
    return this.config.pools.find((pool) => addressesOf(pool, familyOf(of)).includes(of))?.name;
  }

  mayShare(of: IpAddress, asked: Claim): boolean {
    return this.holders(of)
      .filter(({ service }) => service !== asked.service)
      .every(
        (other) =>
          other.sharingKey !== "" &&
          other.sharingKey === asked.sharingKey &&
          other.backendKey === asked.backendKey &&
          !other.ports.some((port) => asked.ports.includes(port)),
      );
  }

  isExcluded(of: IpAddress, except?: ObjectKey): boolean {
    const { reservations, conflicts } = this.config;
    return (
      reservations.some(
        ({ addresses, service }) => addresses.includes(of) && (except === undefined || service !== except),
      ) ||
      conflicts.some((conflict) => conflict.address === of) ||
      [...this.leaving].some(([service, addresses]) => service !== except && addresses.includes(of))
    );
  }

  allows(of: IpAddress, asked: Claim, purpose: "give" | "keep"): boolean {
    if (this.poolOf(of) === undefined || !this.mayShare(of, asked)) return false;
    return purpose === "keep" || !this.isExcluded(of, asked.service);
  }

  first(pool: AddressPool, family: IpFamily, asked: Claim): IpAddress | undefined {
    return addressesOf(pool, family).find((candidate) => {
      if (this.isExcluded(candidate)) return false;
      const holders = this.holders(candidate);
      // What the Service holds itself is found only where it may be shared.
      const mustShare = holders.length > 0;
      return !mustShare || (asked.sharingKey !== "" && this.#shares(holders, asked));
    });
  }

  #shares(holders: readonly Claim[], asked: Claim): boolean {
    return holders.every(
      (other) =>
        other.sharingKey === asked.sharingKey &&
        other.backendKey === asked.backendKey &&
        (other.service === asked.service || !other.ports.some((port) => asked.ports.includes(port))),
    );
  }
}

const SERVICES = ["a", "b", "c", "d", "e"];

const anyClaim: fc.Arbitrary<Claim> = fc.record({
  service: fc.constantFrom(...SERVICES.map(key)),
  sharingKey: fc.constantFrom("", "k", "k", "l"),
  backendKey: fc.constantFrom("", "", "app=x"),
  ports: fc.subarray([80, 443, 0x1_0035] as PortId[], { minLength: 1 }),
});

const anyConfig: fc.Arbitrary<IpamConfig> = fc
  .record({ avoidBuggyIps: fc.boolean(), reserved: fc.nat(9), conflict: fc.nat(9) })
  .map(({ avoidBuggyIps, reserved, conflict }) => ({
    pools: [
      addressPool("p", ["192.0.3.4/31", "192.0.2.254-192.0.3.1", "2001:db8::/127"], { avoidBuggyIps }),
      addressPool("q", ["198.51.100.0/31"]),
    ],
    reservations: [
      { name: "r", addresses: [numberToAddress("IPv4", 0xc000_02fdn + BigInt(reserved))], service: key("a") },
    ],
    conflicts: [
      {
        address: numberToAddress("IPv4", 0xc000_02fdn + BigInt(conflict)),
        mac: undefined,
        reportedBy: "node",
      },
    ],
  }));

const EVERYWHERE = [
  ...addressesOf(addressPool("p", ["192.0.2.253-192.0.3.6", "2001:db8::/126", "198.51.100.0/30"]), "IPv4"),
  ...addressesOf(addressPool("p", ["2001:db8::/126"]), "IPv6"),
];

type Step =
  | { readonly type: "assign"; readonly claim: Claim; readonly addresses: readonly IpAddress[] }
  | { readonly type: "take-first"; readonly claim: Claim; readonly family: IpFamily; readonly pool: number }
  | { readonly type: "release"; readonly service: ObjectKey }
  | { readonly type: "leave"; readonly service: ObjectKey; readonly addresses: readonly IpAddress[] };

const anyStep: fc.Arbitrary<Step> = fc.oneof(
  fc.record({
    type: fc.constant("assign" as const),
    claim: anyClaim,
    addresses: fc.uniqueArray(fc.constantFrom(...EVERYWHERE), {
      maxLength: 2,
      selector: (value) => familyOf(value),
    }),
  }),
  fc.record({
    type: fc.constant("take-first" as const),
    claim: anyClaim,
    family: fc.constantFrom(...FAMILIES),
    pool: fc.nat(1),
  }),
  fc.record({ type: fc.constant("release" as const), service: fc.constantFrom(...SERVICES.map(key)) }),
  fc.record({
    type: fc.constant("leave" as const),
    service: fc.constantFrom(...SERVICES.map(key)),
    addresses: fc.uniqueArray(fc.constantFrom(...EVERYWHERE), { maxLength: 2 }),
  }),
);

/** Takes one step in both, if the model allows it. */
const take = (ledger: Ledger, model: Model, step: Step): void => {
  switch (step.type) {
    case "assign": {
      if (!step.addresses.every((each) => model.allows(each, step.claim, "keep"))) return;
      ledger.assign(step.claim, step.addresses);
      model.held.set(step.claim.service, step);
      return;
    }
    case "take-first": {
      ledger.release(step.claim.service);
      model.held.delete(step.claim.service);
      const pool = model.config.pools[step.pool];
      assert.ok(pool);
      const found = ledger.first(pool.name, step.family, step.claim);
      assert.equal(found, model.first(pool, step.family, step.claim));
      if (found === undefined) return;
      ledger.assign(step.claim, [found]);
      model.held.set(step.claim.service, { claim: step.claim, addresses: [found] });
      return;
    }
    case "release":
      ledger.release(step.service);
      model.held.delete(step.service);
      return;
    default:
      ledger.setLeaving(step.service, step.addresses);
      model.leaving.set(step.service, step.addresses);
  }
};

const compare = (ledger: Ledger, model: Model, probe: Claim): void => {
  for (const each of EVERYWHERE) {
    assert.equal(ledger.poolOf(each)?.name, model.poolOf(each));
    for (const purpose of ["give", "keep"] as const)
      assert.equal(ledger.refusal(each, probe, purpose) === undefined, model.allows(each, probe, purpose));
  }
  for (const pool of model.held.has(probe.service) ? [] : model.config.pools) {
    for (const family of FAMILIES)
      assert.equal(ledger.first(pool.name, family, probe), model.first(pool, family, probe));
  }
  const counts = new Map(ledger.counts().map((each) => [each.pool, each]));
  for (const pool of model.config.pools) {
    const all = addressesOf(pool, "IPv4");
    const assigned = all.filter((each) => model.holders(each).length > 0);
    const withheld = all.filter((each) => model.holders(each).length === 0 && model.isExcluded(each));
    assert.deepEqual(counts.get(pool.name)?.ipv4, {
      total: BigInt(all.length),
      assigned: BigInt(assigned.length),
      withheld: BigInt(withheld.length),
      available: BigInt(all.length - assigned.length - withheld.length),
    });
  }
  const holders = ledger
    .holders()
    .flatMap(({ address: each, services }) => services.map((s) => `${s} ${each}`));
  const expected = [...model.held].flatMap(([service, { addresses }]) =>
    addresses.map((a) => `${service} ${a}`),
  );
  assert.deepEqual(holders.sort(), expected.sort());
  const servicesByPool = new Map<string, Set<string>>();
  for (const { pool, services } of ledger.holders())
    servicesByPool.set(pool, new Set([...(servicesByPool.get(pool) ?? []), ...services]));
  assert.deepEqual(
    ledger.holderCounts(),
    new Map([...servicesByPool].map(([pool, services]) => [pool, services.size])),
  );
  assert.equal(ledger.holderCount, new Set([...servicesByPool.values()].flatMap((each) => [...each])).size);
};

describe("the ledger", () => {
  it("agrees with a model that looks at every address, after any steps", () => {
    fc.assert(
      fc.property(anyConfig, fc.array(anyStep, { maxLength: 40 }), anyClaim, (config, steps, probe) => {
        const ledger = new Ledger(config);
        const model = new Model(config);
        for (const step of steps) take(ledger, model, step);
        compare(ledger, model, probe);
      }),
      { numRuns: 1_000 },
    );
  });

  it("tells of every address that a claim may have after a step and might not have before", () => {
    fc.assert(
      fc.property(anyConfig, fc.array(anyStep, { maxLength: 25 }), anyClaim, (config, steps, probe) => {
        const ledger = new Ledger(config);
        const model = new Model(config);
        const open = (): readonly IpAddress[] =>
          EVERYWHERE.filter((each) => ledger.refusal(each, probe, "give") === undefined);
        for (const step of steps) {
          const before = open();
          ledger.drainTouched();
          const { type } = step;
          // A step of the Service itself is followed by a decision about it anyway.
          const isOwn =
            (type === "assign" || type === "take-first" ? step.claim.service : step.service) ===
            probe.service;
          take(ledger, model, step);
          const touched = ledger.drainTouched().filter(({ isFreed }) => isFreed);
          const freed = new Set(touched.map((each) => each.address));
          if (isOwn) continue;
          for (const each of open())
            assert.ok(before.includes(each) || freed.has(each), `${each} after ${type}`);
        }
      }),
      { numRuns: 500 },
    );
  });

  it("finds the first address that can be shared, whichever ports are in use at the others", () => {
    const config = { pools: [addressPool("a", ["192.0.2.0/29"])], reservations: [], conflicts: [] };
    const shared = (name: string, port: number): Claim =>
      claim(name, { sharingKey: "k", ports: [port as PortId] });
    for (const order of [
      [0, 1, 2],
      [2, 1, 0],
      [1, 2, 0],
    ]) {
      const ledger = new Ledger(config);
      for (const last of order) ledger.assign(shared(`s${last}`, 80 + last), [address(`192.0.2.${last}`)]);
      assert.equal(ledger.first("a", "IPv4", shared("new", 53)), "192.0.2.0");
      assert.equal(ledger.first("a", "IPv4", shared("new", 80)), "192.0.2.1");
      assert.equal(ledger.first("a", "IPv4", claim("new", { ports: [53 as PortId] })), "192.0.2.3");
    }
  });

  it("lets nobody join the holders of an address that the status of another still lists", () => {
    const ledger = new Ledger({
      pools: [addressPool("a", ["192.0.2.0/29"])],
      reservations: [],
      conflicts: [],
    });
    const shared = (name: string, port: number): Claim =>
      claim(name, { sharingKey: "k", ports: [port as PortId] });
    ledger.assign(shared("holder", 80), [address("192.0.2.0")]);
    ledger.setLeaving(key("going"), [address("192.0.2.0")]);
    assert.equal(ledger.first("a", "IPv4", shared("new", 53)), "192.0.2.1");
    ledger.setLeaving(key("going"), []);
    assert.equal(ledger.first("a", "IPv4", shared("new", 53)), "192.0.2.0");
  });

  it("counts a block of 2^62 addresses and more as inexhaustible, as MetalLB does", () => {
    const pools = [addressPool("a", ["2001:db8::/66"]), addressPool("b", ["2001:db8:1::/67", "10.0.0.0/8"])];
    const ledger = new Ledger({ pools, reservations: [], conflicts: [] });
    ledger.assign(claim("x"), [address("2001:db8::1")]);
    const [a, b] = ledger.counts();
    assert.equal(a?.ipv6.total, 2n ** 63n - 1n);
    assert.equal(a?.ipv6.available, 2n ** 63n - 2n);
    assert.equal(b?.ipv6.total, 2n ** 61n);
    assert.equal(b?.ipv4.available, 2n ** 24n);
  });

  it("sums many large blocks without passing the largest count", () => {
    const texts = Array.from({ length: 10 }, (_, index) => `2001:db8:${index}::/67`);
    const [counts] = new Ledger({
      pools: [addressPool("a", texts)],
      reservations: [],
      conflicts: [],
    }).counts();
    assert.equal(counts?.ipv6.total, 2n ** 63n - 1n);
  });

  it("orders pools by priority, 0 last, then by name", () => {
    const admission = (priority: number): AddressPool["admission"] => ({
      priority,
      namespaces: undefined,
      serviceSelectors: [],
    });
    const pools = [
      { name: "d", admission: admission(0) },
      { name: "c", admission: admission(5) },
      { name: "b", admission: admission(5) },
      { name: "a", admission: admission(20) },
      { name: "z", admission: undefined },
      { name: "y", admission: undefined },
      { name: "x", admission: undefined, autoAssign: false },
    ].map((each, index) => ({ ...addressPool(each.name, [`10.0.${index}.0/24`]), ...each }));
    const ledger = new Ledger({ pools, reservations: [], conflicts: [] });
    assert.deepEqual(
      ledger.pinned.map(({ name }) => name),
      ["b", "c", "a", "d"],
    );
    assert.deepEqual(
      ledger.automatic.map(({ name }) => name),
      ["y", "z"],
    );
  });

  it("refuses to be made wrong: an address is never assigned against the sharing rule", () => {
    const ledger = new Ledger({
      pools: [addressPool("a", ["192.0.2.0/30"])],
      reservations: [],
      conflicts: [],
    });
    ledger.assign(claim("x"), [address("192.0.2.0")]);
    assert.throws(() => ledger.assign(claim("y"), [address("192.0.2.0")]), /against the rule/);
    assert.equal(addressToNumber(address("192.0.2.0")), blocks("192.0.2.0/30")[0]?.first);
  });
});
