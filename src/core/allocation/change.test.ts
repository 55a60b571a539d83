/** Changes of the configuration: pools, reservations, conflicts; and explanations. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { ObjectKey } from "#core/kubernetes/meta";
import { admission, Bench, condition, configOf, ips, POOL, reasons, written } from "#testing/allocation";
import { addressPool, ingressOf, loadBalancer } from "#testing/services";
import { address } from "#testing/values";

describe("a change of pools", () => {
  const web = loadBalancer("web", { loadBalancerIp: undefined });

  it("gives another address for one that is in no pool any more", () => {
    const bench = new Bench();
    bench.settle(web);
    const [outcome] = bench.allocation.configure(configOf([addressPool("new", ["198.51.100.0/24"])]));
    assert.deepEqual(ips(outcome), ["198.51.100.0"]);
    assert.deepEqual(reasons(outcome), ["Normal ClearAssignment", "Normal IPAllocated"]);
  });

  it("keeps the address and moves its owner when a pool is renamed or split", () => {
    const bench = new Bench();
    bench.settle(web);
    const pools = [addressPool("low", ["192.0.2.0/28"]), addressPool("rest", ["192.0.2.16-192.0.2.255"])];
    const [outcome] = bench.allocation.configure(configOf(pools));
    assert.equal(outcome?.write?.isIngressChanged, false);
    assert.deepEqual(outcome?.write?.annotations, { "metallb.io/ip-allocated-from-pool": "low" });
    assert.deepEqual(outcome?.events, []);
  });

  it("frees .0 and .255 when avoidBuggyIPs is turned on", () => {
    const bench = new Bench();
    bench.settle(web);
    const [outcome] = bench.allocation.configure(configOf([{ ...POOL, avoidBuggyIps: true }]));
    assert.deepEqual(ips(outcome), ["192.0.2.1"]);
  });

  it("clears everything when the last pool is gone, and gives again when one is back", () => {
    const bench = new Bench();
    const settled = bench.settle(web);
    const [cleared] = bench.allocation.configure(configOf([]));
    assert.deepEqual(ips(cleared), []);
    assert.equal(condition(cleared), "False NoPools");
    assert.deepEqual(reasons(cleared), ["Normal ClearAssignment", "Warning AllocationFailed"]);
    assert.ok(cleared !== undefined);
    bench.allocation.observe(written(settled, cleared, "7"));
    const [given] = bench.allocation.configure(configOf([POOL]));
    assert.deepEqual(ips(given), ["192.0.2.0"]);
  });

  it("takes an address from a Service that its pool does not admit any more", () => {
    const bench = new Bench();
    bench.settle(web);
    const closed = { ...POOL, admission: admission({ namespaces: new Set(["prod"]) }) };
    const [outcome] = bench.allocation.configure(configOf([closed]));
    assert.equal(condition(outcome), "False NoPoolApplies");
    assert.deepEqual(reasons(outcome), ["Normal ClearAssignment", "Warning AllocationFailed"]);
  });

  it("leaves Services of a pool that gives nothing by itself any more where they are", () => {
    const bench = new Bench();
    bench.settle(web);
    assert.deepEqual(bench.allocation.configure(configOf([{ ...POOL, autoAssign: false }])), []);
  });

  it("serves those who wait, the oldest first", () => {
    const bench = new Bench(configOf([addressPool("one", ["192.0.2.1/32"])]));
    bench.settle(web);
    const late = loadBalancer("a", { meta: { createdAt: 1_800_000_000 } });
    const early = loadBalancer("b", { meta: { createdAt: 1_750_000_000 } });
    bench.settle(late);
    bench.settle(early);
    const outcomes = bench.allocation.configure(configOf([addressPool("one", ["192.0.2.1-192.0.2.2"])]));
    assert.deepEqual(
      outcomes.map((outcome) => [outcome.key, ...ips(outcome)]),
      [["default/b", "192.0.2.2"]],
    );
  });
});

describe("a reservation", () => {
  const reservation = {
    name: "for-web",
    addresses: [address("192.0.2.1")],
    service: "default/web" as ObjectKey,
  };
  const pools = [addressPool("default", ["192.0.2.1-192.0.2.3"])];
  const config = configOf(pools, { reservations: [reservation] });

  it("is for the Service that it names, whether or not it is there", () => {
    const bench = new Bench(config);
    assert.deepEqual(ips(bench.outcome(loadBalancer("other"))), ["192.0.2.2"]);
    assert.deepEqual(ips(bench.outcome(loadBalancer("web"))), ["192.0.2.1"]);
  });

  it("refuses others by name", () => {
    const outcome = new Bench(config).outcome(loadBalancer("other", { loadBalancerIp: "192.0.2.1" }));
    assert.equal(condition(outcome), "False AddressReserved");
    assert.match(outcome?.write?.condition?.message ?? "", /kept by the reservation for-web/);
  });

  it("refuses everybody when it names no Service", () => {
    const nobody = { ...reservation, service: undefined };
    const bench = new Bench(configOf(pools, { reservations: [nobody] }));
    assert.deepEqual(ips(bench.outcome(loadBalancer("web"))), ["192.0.2.2"]);
  });

  it("gives way to what the Service asks for", () => {
    const bench = new Bench(config);
    assert.deepEqual(ips(bench.outcome(loadBalancer("web", { loadBalancerIp: "192.0.2.3" }))), ["192.0.2.3"]);
  });

  it("survives the Service", () => {
    const bench = new Bench(config);
    bench.settle(loadBalancer("web"));
    bench.allocation.forget("default/web" as ObjectKey);
    assert.deepEqual(ips(bench.outcome(loadBalancer("other"))), ["192.0.2.2"]);
    assert.deepEqual(ips(bench.outcome(loadBalancer("web"))), ["192.0.2.1"]);
  });

  it("works from a pool that gives nothing by itself", () => {
    const closed = pools.map((pool) => ({ ...pool, autoAssign: false }));
    const bench = new Bench(configOf(closed, { reservations: [reservation] }));
    assert.deepEqual(ips(bench.outcome(loadBalancer("web"))), ["192.0.2.1"]);
  });

  it("does not open a pool that does not admit the Service", () => {
    const closed = pools.map((pool) => ({ ...pool, admission: admission({ namespaces: new Set(["x"]) }) }));
    const bench = new Bench(configOf(closed, { reservations: [reservation] }));
    assert.equal(condition(bench.outcome(loadBalancer("web"))), "False NoPoolApplies");
  });

  it("completes what its Service has", () => {
    const both = [addressPool("both", ["192.0.2.1-192.0.2.3", "2001:db8::1/128"])];
    const six = { ...reservation, addresses: [address("2001:db8::1")] };
    const dual = { clusterIps: ["10.96.0.1", "fd00::1"], ipFamilyPolicy: "PreferDualStack" } as const;
    const bench = new Bench(configOf(both, { reservations: [six] }));
    assert.deepEqual(ips(bench.outcome(loadBalancer("other", dual))), ["192.0.2.1"]);
    const service = loadBalancer("web", { ...dual, ingress: ingressOf("192.0.2.3") });
    assert.deepEqual(ips(bench.outcome(service)), ["192.0.2.3", "2001:db8::1"]);
  });

  it("reaches its Service as soon as the one who held the address is gone", () => {
    const both = [addressPool("both", ["192.0.2.1/32", "2001:db8::/126"])];
    const bench = new Bench(configOf(both));
    bench.settle(loadBalancer("other"));
    const dual = { clusterIps: ["10.96.0.1", "fd00::1"], ipFamilyPolicy: "PreferDualStack" } as const;
    bench.settle(loadBalancer("web", dual));
    assert.deepEqual(bench.allocation.configure(configOf(both, { reservations: [reservation] })), []);
    const [outcome] = bench.allocation.forget("default/other" as ObjectKey);
    assert.deepEqual([outcome?.key, ...ips(outcome)], ["default/web", "2001:db8::", "192.0.2.1"]);
  });

  it("does not take an address from a Service that has it already", () => {
    const bench = new Bench(configOf(pools));
    const other = bench.settle(loadBalancer("other"));
    assert.deepEqual(other.ingress, ingressOf("192.0.2.1"));
    assert.deepEqual(bench.allocation.configure(config), []);
    assert.deepEqual(ips(bench.outcome(loadBalancer("web"))), ["192.0.2.2"]);
  });
});

describe("a reported conflict", () => {
  const conflict = { address: address("192.0.2.1"), mac: "02:00:00:00:00:09", reportedBy: "node-a" };
  const pools = [addressPool("default", ["192.0.2.1-192.0.2.2"])];
  const config = configOf(pools, { conflicts: [conflict] });

  it("keeps the address from being given", () => {
    const bench = new Bench(config);
    assert.deepEqual(ips(bench.outcome(loadBalancer("web"))), ["192.0.2.2"]);
    const asked = bench.outcome(loadBalancer("asks", { loadBalancerIp: "192.0.2.1" }));
    assert.equal(condition(asked), "False AddressInConflict");
    assert.match(asked?.write?.condition?.message ?? "", /02:00:00:00:00:09.*node-a/);
  });

  it("moves a Service that asked for nothing in particular and is not announced", () => {
    const bench = new Bench(configOf(pools));
    bench.settle(loadBalancer("web"));
    const [outcome] = bench.allocation.configure(config);
    assert.deepEqual(ips(outcome), ["192.0.2.2"]);
    assert.deepEqual(reasons(outcome), ["Warning AddressConflict", "Normal IPAllocated"]);
  });

  const announced = {
    type: "steelyard.dev/Announced",
    status: "True",
    reason: "Announced",
    message: "",
    lastTransitionTime: "2026-01-01T00:00:00Z",
    observedGeneration: 0,
  } as const;

  for (const [title, change] of [
    ["is announced", { conditions: [announced] }],
    ["asked for the address", { loadBalancerIp: "192.0.2.1" }],
  ] as const) {
    it(`stays with a Service that ${title}, and says so once`, () => {
      const service = loadBalancer("web", { ingress: ingressOf("192.0.2.1"), ...change });
      const bench = new Bench(config, [service]);
      const [outcome] = bench.started;
      assert.equal(outcome?.write?.isIngressChanged, false);
      assert.equal(condition(outcome), "True AddressConflict");
      assert.deepEqual(reasons(outcome), ["Warning AddressConflict"]);
      assert.ok(outcome !== undefined);
      const next = written(service, outcome);
      assert.deepEqual(
        bench.allocation.observe({ ...next, conditions: [...next.conditions, ...service.conditions] }),
        [],
      );
    });
  }

  it("moves the address in conflict only, within the pool, if the pool has another", () => {
    const its = addressPool("z", ["192.0.2.1-192.0.2.2", "2001:db8::/126"]);
    const first = addressPool("a", ["198.51.100.0/30", "2001:db8:1::/126"]);
    const service = loadBalancer("web", {
      clusterIps: ["10.96.0.1", "fd00::1"],
      ipFamilyPolicy: "PreferDualStack",
      ingress: ingressOf("192.0.2.1", "2001:db8::3"),
    });
    const { started } = new Bench(configOf([first, its], { conflicts: [conflict] }), [service]);
    assert.deepEqual(ips(started[0]), ["192.0.2.2", "2001:db8::3"]);
  });

  it("stays with a Service for which there is no other address, until there is one", () => {
    const bench = new Bench(configOf(pools));
    bench.settle(loadBalancer("web"));
    const other = bench.settle(loadBalancer("other"));
    assert.deepEqual(other.ingress, ingressOf("192.0.2.2"));
    const [outcome] = bench.allocation.configure(config);
    assert.equal(condition(outcome), "True AddressConflict");
    const [moved] = bench.allocation.forget("default/other" as ObjectKey);
    assert.deepEqual([moved?.key, ...ips(moved)], ["default/web", "192.0.2.2"]);
  });
});

describe("an explanation", () => {
  it("says what each pool would do", () => {
    const pools = [
      addressPool("full", ["192.0.2.1/32"]),
      addressPool("closed", ["198.51.100.0/24"], { autoAssign: false }),
      addressPool("foreign", ["203.0.113.0/24"], { admission: admission({ namespaces: new Set(["x"]) }) }),
      addressPool("six", ["2001:db8::/64"]),
      addressPool("good", ["10.0.0.0/8"]),
    ];
    const bench = new Bench(configOf(pools));
    bench.settle(loadBalancer("first", { loadBalancerIp: "192.0.2.1" }));
    bench.settle(loadBalancer("web"));
    const explanation = bench.allocation.explain("default/web" as ObjectKey);
    assert.equal(explanation?.state, "decided");
    assert.deepEqual(
      explanation?.state === "decided" &&
        explanation.pools.map((each) => [
          each.pool,
          each.verdict === "refuses" ? each.because.reason : each.addresses[0],
        ]),
      [
        ["foreign", "not-admitted"],
        ["full", "exhausted"],
        ["good", "10.0.0.0"],
        ["six", "without-family"],
        ["closed", "not-automatic"],
      ],
    );
    assert.deepEqual(explanation?.status, ["10.0.0.0"]);
    assert.equal(bench.allocation.explain("default/none" as ObjectKey), undefined);
  });

  it("changes nothing", () => {
    const bench = new Bench();
    bench.outcome(loadBalancer("web"));
    const before = bench.allocation.holders();
    bench.allocation.explain("default/web" as ObjectKey);
    assert.deepEqual(bench.allocation.holders(), before);
    assert.deepEqual(bench.allocation.pools()[0]?.ipv4, {
      total: 256n,
      assigned: 1n,
      withheld: 0n,
      available: 255n,
    });
  });
});
