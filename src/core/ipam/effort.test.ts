/** How much work an allocation is, counted in steps and never in time. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { IpFamily } from "#base/address";
import type { ObjectKey } from "#core/kubernetes/meta";
import { integerBetween, seededRandom } from "#testing/random";
import { addressPool } from "#testing/services";
import { numberToAddress } from "./block.ts";
import type { Claim, PortId } from "./claim.ts";
import { Ledger } from "./ledger.ts";
import type { AddressPool } from "./pool.ts";

const claim = (name: number | string, terms: Partial<Claim> = {}): Claim => ({
  service: `default/s${name}` as ObjectKey,
  sharingKey: "",
  backendKey: "",
  ports: [80 as PortId],
  ...terms,
});

class Counted {
  readonly effort = { steps: 0 };
  readonly ledger: Ledger;
  readonly pool: AddressPool;
  readonly family: IpFamily;

  constructor(pool: AddressPool) {
    this.pool = pool;
    this.family = pool.blocks[0]?.family ?? "IPv4";
    this.ledger = new Ledger({ pools: [pool], reservations: [], conflicts: [] }, this.effort);
  }

  /** Gives the first address and says how many steps that took. */
  allocate(asked: Claim): number {
    const before = this.effort.steps;
    const address = this.ledger.first(this.pool.name, this.family, asked);
    assert.ok(address !== undefined, "the pool is exhausted");
    this.ledger.assign(asked, [address]);
    return this.effort.steps - before;
  }

  release({ service }: Claim): void {
    this.ledger.release(service);
  }
}

/** Steps of one seeded history of allocations and releases. */
const history = (pool: AddressPool, rounds: number): { readonly total: number; readonly worst: number } => {
  const counted = new Counted(pool);
  const random = seededRandom(7);
  const live: number[] = [];
  let worst = 0;
  for (let round = 0; round < rounds; round += 1) {
    if (live.length > 100 && random() < 0.5) {
      const [gone = 0] = live.splice(integerBetween(random, 0, live.length - 1), 1);
      counted.release(claim(gone));
    } else {
      worst = Math.max(worst, counted.allocate(claim(round)));
      live.push(round);
    }
  }
  return { total: counted.effort.steps, worst };
};

describe("the work of an allocation", () => {
  it("is the same, step by step, in a /24, a /8 and an IPv6 /64", () => {
    const small = history(addressPool("a", ["192.0.2.0/24"]), 400);
    assert.deepEqual(history(addressPool("a", ["10.0.0.0/8"]), 400), small);
    assert.deepEqual(history(addressPool("a", ["2001:db8::/64"]), 400), small);
    const avoiding = history(addressPool("a", ["10.0.0.0/8"], { avoidBuggyIps: true }), 400);
    assert.deepEqual(avoiding, small);
  });

  it("does not notably grow with the number of Services", () => {
    for (const avoidBuggyIps of [false, true]) {
      const perAllocation = (services: number): number => {
        const counted = new Counted(addressPool("a", ["10.0.0.0/8"], { avoidBuggyIps }));
        for (let index = 0; index < services; index += 1) counted.allocate(claim(index));
        const before = counted.effort.steps;
        for (let index = 0; index < 100; index += 1) counted.allocate(claim(`more${index}`));
        return (counted.effort.steps - before) / 100;
      };
      const few = perAllocation(100);
      const many = perAllocation(20_000);
      assert.ok(many <= few + 1, `${few} steps with 100, ${many} with 20,000`);
    }
  });

  it("stays small in a pool that is full but for one address, wherever that is", () => {
    for (const avoidBuggyIps of [false, true]) {
      const counted = new Counted(addressPool("a", ["10.0.0.0/18"], { avoidBuggyIps }));
      const size = avoidBuggyIps ? 64 * 254 : 16_384;
      for (let index = 0; index < size; index += 1) counted.allocate(claim(index));
      // The frontier reaches the end once; that was paid for by the allocations before.
      assert.equal(counted.ledger.first("a", "IPv4", claim("x")), undefined);
      for (const index of [0, 1, 5_000, 9_999, size - 1]) {
        counted.release(claim(index));
        const steps = counted.allocate(claim(index));
        assert.ok(steps <= 40, `${steps} steps for address ${index}`);
      }
    }
  });

  it("stays small in a pool of which every other address is taken", () => {
    const counted = new Counted(addressPool("a", ["10.0.0.0/16"]));
    for (let index = 0; index < 20_000; index += 1) counted.allocate(claim(index));
    for (let index = 0; index < 20_000; index += 2) counted.release(claim(index));
    let worst = 0;
    for (let index = 0; index < 10_000; index += 1)
      worst = Math.max(worst, counted.allocate(claim(`again${index}`)));
    assert.ok(worst <= 60, `${worst} steps`);
  });

  it("stays small among addresses that were asked for one by one, far ahead", () => {
    const counted = new Counted(addressPool("a", ["10.0.0.0/8"]));
    for (let index = 0; index < 10_000; index += 1)
      counted.ledger.assign(claim(index), [numberToAddress("IPv4", 0x0a00_0000n + BigInt(2 * index + 1))]);
    const before = counted.effort.steps;
    for (let index = 0; index < 10_000; index += 1) counted.allocate(claim(`between${index}`));
    assert.ok((counted.effort.steps - before) / 10_000 <= 5);
  });

  it("stays small for Services that share a key and may not share an address", () => {
    const counted = new Counted(addressPool("a", ["10.0.0.0/8"]));
    const sharing = (name: string, port: number): Claim =>
      claim(name, { sharingKey: "k", ports: [port as PortId] });
    let worst = 0;
    for (let index = 0; index < 10_000; index += 1) {
      counted.allocate(claim(index));
      worst = Math.max(worst, counted.allocate(sharing(`k${index}`, 80)));
    }
    assert.ok(worst <= 60, `${worst} steps`);
    // Another port goes to the first of them, and leaves it with another set of ports.
    assert.equal(counted.ledger.first("a", "IPv4", sharing("other", 443)), "10.0.0.1");
  });

  it("stays small for 10,000 Services that share one address", () => {
    const counted = new Counted(addressPool("a", ["10.0.0.0/8"]));
    let worst = 0;
    for (let index = 0; index < 10_000; index += 1) {
      const asked = claim(index, { sharingKey: "k", ports: [(index + 1) as PortId] });
      worst = Math.max(worst, counted.allocate(asked));
      assert.deepEqual(counted.ledger.addressesOf(asked.service), ["10.0.0.0"]);
    }
    assert.ok(worst <= 60, `${worst} steps`);
  });
});
