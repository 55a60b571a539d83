import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { breaksSomething, type Plan, planChange } from "./plan.ts";
import { planLines } from "./sentence.ts";
import { namespace, pool, service, world } from "./test-world.ts";
import { applyDeletion, applyObjects, type World } from "./world.ts";

const planned = (now: World, next: World = now, lbClass?: string): Plan => {
  const outcome = planChange({ now, next, lbClass });
  assert.ok(outcome.ok, outcome.ok ? "" : JSON.stringify(outcome.problems));
  return outcome.plan;
};

/** Each move as `NAME CHANGE BEFORE > AFTER`. */
const moves = ({ moves: all }: Plan): readonly string[] =>
  all.map(({ service: key, change, before, after }) => `${key} ${change} ${before.join()}>${after.join()}`);

const A = pool("a", ["192.0.2.10-192.0.2.19"]);
const WEB = service("web", ["192.0.2.12"]);

describe("a plan", () => {
  it("moves nothing where everything is at rest", () => {
    const plan = planned(world(A, WEB, service("api", ["192.0.2.13"])));
    assert.deepEqual(moves(plan), []);
    assert.equal(plan.unchanged, 2);
    assert.equal(breaksSomething(plan), false);
  });

  it("says who gets an address that waited for one", () => {
    const now = world(
      A,
      WEB,
      service("mail", [], { annotations: { "metallb.io/loadBalancerIPs": "192.0.2.99" } }),
    );
    assert.deepEqual(
      planned(now).pending.map(({ service: key, isNew, decision }) => [key, isNew, decision.refusal.reason]),
      [["shop/mail", false, "address-outside-pools"]],
    );
    const plan = planned(now, applyObjects(now, [pool("b", ["192.0.2.99/32"], { autoAssign: false })]));
    assert.deepEqual(moves(plan), ["shop/mail gets >192.0.2.99"]);
    assert.equal(plan.moves[0]?.pool, "b");
    assert.equal(breaksSomething(plan), false);
  });

  it("says who changes and who loses when a pool shrinks", () => {
    const now = world(
      pool("a", ["192.0.2.10/31"]),
      service("api", ["192.0.2.10"]),
      service("web", ["192.0.2.11"]),
    );
    const shrunk = planned(now, applyObjects(now, [pool("a", ["192.0.2.11/32"])]));
    assert.deepEqual(moves(shrunk), ["shop/api loses 192.0.2.10>"]);
    assert.deepEqual(
      shrunk.pending.map(({ service: key, isNew }) => [key, isNew]),
      [["shop/api", true]],
    );
    assert.ok(breaksSomething(shrunk));
    const moved = planned(now, applyObjects(now, [pool("a", ["192.0.2.20/31"])]));
    assert.deepEqual(moves(moved), [
      "shop/api changes 192.0.2.10>192.0.2.20",
      "shop/web changes 192.0.2.11>192.0.2.21",
    ]);
  });

  it("lets Services keep addresses that go over to another pool", () => {
    const now = world(A, WEB);
    const gone = applyDeletion(now, { kind: "IPAddressPool", namespace: undefined, name: "a" });
    assert.ok(gone !== undefined);
    assert.deepEqual(moves(planned(now, applyObjects(gone, [pool("b", ["192.0.2.12/32"])]))), []);
  });

  it("follows labels of namespaces", () => {
    const admits = { serviceAllocation: { namespaceSelectors: [{ matchLabels: { team: "x" } }] } };
    const now = world(
      pool("a", ["192.0.2.10/31"], admits),
      namespace("shop", { team: "x" }),
      service("web", ["192.0.2.10"]),
    );
    assert.deepEqual(moves(planned(now)), []);
    const plan = planned(now, applyObjects(now, [namespace("shop", { team: "y" })]));
    assert.deepEqual(moves(plan), ["shop/web loses 192.0.2.10>"]);
  });

  it("gives what a Service that goes away had to one that waits", () => {
    const now = world(pool("a", ["192.0.2.10/32"]), service("web", ["192.0.2.10"]), service("api"));
    const next = applyDeletion(now, { kind: "Service", namespace: "shop", name: "web" });
    assert.ok(next !== undefined);
    const plan = planned(now, next);
    assert.deepEqual(moves(plan), ["shop/api gets >192.0.2.10", "shop/web removed 192.0.2.10>"]);
    assert.ok(breaksSomething(plan));
  });

  it("tells what would happen anyway from what the change brings", () => {
    const now = world(A, service("web", ["198.51.100.1"]), service("api"));
    const plan = planned(now, applyObjects(now, [pool("b", ["203.0.113.0/30"])]));
    assert.deepEqual(
      plan.moves.map(({ service: key, isAnyway }) => [key, isAnyway]),
      [
        ["shop/api", true],
        ["shop/web", true],
      ],
    );
  });

  it("completes a Service that prefers both families, which breaks nothing", () => {
    const both = {
      spec: {
        clusterIPs: ["10.96.0.1", "fd00::1"],
        ipFamilies: ["IPv4", "IPv6"],
        ipFamilyPolicy: "PreferDualStack",
      },
    };
    const now = world(A, service("web", ["192.0.2.12"], both));
    const plan = planned(now, applyObjects(now, [pool("a", ["192.0.2.10-192.0.2.19", "2001:db8::/126"])]));
    assert.deepEqual(moves(plan), ["shop/web gets 192.0.2.12>192.0.2.12,2001:db8::"]);
    assert.equal(breaksSomething(plan), false);
  });

  it("leaves Services of another class alone", () => {
    const other = service("web", [], { spec: { loadBalancerClass: "x" } });
    assert.equal(planned(world(A, other)).notOurs, 1);
    assert.deepEqual(moves(planned(world(A, other), undefined, "x")), ["shop/web gets >192.0.2.10"]);
  });

  it("is refused for resources that are no valid configuration, before or after", () => {
    const broken = pool("b", ["192.0.2.12/32"]);
    for (const [now, next, which] of [
      [world(A, broken), world(A), "now"],
      [world(A), world(A, broken), "next"],
    ] as const) {
      const outcome = planChange({ now, next, lbClass: undefined });
      assert.ok(!outcome.ok);
      assert.equal(outcome.world, which);
    }
  });
});

