/** What happens to Services that have an address already. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type ObjectKey, objectKey } from "#core/kubernetes/meta";
import type { Service } from "#core/service/service";
import {
  admission,
  asks,
  Bench,
  condition,
  configOf,
  ips,
  POOL,
  reasons,
  written,
} from "#testing/allocation";
import { addressPool, ingressOf, loadBalancer } from "#testing/services";
import { createAllocation } from "./allocation.ts";

describe("a restart", () => {
  const holding = (name: string, ip: string, overrides: Parameters<typeof loadBalancer>[1] = {}): Service =>
    loadBalancer(name, { ingress: ingressOf(ip), ...overrides });

  it("gives nothing and writes nothing before everything is known", () => {
    const allocation = createAllocation({ lbClass: undefined });
    assert.deepEqual(allocation.observe(loadBalancer("new")), []);
    assert.deepEqual(allocation.configure(configOf([POOL])), []);
    assert.deepEqual(allocation.observe(holding("old", "192.0.2.0")), []);
    assert.equal(allocation.explain(objectKey(loadBalancer("new").meta))?.state, "loading");
    const outcomes = allocation.synced();
    assert.deepEqual(
      outcomes.map((outcome) => [outcome.key, ...ips(outcome)]),
      [
        ["default/old", "192.0.2.0"],
        ["default/new", "192.0.2.1"],
      ],
    );
    assert.deepEqual(allocation.synced(), []);
  });

  it("waits for the configuration too", () => {
    const allocation = createAllocation({ lbClass: undefined });
    allocation.observe(loadBalancer("new"));
    assert.deepEqual(allocation.synced(), []);
    assert.equal(allocation.configure(configOf([POOL])).length, 1);
  });

  it("keeps what is in the status of MetalLB's Services and adds the condition only", () => {
    const service = holding("web", "192.0.2.200", asks({ "metallb.io/ip-allocated-from-pool": "default" }));
    const [outcome] = new Bench(configOf([POOL]), [service]).started;
    assert.equal(outcome?.write?.isIngressChanged, false);
    assert.deepEqual(outcome?.write?.annotations, {});
    assert.deepEqual(outcome?.events, []);
  });

  it("lets the older of two Services keep an address that both have", () => {
    const young = holding("a", "192.0.2.5", { meta: { createdAt: 200 } });
    const old = holding("b", "192.0.2.5", { meta: { createdAt: 100 } });
    const { started, allocation } = new Bench(configOf([POOL]), [young, old]);
    assert.deepEqual(
      started.map((outcome) => [outcome.key, ...ips(outcome)]),
      [
        ["default/b", "192.0.2.5"],
        ["default/a", "192.0.2.0"],
      ],
    );
    assert.equal(allocation.holders().length, 2);
  });

  it("does not give an address to others that a status lists, even one that must change", () => {
    const moving = holding("moving", "192.0.2.0", { loadBalancerIp: "192.0.2.9" });
    const bench = new Bench(configOf([POOL]), [moving, loadBalancer("new")]);
    assert.deepEqual(
      bench.started.map((outcome) => [outcome.key, ...ips(outcome)]),
      [
        ["default/moving", "192.0.2.9"],
        ["default/new", "192.0.2.1"],
      ],
    );
    const [outcome] = bench.started;
    assert.ok(outcome !== undefined);
    bench.allocation.observe(written(moving, outcome));
    assert.deepEqual(ips(bench.outcome(loadBalancer("newer"))), ["192.0.2.0"]);
  });

  it("replaces a status that cannot be read", () => {
    const service = loadBalancer("web", { ingress: ingressOf("nonsense", "192.0.2.7") });
    const [outcome] = new Bench(configOf([POOL]), [service]).started;
    assert.deepEqual(ips(outcome), ["192.0.2.7"]);
    assert.deepEqual(reasons(outcome), ["Warning nolbIPsIPFamily", "Normal IPAllocated"]);
  });

  it("takes the address of a Service whose cluster addresses are two of one family, and says so", () => {
    const unclear = { clusterIps: ["10.96.0.1", "10.96.0.2"], ipFamilyPolicy: "PreferDualStack" } as const;
    const [outcome] = new Bench(configOf([POOL]), [holding("web", "192.0.2.7", unclear)]).started;
    assert.deepEqual(ips(outcome), []);
    assert.deepEqual(reasons(outcome), ["Normal ClearAssignment", "Warning noclusterIPsIPFamily"]);
  });

  it("takes an address in another spelling for what it is, without a write for it", () => {
    const service = loadBalancer("web", { clusterIps: ["fd00::1"], ingress: ingressOf("2001:DB8:0::7") });
    const pools = [addressPool("six", ["2001:db8::/64"])];
    const [outcome] = new Bench(configOf(pools), [service]).started;
    assert.equal(outcome?.write?.isIngressChanged, false);
  });

  it("takes host names out of a status, as MetalLB does", () => {
    const [entry] = ingressOf("192.0.2.7");
    assert.ok(entry !== undefined);
    for (const ingress of [
      [{ ...entry, hostname: "lb.example" }],
      [entry, { ...entry, ip: undefined, hostname: "x" }],
    ]) {
      const { started } = new Bench(configOf([POOL]), [loadBalancer("web", { ingress })]);
      assert.deepEqual(started[0]?.write?.ingress, ingressOf("192.0.2.7"));
    }
  });

  it("keeps the ipMode of an entry, and does not write because it is missing", () => {
    const bench = new Bench(configOf([POOL]));
    const settled = bench.settle(loadBalancer("web"));
    const [entry] = settled.ingress;
    assert.ok(entry !== undefined);
    assert.deepEqual(
      bench.allocation.observe({ ...settled, ingress: [{ ...entry, ipMode: undefined }] }),
      [],
    );
    assert.deepEqual(bench.allocation.observe({ ...settled, ingress: [{ ...entry, ipMode: "Proxy" }] }), []);
  });
});

describe("a Service with an address", () => {
  it("keeps it when its request becomes unreadable, and is told", () => {
    const bench = new Bench();
    const settled = bench.settle(loadBalancer("web"));
    const outcome = bench.outcome({ ...settled, loadBalancerIp: "nonsense" });
    assert.equal(outcome?.write?.isIngressChanged, false);
    assert.equal(condition(outcome), "True RequestUnreadable");
    assert.deepEqual(reasons(outcome), ["Warning LoadBalancerFailed"]);
  });

  it("moves to the address that it asks for", () => {
    const bench = new Bench();
    const settled = bench.settle(loadBalancer("web"));
    const outcome = bench.outcome({ ...settled, loadBalancerIp: "192.0.2.50" });
    assert.deepEqual(ips(outcome), ["192.0.2.50"]);
    assert.deepEqual(reasons(outcome), ["Normal IPAllocated"]);
  });

  it("loses it when it asks for one that it cannot have", () => {
    const bench = new Bench();
    bench.settle(loadBalancer("other", { loadBalancerIp: "192.0.2.50" }));
    const settled = bench.settle(loadBalancer("web"));
    const outcome = bench.outcome({ ...settled, loadBalancerIp: "192.0.2.50" });
    assert.deepEqual(ips(outcome), []);
    assert.equal(outcome?.write?.isIngressChanged, true);
    assert.deepEqual(outcome?.write?.annotations, { "metallb.io/ip-allocated-from-pool": undefined });
    assert.equal(condition(outcome), "False AddressHeld");
  });

  it("moves to the pool that it names", () => {
    const bench = new Bench(configOf([POOL, addressPool("gold", ["198.51.100.0/24"])]));
    const settled = bench.settle(loadBalancer("web"));
    const annotations = { ...settled.meta.annotations, "metallb.io/address-pool": "gold" };
    const outcome = bench.outcome({ ...settled, meta: { ...settled.meta, annotations } });
    assert.deepEqual(ips(outcome), ["198.51.100.0"]);
    assert.deepEqual(outcome?.write?.annotations, { "metallb.io/ip-allocated-from-pool": "gold" });
  });

  it("gets it back when somebody else changes its status", () => {
    const bench = new Bench();
    const settled = bench.settle(loadBalancer("web", { loadBalancerIp: "192.0.2.9" }));
    for (const ingress of [[], ingressOf("192.0.2.77"), ingressOf("192.0.2.9", "192.0.2.10")])
      assert.deepEqual(ips(bench.outcome({ ...settled, ingress })), ["192.0.2.9"]);
  });

  it("is not asked to be written again because of something else, but is when it is observed again", () => {
    const bench = new Bench();
    const web = loadBalancer("web");
    assert.equal(bench.allocation.observe(web).length, 1);
    assert.deepEqual(bench.allocation.configure(configOf([POOL])), []);
    assert.equal(bench.allocation.observe(web).length, 1);
  });

  it("is told when a write is not wanted any more that may not have been sent", () => {
    const bench = new Bench();
    const refused = bench.settle(loadBalancer("web", { loadBalancerIp: "198.51.100.1" }));
    const elsewhere = addressPool("elsewhere", ["198.51.100.0/24"]);
    const [given] = bench.allocation.configure(configOf([POOL, elsewhere]));
    assert.deepEqual(ips(given), ["198.51.100.1"]);
    const [retracted, ...others] = bench.allocation.configure(configOf([POOL]));
    assert.deepEqual(others, []);
    assert.equal(retracted?.key, objectKey(refused.meta));
    assert.equal(retracted?.write, undefined);
  });

  it("keeps from others what a write may still put into its status, until that is known not to land", () => {
    const bench = new Bench(
      configOf([addressPool("one", ["192.0.2.1/32"]), addressPool("two", ["192.0.2.2/32"])]),
    );
    assert.deepEqual(ips(bench.outcome(loadBalancer("web"))), ["192.0.2.1"]);
    const narrowed = addressPool("one", ["192.0.2.1/32"], {
      admission: admission({ namespaces: new Set(["x"]) }),
    });
    const [moved] = bench.allocation.configure(configOf([narrowed, addressPool("two", ["192.0.2.2/32"])]));
    assert.deepEqual(ips(moved), ["192.0.2.2"]);
    const other = loadBalancer("other", { meta: { namespace: "x" } });
    assert.equal(
      condition(bench.outcome({ ...other, loadBalancerIp: "192.0.2.1" })),
      "False AddressBeingReleased",
    );
    const outcomes = bench.allocation.unwritten("default/web" as ObjectKey);
    assert.deepEqual(
      outcomes.map((outcome) => [outcome.key, ...ips(outcome)]),
      [["x/other", "192.0.2.1"]],
    );
  });

  it("is not written for the sake of one that is being deleted", () => {
    const bench = new Bench();
    assert.equal(bench.outcome(loadBalancer("web", { meta: { isDeleting: true } })), undefined);
  });

  it("keeps it while it is being deleted, and frees it when it is gone", () => {
    const bench = new Bench(configOf([addressPool("one", ["192.0.2.1/32"])]));
    const settled = bench.settle(loadBalancer("web"));
    assert.deepEqual(
      bench.allocation.observe({ ...settled, meta: { ...settled.meta, isDeleting: true } }),
      [],
    );
    assert.equal(condition(bench.outcome(loadBalancer("waiting"))), "False PoolsExhausted");
    const outcomes = bench.allocation.forget("default/web" as ObjectKey);
    assert.deepEqual(
      outcomes.map((outcome) => [outcome.key, ...ips(outcome)]),
      [["default/waiting", "192.0.2.1"]],
    );
    assert.deepEqual(bench.allocation.forget("default/web" as ObjectKey), []);
  });

  it("is another one when it was deleted and created again unseen", () => {
    const bench = new Bench(configOf([addressPool("one", ["192.0.2.1/32"])]));
    bench.settle(loadBalancer("web"));
    const outcome = bench.outcome(loadBalancer("web", { meta: { uid: "uid-2", createdAt: 1_800_000_000 } }));
    assert.deepEqual(ips(outcome), ["192.0.2.1"]);
    assert.equal(outcome?.uid, "uid-2");
  });
});

describe("a Service that is not ours", () => {
  it("is never touched when its class is another's", () => {
    const foreign = loadBalancer("web", { loadBalancerClass: "other", ingress: ingressOf("192.0.2.1") });
    const bench = new Bench(configOf([POOL]), [foreign]);
    assert.deepEqual(bench.started, []);
    const marked = {
      ...foreign,
      meta: { ...foreign.meta, annotations: { "metallb.io/ip-allocated-from-pool": "p" } },
    };
    assert.deepEqual(bench.allocation.observe(marked), []);
    assert.deepEqual(bench.allocation.observe({ ...marked, ingress: [] }), []);
    assert.deepEqual(bench.allocation.explain("default/web" as ObjectKey)?.state, "not-ours");
  });

  it("is ours with the class that we are told to look after, and only then", () => {
    const allocation = createAllocation({ lbClass: "steelyard.dev/l2" });
    allocation.configure(configOf([POOL]));
    allocation.synced();
    assert.deepEqual(allocation.observe(loadBalancer("plain")), []);
    assert.deepEqual(allocation.observe(loadBalancer("other", { loadBalancerClass: "x" })), []);
    assert.equal(
      allocation.observe(loadBalancer("ours", { loadBalancerClass: "steelyard.dev/l2" })).length,
      1,
    );
  });

  it("is cleared when it stops being a load balancer", () => {
    const bench = new Bench();
    const settled = bench.settle(loadBalancer("web"));
    const changed: Service = {
      ...settled,
      type: "ClusterIP",
      meta: { ...settled.meta, resourceVersion: "9" },
    };
    const outcome = bench.outcome(changed);
    assert.deepEqual(outcome?.write, {
      ingress: [],
      isIngressChanged: true,
      condition: undefined,
      annotations: { "metallb.io/ip-allocated-from-pool": undefined },
    });
    assert.equal(outcome?.decision, undefined);
    assert.ok(outcome !== undefined);
    const cleared = written(changed, outcome, "10");
    assert.deepEqual(bench.allocation.observe(cleared), []);
    assert.deepEqual(bench.allocation.holders(), []);
  });

  it("frees its address for others when its status does not list it any more", () => {
    const bench = new Bench(configOf([addressPool("one", ["192.0.2.1/32"])]));
    const settled = bench.settle(loadBalancer("web"));
    bench.outcome(loadBalancer("waiting"));
    const changed: Service = {
      ...settled,
      type: "ClusterIP",
      meta: { ...settled.meta, resourceVersion: "9" },
    };
    const outcomes = bench.allocation.observe(changed);
    assert.deepEqual(
      outcomes.map(({ key }) => key),
      ["default/web"],
    );
    const [outcome] = outcomes;
    assert.ok(outcome !== undefined);
    const next = bench.allocation.observe(written(changed, outcome, "10"));
    assert.deepEqual(
      next.map((each) => [each.key, ...ips(each)]),
      [["default/waiting", "192.0.2.1"]],
    );
  });

  it("is cleared after a restart if it carries what only we write", () => {
    const bench = new Bench();
    const settled = bench.settle(loadBalancer("web"));
    const changed: Service = { ...settled, type: "NodePort", ingress: [] };
    const [outcome] = new Bench(configOf([POOL]), [changed]).started;
    assert.equal(outcome?.write?.condition, undefined);
    assert.deepEqual(outcome?.write?.annotations, { "metallb.io/ip-allocated-from-pool": undefined });
    assert.deepEqual(new Bench(configOf([POOL]), [loadBalancer("plain", { type: "ClusterIP" })]).started, []);
  });

  it("is left alone if another allocator wrote to it before we could clear it", () => {
    const bench = new Bench();
    const settled = bench.settle(loadBalancer("web"));
    const taken: Service = { ...settled, loadBalancerClass: "other", ingress: ingressOf("203.0.113.9") };
    assert.equal(bench.outcome(taken), undefined);
    assert.deepEqual(bench.allocation.holders(), []);
    const refused = settled.conditions.map(
      (each) => ({ ...each, status: "False", message: "no pool" }) as const,
    );
    const other = new Bench();
    other.settle(loadBalancer("web"));
    assert.equal(other.outcome({ ...taken, ingress: [], conditions: refused }), undefined);
  });

  it("loses what we gave when its class becomes another's and nobody else wrote", () => {
    const bench = new Bench();
    const settled = bench.settle(loadBalancer("web"));
    const outcome = bench.outcome({ ...settled, loadBalancerClass: "other" });
    assert.deepEqual(outcome?.write?.ingress, []);
    assert.equal(outcome?.write?.condition, undefined);
  });
});
