/** The balance engine's contract against this kernel, and what it needs from it. Needs root. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { instant, seconds } from "#base/time";
import type { VirtualServer } from "#core/balance/model";
import { planForwarding } from "#core/balance/plan";
import type { ForwardingPlan } from "#core/balance/plan-model";
import { onePort } from "#core/balance/ports";
import { balanceEngineContract } from "#drivers/balance/contract";
import { address, Bed, VIRTUAL } from "./balance-bed.ts";

balanceEngineContract("the kernel", () => {
  const bed = new Bed();
  return {
    open: () => bed.openEngine("e1"),
    flush: () => bed.inside("e1", "nft flush ruleset"),
    device: "eth0",
    close: () => bed.close(),
  };
});

describe("a backend that dies in hundreds of servers at once", () => {
  let bed: Bed;
  // Not before its turn: the contract's beds have the same names.
  before(() => {
    bed = new Bed();
  });
  after(() => bed.close());

  it("is taken out of all of them by elements alone, in turns that leave the thread its time", async () => {
    const backends = [1, 2, 3].map((host) => ({
      name: `w${host}`,
      address: address(`10.2.0.2${host}`),
      port: 80,
      weight: 1,
    }));
    const servers = Array.from({ length: 300 }, (_, index) => ({
      ...{ name: `s${index}`, address: address(VIRTUAL.IPv4), protocol: "tcp" as const, backends },
      ...{ ports: onePort(1_000 + index), mode: "masquerade" as const },
      scheduler: { type: "consistent-hash" as const, tableSize: 251 },
    }));
    const plan = (previous: ForwardingPlan | undefined): ForwardingPlan =>
      planForwarding({
        ...{ servers, previous, now: instant(0), links: { ingress: () => [], egress: () => undefined } },
        availability: (key) => (previous !== undefined && key.endsWith("/w2") ? "unavailable" : "available"),
      });
    const engine = bed.openEngine("e1");
    const healthy = plan(undefined);
    assert.equal((await engine.apply(healthy)).ok, true);
    // So many slots that they are brought in step by step.
    const filled = bed.inside("e1", "nft list table inet steelyard");
    assert.equal(filled.match(/ : goto server\/s\d+/g)?.length, 300);
    assert.equal(filled.match(/ : 10\.2\.0\.2[123] \. 80/g)?.length, 300 * 251);
    let turns = 0;
    const counting = setInterval(() => {
      turns += 1;
    }, 0);
    const result = await engine.apply(plan(healthy));
    clearInterval(counting);
    assert.ok(result.ok && result.how === "elements");
    assert.ok(turns > 2, `${turns} turns`);
    const listing = bed.inside("e1", "nft list table inet steelyard");
    assert.equal(listing.includes("10.2.0.21 . 80"), true);
    const rings = listing.split("map ring/").slice(1);
    assert.equal(rings.length, 300);
    for (const ring of rings) assert.equal(ring.split("\n\t}", 1)[0]?.includes("10.2.0.22 . 80"), false);
    await engine.close();
  });
});

describe("the next start of the program", () => {
  let bed: Bed;
  before(() => {
    bed = new Bed();
  });
  after(() => bed.close());

  const backends = [1, 2].map((host) => ({
    ...{ name: `w${host}`, address: address(`10.2.0.2${host}`), port: 80, weight: 1 },
  }));
  const servers = ["dsr", "masquerade"].map((mode, index) => ({
    ...{ name: mode, address: address(VIRTUAL.IPv4), protocol: "tcp" as const, backends },
    ...{ ports: onePort(80 + index), mode: mode as VirtualServer["mode"] },
    scheduler: { type: "consistent-hash" as const, tableSize: 251 },
  }));
  const plan = (count: number, previous?: ForwardingPlan): ForwardingPlan =>
    planForwarding({
      ...{ servers: servers.slice(0, count), previous, now: instant(0), availability: () => "available" },
      links: { ingress: () => ["eth0"], egress: () => "eth0" },
    });
  /** How an engine that has just been opened applies a plan. */
  const restart = async (wanted: ForwardingPlan): Promise<string> => {
    const engine = bed.openEngine("e1");
    const result = await engine.apply(wanted);
    await engine.close();
    return result.ok ? result.how : result.error.message;
  };

  it("touches nothing where nobody has touched anything since, and brings in all of it after anybody has", async () => {
    const both = plan(2);
    assert.equal(await restart(both), "ruleset");
    assert.equal(await restart(both), "unchanged");
    const one = plan(1, both);
    assert.equal(await restart(one), "ruleset");
    assert.equal(await restart(one), "unchanged");
    bed.inside("e1", "nft add table inet foreign");
    assert.equal(await restart(one), "ruleset");
    assert.equal(await restart(one), "unchanged");
    bed.inside(
      "e1",
      "nft delete element netdev steelyard servers4 { 10.1.0.100 . tcp . 80 } || nft flush table netdev steelyard",
    );
    assert.equal(await restart(one), "ruleset");
    assert.match(bed.inside("e1", "nft list table netdev steelyard"), /fwd to|fwd ip to/);
  });
});

