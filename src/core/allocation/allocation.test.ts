/** MetalLB's behaviour, case by case: what a Service without an address gets, pools in order, shared addresses. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { AddressPool, PoolAdmission } from "#core/ipam/pool";
import type { Service } from "#core/service/service";
import { admission, asks, Bench, condition, configOf, ips, POOL, reasons } from "#testing/allocation";
import { addressPool, ingressOf, loadBalancer } from "#testing/services";

describe("a Service without an address", () => {
  it("gets the first free one, its pool, a condition and an event", () => {
    const outcome = new Bench().outcome(loadBalancer("web"));
    assert.deepEqual(outcome?.write, {
      ingress: ingressOf("192.0.2.0"),
      isIngressChanged: true,
      condition: {
        type: "steelyard.dev/Allocated",
        status: "True",
        reason: "Allocated",
        message: "192.0.2.0 from pool default.",
      },
      annotations: { "metallb.io/ip-allocated-from-pool": "default" },
    });
    assert.deepEqual(outcome?.events, [
      { type: "Normal", reason: "IPAllocated", message: "Assigned 192.0.2.0 from pool default." },
    ]);
    assert.equal(outcome?.resourceVersion, "1");
    assert.equal(outcome?.uid, "uid-web");
  });

  it("causes no write and no event once it shows what it should", () => {
    const bench = new Bench();
    const settled = bench.settle(loadBalancer("web"));
    assert.deepEqual(bench.allocation.observe(settled), []);
    assert.deepEqual(bench.allocation.configure(configOf([POOL])), []);
  });

  it("gets the same again when an old version is observed, and no second event", () => {
    const bench = new Bench();
    const first = bench.outcome(loadBalancer("web"));
    const again = bench.outcome(loadBalancer("web"));
    assert.deepEqual(ips(again), ips(first));
    assert.deepEqual(again?.events, []);
  });

  it("is refused quietly while it has no cluster address, and served once it has", () => {
    const bench = new Bench();
    const outcome = bench.outcome(loadBalancer("web", { clusterIps: [] }));
    assert.equal(condition(outcome), "False NoClusterIps");
    assert.deepEqual(outcome?.events, []);
    assert.deepEqual(ips(bench.outcome(loadBalancer("web"))), ["192.0.2.0"]);
  });

  for (const [title, pools, service, expectedIps, expectedCondition, events] of [
    [
      "the address that it asks for",
      [POOL],
      { loadBalancerIp: "192.0.2.77" },
      ["192.0.2.77"],
      "True Allocated",
      ["Normal IPAllocated"],
    ],
    ["nothing from no pool", [], {}, [], "False NoPools", ["Warning AllocationFailed"]],
    [
      "nothing when it asks both ways at once",
      [POOL],
      { loadBalancerIp: "192.0.2.7", ...asks({ "metallb.io/loadBalancerIPs": "192.0.2.7" }) },
      [],
      "False AskedTwice",
      ["Warning AllocationFailed"],
    ],
    [
      "nothing when it asks for what is no address",
      [POOL],
      { loadBalancerIp: "web" },
      [],
      "False NotAnAddress",
      ["Warning AllocationFailed"],
    ],
    [
      "nothing when it asks for a family that it does not have",
      [POOL],
      { loadBalancerIp: "2001:db8::1" },
      [],
      "False FamiliesDiffer",
      ["Warning AllocationFailed"],
    ],
    [
      "nothing when it asks for an address outside of every pool",
      [POOL],
      { loadBalancerIp: "198.51.100.1" },
      [],
      "False AddressOutsidePools",
      ["Warning AllocationFailed"],
    ],
    [
      "nothing when it asks for an address that its pool leaves out",
      [{ ...POOL, avoidBuggyIps: true }],
      { loadBalancerIp: "192.0.2.255" },
      [],
      "False AddressOutsidePools",
      ["Warning AllocationFailed"],
    ],
    [
      "nothing from a pool that does not exist",
      [POOL],
      asks({ "metallb.io/address-pool": "gold" }),
      [],
      "False PoolUnknown",
      ["Warning AllocationFailed"],
    ],
    [
      "nothing when its address is not in the pool that it names",
      [POOL, addressPool("gold", ["198.51.100.0/24"])],
      { loadBalancerIp: "192.0.2.7", ...asks({ "metallb.io/address-pool": "gold" }) },
      [],
      "False AddressNotInNamedPool",
      ["Warning AllocationFailed"],
    ],
    [
      "an address from a pool that gives nothing by itself, when it names it",
      [{ ...POOL, autoAssign: false }],
      asks({ "metallb.io/address-pool": "default" }),
      ["192.0.2.0"],
      "True Allocated",
      ["Normal IPAllocated"],
    ],
    [
      "an address of a pool that gives nothing by itself, when it asks for it",
      [{ ...POOL, autoAssign: false }],
      { loadBalancerIp: "192.0.2.3" },
      ["192.0.2.3"],
      "True Allocated",
      ["Normal IPAllocated"],
    ],
    [
      "nothing from a pool that gives nothing by itself",
      [{ ...POOL, autoAssign: false }],
      {},
      [],
      "False NoPoolApplies",
      ["Warning AllocationFailed"],
    ],
    [
      "nothing from a pool for other namespaces, though it names it",
      [{ ...POOL, admission: admission({ namespaces: new Set(["prod"]) }) }],
      asks({ "metallb.io/address-pool": "default" }),
      [],
      "False PoolNotAdmitting",
      ["Warning AllocationFailed"],
    ],
    [
      "nothing from a pool for other namespaces, though it asks for its address",
      [{ ...POOL, admission: admission({ namespaces: new Set(["prod"]) }) }],
      { loadBalancerIp: "192.0.2.3" },
      [],
      "False PoolNotAdmitting",
      ["Warning AllocationFailed"],
    ],
    [
      "an address after .0 where that is left out",
      [{ ...POOL, avoidBuggyIps: true }],
      {},
      ["192.0.2.1"],
      "True Allocated",
      ["Normal IPAllocated"],
    ],
    [
      "a warning for annotations of the older prefix, which work",
      [POOL, addressPool("gold", ["198.51.100.0/24"])],
      asks({ "metallb.universe.tf/address-pool": "gold" }),
      ["198.51.100.0"],
      "True Allocated",
      ["Normal IPAllocated", "Warning deprecatedAnnotation"],
    ],
    [
      "nothing when RequireDualStack has one cluster address",
      [POOL],
      { ipFamilyPolicy: "RequireDualStack" },
      [],
      "False NotEnoughClusterIps",
      ["Warning not enough clusterips"],
    ],
    [
      "nothing when its cluster addresses are two of one family",
      [POOL],
      { clusterIps: ["10.96.0.1", "10.96.0.2"], ipFamilyPolicy: "PreferDualStack" },
      [],
      "False ClusterIpsUnclear",
      ["Warning noclusterIPsIPFamily"],
    ],
    [
      "nothing from a pool of the other family",
      [POOL],
      { clusterIps: ["fd00::1"] },
      [],
      "False NoPoolApplies",
      ["Warning AllocationFailed"],
    ],
    [
      "the first of the blocks as they are written",
      [addressPool("default", ["192.0.2.128/25", "192.0.2.0/25"])],
      {},
      ["192.0.2.128"],
      "True Allocated",
      ["Normal IPAllocated"],
    ],
  ] as const) {
    it(`gets ${title}`, () => {
      const outcome = new Bench(configOf(pools)).outcome(loadBalancer("web", service));
      assert.deepEqual(ips(outcome), expectedIps);
      assert.equal(condition(outcome), expectedCondition);
      assert.deepEqual(reasons(outcome), events);
    });
  }

  it("is told each pool that was asked and what to do", () => {
    const pools = [addressPool("a", ["192.0.2.0/32"]), addressPool("b", ["2001:db8::/64"])];
    const bench = new Bench(configOf(pools));
    bench.settle(loadBalancer("first"));
    const message = bench.outcome(loadBalancer("second"))?.write?.condition?.message;
    assert.equal(
      message,
      "Pool a has no free IPv4 address; pool b has no IPv4 addresses. Add addresses to a pool.",
    );
  });
});

describe("the order of pools", () => {
  const pinned = (name: string, third: number, overrides: Partial<PoolAdmission>): AddressPool =>
    addressPool(name, [`10.0.${third}.0/32`], { admission: admission(overrides) });
  const pools = [
    pinned("last", 1, {}),
    pinned("second", 2, { priority: 20, namespaces: new Set(["default"]) }),
    pinned("first", 3, {
      priority: 10,
      serviceSelectors: [{ matchLabels: { tier: "gold" }, matchExpressions: [] }],
    }),
    pinned("foreign", 4, { priority: 1, namespaces: new Set(["prod"]) }),
    addressPool("automatic-b", ["10.0.5.0/32"]),
    addressPool("automatic-a", ["10.0.6.0/32"]),
  ];

  it("is by priority, then those without one, then those for everybody by name", () => {
    const bench = new Bench(configOf(pools));
    const got = ["a", "b", "c", "d", "e", "f"].map((name) =>
      ips(bench.outcome(loadBalancer(name, { meta: { labels: { tier: "gold" } } }))),
    );
    assert.deepEqual(got, [["10.0.3.0"], ["10.0.2.0"], ["10.0.1.0"], ["10.0.6.0"], ["10.0.5.0"], []]);
  });

  it("does not depend on the order in which they are configured", () => {
    const bench = new Bench(configOf(pools.toReversed()));
    assert.deepEqual(ips(bench.outcome(loadBalancer("a"))), ["10.0.2.0"]);
  });

  it("needs both namespace and labels where a pool names both", () => {
    const both = pinned("both", 9, {
      priority: 1,
      namespaces: new Set(["default"]),
      serviceSelectors: [{ matchLabels: { tier: "gold" }, matchExpressions: [] }],
    });
    const bench = new Bench(configOf([both, POOL]));
    assert.deepEqual(ips(bench.outcome(loadBalancer("plain"))), ["192.0.2.0"]);
    assert.deepEqual(ips(bench.outcome(loadBalancer("gold", { meta: { labels: { tier: "gold" } } }))), [
      "10.0.9.0",
    ]);
  });
});

describe("a shared address", () => {
  const shared = (name: string, overrides: Parameters<typeof loadBalancer>[1] = {}, key = "k"): Service =>
    loadBalancer(name, {
      ...asks({ "metallb.io/allow-shared-ip": key }),
      loadBalancerIp: "192.0.2.9",
      ...overrides,
    });

  for (const [title, second, expected] of [
    [
      "is given to Services with the same key and other ports",
      shared("b", { ports: ["TCP/443"] }),
      "True Allocated",
    ],
    ["is given on the same port of another protocol", shared("b", { ports: ["UDP/80"] }), "True Allocated"],
    ["is refused on the same port", shared("b"), "False PortInUse"],
    ["is refused to another key", shared("b", { ports: ["TCP/443"] }, "other"), "False AddressHeld"],
    [
      "is refused to a Service without a key",
      loadBalancer("b", { loadBalancerIp: "192.0.2.9", ports: ["TCP/443"] }),
      "False AddressHeld",
    ],
    [
      "is refused to other pods with externalTrafficPolicy Local",
      shared("b", { ports: ["TCP/443"], externalTrafficPolicy: "Local" }),
      "False AddressHeld",
    ],
  ] as const) {
    it(title, () => {
      const bench = new Bench();
      bench.settle(shared("a"));
      assert.equal(condition(bench.outcome(second)), expected);
    });
  }

  it("is given with externalTrafficPolicy Local to Services of the same pods", () => {
    const local = { externalTrafficPolicy: "Local", selector: { app: "x" } } as const;
    const bench = new Bench();
    bench.settle(shared("a", local));
    assert.equal(condition(bench.outcome(shared("b", { ...local, ports: ["TCP/443"] }))), "True Allocated");
  });

  it("is found without being asked for, before a free one", () => {
    const bench = new Bench();
    const keyed = (name: string, port: string): Service =>
      loadBalancer(name, { ...asks({ "metallb.io/allow-shared-ip": "k" }), ports: [port] });
    bench.settle(keyed("a", "TCP/80"));
    assert.deepEqual(ips(bench.outcome(keyed("b", "TCP/443"))), ["192.0.2.0"]);
    assert.deepEqual(ips(bench.outcome(keyed("c", "TCP/443"))), ["192.0.2.1"]);
  });

  it("stays with its only holder when that changes its key", () => {
    const bench = new Bench();
    const settled = bench.settle(shared("a"));
    const annotations = { ...settled.meta.annotations, "metallb.io/allow-shared-ip": "other" };
    assert.equal(bench.outcome({ ...settled, meta: { ...settled.meta, annotations } }), undefined);
    assert.equal(condition(bench.outcome(shared("b", { ports: ["TCP/443"] }))), "False AddressHeld");
    assert.equal(condition(bench.outcome(shared("c", { ports: ["TCP/443"] }, "other"))), "True Allocated");
  });

  it("goes to the one who waits for the port that its holder gives up", () => {
    const bench = new Bench(configOf([addressPool("one", ["192.0.2.9/32"])]));
    const holder = bench.settle(shared("holder", { ports: ["TCP/80", "TCP/443"] }));
    for (const port of ["TCP/80", "TCP/443"])
      bench.outcome(shared(`waits-${port.slice(4)}`, { ports: [port], loadBalancerIp: undefined }));
    const outcomes = bench.allocation.observe({ ...holder, ports: holder.ports.slice(0, 1) });
    assert.deepEqual(
      outcomes.map((outcome) => [outcome.key, ...ips(outcome)]),
      [["default/waits-443", "192.0.2.9"]],
    );
  });

  it("is lost by one of several holders that changes its key", () => {
    const bench = new Bench();
    const free = { loadBalancerIp: undefined };
    const a = bench.settle(shared("a", free));
    bench.settle(shared("b", { ...free, ports: ["TCP/443"] }));
    const annotations = { ...a.meta.annotations, "metallb.io/allow-shared-ip": "other" };
    const outcome = bench.outcome({ ...a, meta: { ...a.meta, annotations, resourceVersion: "9" } });
    assert.deepEqual(ips(outcome), ["192.0.2.1"]);
    assert.deepEqual(reasons(outcome), ["Normal ClearAssignment", "Normal IPAllocated"]);
  });
});