const anyPool = fc
  .record({
    name: fc.constantFrom("a", "b", "c"),
    block: fc.nat(5),
    size: fc.integer({ min: 0, max: 3 }),
    autoAssign: fc.boolean(),
    priority: fc.nat(2),
  })
  .map(({ name, block, size, autoAssign, priority }) =>
    pool(name, [`192.0.2.${block * 4}-192.0.2.${block * 4 + size}`], {
      autoAssign,
      ...(priority === 2 ? { serviceAllocation: { priority: 1, namespaces: ["shop"] } } : {}),
    }),
  );

const anyService = fc
  .record({
    name: fc.constantFrom(..."pqrstuvw"),
    ip: fc.option(fc.nat(24), { nil: undefined }),
    asks: fc.option(fc.nat(24), { nil: undefined, freq: 4 }),
    named: fc.option(fc.constantFrom("a", "b", "d"), { nil: undefined, freq: 4 }),
    shares: fc.boolean(),
    port: fc.integer({ min: 1, max: 3 }),
  })
  .map(({ name, ip, asks, named, shares, port }) =>
    service(name, ip === undefined ? [] : [`192.0.2.${ip}`], {
      annotations: {
        ...(asks === undefined ? {} : { "metallb.io/loadBalancerIPs": `192.0.2.${asks}` }),
        ...(named === undefined ? {} : { "metallb.io/address-pool": named }),
        ...(shares ? { "metallb.io/allow-shared-ip": "key" } : {}),
      },
      spec: { ports: [{ port, protocol: "TCP" }] },
    }),
  );

const anyObjects = fc
  .tuple(fc.array(anyPool, { maxLength: 3 }), fc.array(anyService, { maxLength: 8 }))
  .map(([pools, services]) => [...pools, ...services]);

/** The world once a plan has come true. */
const carriedOut = (next: World, plan: Plan): World => ({
  ...next,
  services: next.services.map((each) => {
    const key = `${each.meta.namespace}/${each.meta.name}`;
    const move = plan.moves.find(({ service: moved }) => moved === key);
    if (move === undefined) return each;
    return {
      ...each,
      ingress: move.after.map((ip) => ({ ip, hostname: undefined, ipMode: "VIP" as const })),
    };
  }),
});

describe("plans of any worlds", () => {
  it("have nothing left to do once they have come true, and give no address to Services that may not share it", () => {
    let moved = 0;
    fc.assert(
      fc.property(anyObjects, anyObjects, (objects, change) => {
        const now = world(...objects);
        const next = applyObjects(now, change);
        const outcome = planChange({ now, next, lbClass: undefined });
        if (!outcome.ok) return;
        const after = carriedOut(next, outcome.plan);
        moved += outcome.plan.moves.length;
        assert.deepEqual(moves(planned(after)), []);
        const keyByAddress = new Map<string, string>();
        for (const { ingress, meta, ports } of after.services) {
          for (const { ip = "" } of ingress) {
            const sharing = meta.annotations["metallb.io/allow-shared-ip"];
            const key = `${sharing ?? meta.name}`;
            assert.equal(keyByAddress.get(ip) ?? key, key, ip);
            keyByAddress.set(ip, key);
            const port = `${ip} ${ports[0]?.port}`;
            assert.ok(!keyByAddress.has(port), port);
            keyByAddress.set(port, key);
          }
        }
        for (const line of planLines(outcome.plan)) assert.ok(line.length > 0 && line.length <= 1_501);
      }),
      { numRuns: 500 },
    );
    assert.ok(moved > 300, `only ${moved} moves: the property shows little`);
  });
});