describe("a new ruleset", () => {
  let bed: Bed;
  before(() => {
    bed = new Bed();
  });
  after(() => bed.close());

  const backends = [1, 2].map((host) => ({
    ...{ name: `w${host}`, address: address(`10.2.0.2${host}`), port: 80, weight: 1 },
  }));
  const translated = { mode: "masquerade", scheduler: { type: "round-robin" } } as const;
  const limits = {
    connections: 9,
    newConnections: { rate: 9, per: "second", burst: 9 },
    prefixLength: 32,
  } as const;
  const kinds: Readonly<Record<string, Partial<VirtualServer>>> = {
    ...{
      masquerade: translated,
      nat: { ...translated, mode: "nat" },
      udp: { ...translated, protocol: "udp" },
    },
    ...{ ports: { ...translated, ports: { first: 1, last: 9 } }, natUdp: { mode: "nat", protocol: "udp" } },
    pinned: { ...translated, persistence: { timeout: seconds(60), prefixLength: 32 } },
    ...{
      limited: { ...translated, limits },
      proxied: { ...translated, synProxy: true },
      dsr: { mode: "dsr" },
    },
  };

  for (const [kind, overrides] of Object.entries(kinds)) {
    it(`keeps what packets have recorded while backends come to a server (${kind})`, async () => {
      const plan = (count: number, previous?: ForwardingPlan): ForwardingPlan => {
        const hash = { scheduler: { type: "consistent-hash", tableSize: 251 }, mode: "nat" } as const;
        const web = {
          name: "web",
          address: address(VIRTUAL.IPv4),
          protocol: "tcp",
          ports: onePort(80),
        } as const;
        const servers = [{ ...web, ...hash, ...overrides, backends: backends.slice(0, count) }];
        const links = { ingress: () => ["eth0"], egress: () => "eth0" };
        return planForwarding({
          ...{ servers, previous, links, now: instant(0), availability: () => "available" as const },
        });
      };
      const engine = bed.openEngine("e1");
      const one = plan(1);
      assert.equal((await engine.apply(one)).ok, true);
      bed.inside("e1", "nft add element netdev steelyard fragments '{ 1 . 2 : 3 }'");
      assert.equal((await engine.apply(plan(2, one))).ok, true);
      assert.match(bed.inside("e1", "nft list map netdev steelyard fragments"), /elements = /);
      await engine.remove();
      await engine.close();
    });
  }
});

describe("an interface with an unusual name", () => {
  it("carries direct server return like any other", async () => {
    const bed = new Bed();
    try {
      const device = "wan#1;{@}";
      bed.inside("e1", `ip link add '${device}' type bridge && ip link set '${device}' up`);
      const engine = bed.openEngine("e1");
      const backends = [{ name: "w1", address: address("10.2.0.21"), port: 80, weight: 1 }];
      const web = {
        name: "web",
        address: address(VIRTUAL.IPv4),
        protocol: "tcp",
        ports: onePort(80),
      } as const;
      const scheduler = { type: "consistent-hash", tableSize: 251 } as const;
      const applied = await engine.apply(
        planForwarding({
          servers: [{ ...web, mode: "dsr", scheduler, backends }],
          ...{ previous: undefined, now: instant(0), availability: () => "available" as const },
          links: { ingress: () => [device], egress: () => device },
        }),
      );
      assert.ok(applied.ok, JSON.stringify(applied));
      await engine.close();
    } finally {
      await bed.close();
    }
  });
});

describe("a machine that cannot forward", () => {
  const script = `
    import { openEngine } from "#drivers/balance/nftables/linux";
    const engine = openEngine({ runDirectory: process.argv[1], ...(process.argv[2] ? { nft: process.argv[2] } : {}) });
    console.log(JSON.stringify(await engine.available() ?? {}));
    await engine.close();`;
  const directory = mkdtempSync(join(tmpdir(), "steelyard-engine-"));
  after(() => rmSync(directory, { recursive: true, force: true }));
  const reason = (command: readonly string[], nft = ""): { readonly code?: string } => {
    const [program = "", ...before] = command;
    const parameters = [...before, process.execPath, "--input-type=module", "-e", script, directory, nft];
    return JSON.parse(execFileSync(program, parameters, { encoding: "utf8" }));
  };

  it("says that it lacks permission, or the nft program", () => {
    assert.equal(reason(["env"]).code, undefined);
    assert.equal(
      reason(["setpriv", "--bounding-set=-net_admin", "--inh-caps=-net_admin"]).code,
      "no-permission",
    );
    assert.equal(reason(["env"], "/nowhere/nft").code, "no-nft");
    assert.equal(reason(["env"], "/bin/true").code, undefined);
    assert.equal(reason(["env"], "/bin/false").code, "no-nft");
  });
});
