/** Dual stack, case by case, as MetalLB has it. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { AddressPool } from "#core/ipam/pool";
import type { ObjectKey } from "#core/kubernetes/meta";
import type { Service } from "#core/service/service";
import { asks, Bench, condition, configOf, ips, reasons } from "#testing/allocation";
import { addressPool, ingressOf, loadBalancer } from "#testing/services";

const V4_FIRST = ["10.96.0.1", "fd00::1"];
const V6_FIRST = ["fd00::1", "10.96.0.1"];

const both = addressPool("m-both", ["2001:db8::/126", "192.0.2.0/30"]);
const four = addressPool("a-four", ["198.51.100.0/30"]);
const six = addressPool("b-six", ["2001:db8:6::/126"]);

const prefer = (name: string, clusterIps: readonly string[] = V4_FIRST): Service =>
  loadBalancer(name, { clusterIps, ipFamilyPolicy: "PreferDualStack" });
const requires = (name: string): Service =>
  loadBalancer(name, { clusterIps: V4_FIRST, ipFamilyPolicy: "RequireDualStack" });

const withAnnotations = (service: Service, annotations: Record<string, string>): Service => ({
  ...service,
  meta: { ...service.meta, ...asks(annotations).meta },
});

describe("a new Service of both families", () => {
  for (const [title, pools, service, expected, says] of [
    [
      "that requires both gets them from one pool, IPv4 first",
      [four, six, both],
      requires("web"),
      ["192.0.2.0", "2001:db8::"],
      "True Allocated",
    ],
    [
      "that requires both gets nothing from two pools",
      [four, six],
      requires("web"),
      [],
      "False NoPoolApplies",
    ],
    [
      "that prefers both gets them from the first pool that has both",
      [four, six, both],
      prefer("web"),
      ["192.0.2.0", "2001:db8::"],
      "True Allocated",
    ],
    [
      "gets IPv4 first whichever family comes first in its cluster addresses",
      [both],
      prefer("web", V6_FIRST),
      ["192.0.2.0", "2001:db8::"],
      "True Allocated",
    ],
    [
      "that prefers both gets its first family where no pool has both",
      [four, six],
      prefer("web"),
      ["198.51.100.0"],
      "True AllocatedPartly",
    ],
    [
      "that prefers both gets its first family though a pool of the other comes first",
      [four, six],
      prefer("web", V6_FIRST),
      ["2001:db8:6::"],
      "True AllocatedPartly",
    ],
    [
      "that prefers both gets the other family where there is no other",
      [six],
      prefer("web"),
      ["2001:db8:6::"],
      "True AllocatedPartly",
    ],
    [
      "that prefers both and has one cluster address gets one",
      [both],
      loadBalancer("web", { ipFamilyPolicy: "PreferDualStack" }),
      ["192.0.2.0"],
      "True Allocated",
    ],
    [
      "without a policy gets both or nothing",
      [four],
      loadBalancer("web", { clusterIps: V4_FIRST }),
      [],
      "False NoPoolApplies",
    ],
    [
      "gets the two addresses that it asks for",
      [both],
      withAnnotations(prefer("web"), { "metallb.io/loadBalancerIPs": "2001:db8::3, 192.0.2.3" }),
      ["192.0.2.3", "2001:db8::3"],
      "True Allocated",
    ],
    [
      "is refused the one address that it asks for",
      [both],
      { ...prefer("web"), loadBalancerIp: "192.0.2.3" },
      [],
      "False FamiliesDiffer",
    ],
    [
      "is refused two addresses of different pools",
      [four, both],
      withAnnotations(prefer("web"), { "metallb.io/loadBalancerIPs": "198.51.100.1,2001:db8::3" }),
      [],
      "False AddressesInTwoPools",
    ],
    [
      "gets what the pool has that it names",
      [four, both],
      withAnnotations(prefer("web"), { "metallb.io/address-pool": "a-four" }),
      ["198.51.100.0"],
      "True AllocatedPartly",
    ],
    [
      "that requires both gets nothing from a pool of one family that it names",
      [four, both],
      withAnnotations(requires("web"), { "metallb.io/address-pool": "a-four" }),
      [],
      "False PoolWithoutFamily",
    ],
  ] as const) {
    it(title, () => {
      const outcome = new Bench(configOf(pools)).outcome(service);
      assert.deepEqual(ips(outcome), expected);
      assert.equal(condition(outcome), says);
    });
  }

  it("prefers a pinned pool of one family to a pool for everybody that has both", () => {
    const pinned: AddressPool = {
      ...six,
      admission: { priority: 1, namespaces: undefined, serviceSelectors: [] },
    };
    assert.deepEqual(ips(new Bench(configOf([both, pinned])).outcome(prefer("web"))), ["2001:db8:6::"]);
  });

  it("is told why it has one address only, with MetalLB's event", () => {
    const outcome = new Bench(configOf([four])).outcome(prefer("web"));
    assert.deepEqual(reasons(outcome), ["Normal IPAllocated", "Normal AdditionalAssignFailed"]);
    assert.equal(
      outcome?.write?.condition?.message,
      "198.51.100.0 from pool a-four. Pool a-four has no IPv6 addresses.",
    );
  });

  it("is refused while one family of the only pool is used up, and served when it is not", () => {
    const narrow = addressPool("narrow", ["192.0.2.0/30", "2001:db8::/128"]);
    const bench = new Bench(configOf([narrow]));
    bench.settle(loadBalancer("six", { clusterIps: ["fd00::9"] }));
    const outcome = bench.outcome(requires("web"));
    assert.equal(
      outcome?.write?.condition?.message,
      "Pool narrow has not both an IPv4 and an IPv6 address free. Add addresses to a pool.",
    );
    const [served] = bench.allocation.forget("default/six" as ObjectKey);
    assert.deepEqual(ips(served), ["192.0.2.0", "2001:db8::"]);
  });
});

describe("a Service of both families with addresses", () => {
  it("gets the missing one from the same pool when it has one free, and keeps the other", () => {
    const narrow = addressPool("narrow", ["192.0.2.0/30", "2001:db8::/128"]);
    const bench = new Bench(configOf([narrow]));
    bench.settle(loadBalancer("six", { clusterIps: ["fd00::9"] }));
    const web = bench.settle(prefer("web"));
    assert.deepEqual(web.ingress, ingressOf("192.0.2.0"));
    const [outcome] = bench.allocation.forget("default/six" as ObjectKey);
    assert.deepEqual(ips(outcome), ["192.0.2.0", "2001:db8::"]);
    assert.deepEqual(reasons(outcome), ["Normal IPAllocated"]);
  });

  it("keeps the order of its status when the missing one is added, as the first address chooses the node", () => {
    const service = { ...prefer("web"), ingress: ingressOf("2001:db8::2") };
    const [outcome] = new Bench(configOf([both]), [service]).started;
    assert.deepEqual(ips(outcome), ["2001:db8::2", "192.0.2.0"]);
  });

  it("never gets the missing one from another pool", () => {
    const service = { ...prefer("web"), ingress: ingressOf("198.51.100.0") };
    const [outcome] = new Bench(configOf([four, both]), [service]).started;
    assert.equal(outcome?.write?.isIngressChanged, false);
    assert.equal(condition(outcome), "True AllocatedPartly");
  });

  it("does not get a second one beside the one that it asks for", () => {
    const service = { ...prefer("web"), ingress: ingressOf("192.0.2.3"), loadBalancerIp: "192.0.2.3" };
    const [outcome] = new Bench(configOf([both]), [service]).started;
    assert.equal(outcome?.write?.isIngressChanged, false);
    assert.equal(condition(outcome), "True Allocated");
  });

  it("moves to another pool that has both when its own loses a family", () => {
    const bench = new Bench(configOf([both]));
    bench.settle(prefer("web"));
    const halved = addressPool("m-both", ["192.0.2.0/30"]);
    const other = addressPool("other", ["203.0.113.0/30", "2001:db8:7::/126"]);
    const [outcome] = bench.allocation.configure(configOf([halved, other]));
    assert.deepEqual(ips(outcome), ["203.0.113.0", "2001:db8:7::"]);
    assert.deepEqual(reasons(outcome), ["Normal ClearAssignment", "Normal IPAllocated"]);
  });

  it("has one address when its pool loses a family and no other has both", () => {
    const bench = new Bench(configOf([both]));
    bench.settle(prefer("web"));
    const [outcome] = bench.allocation.configure(configOf([addressPool("m-both", ["192.0.2.0/30"])]));
    assert.deepEqual(ips(outcome), ["192.0.2.0"]);
    assert.equal(condition(outcome), "True AllocatedPartly");
    assert.match(outcome?.events[0]?.message ?? "", /^Gave up 2001:db8::: no pool has all of its addresses/);
  });

  it("loses the address of a family that it has no cluster address of any more, and keeps the other", () => {
    const bench = new Bench(configOf([both]));
    bench.settle(prefer("first"));
    const web = bench.settle(prefer("web"));
    assert.deepEqual(web.ingress, ingressOf("192.0.2.1", "2001:db8::1"));
    const outcome = bench.outcome({
      ...web,
      clusterIps: web.clusterIps.slice(1),
      ipFamilyPolicy: "SingleStack",
    });
    assert.deepEqual(ips(outcome), ["2001:db8::1"]);
    assert.deepEqual(reasons(outcome), ["Normal ClearAssignment"]);
  });

  it("keeps its address when it comes to require both and its pool has the other", () => {
    const bench = new Bench(configOf([addressPool("a", ["203.0.113.0/30", "2001:db8:7::/126"]), both]));
    const web = bench.settle(loadBalancer("web", { loadBalancerIp: "192.0.2.2" }));
    const outcome = bench.outcome({ ...requires("web"), meta: web.meta, ingress: web.ingress });
    assert.deepEqual(ips(outcome), ["192.0.2.2", "2001:db8::"]);
  });

  it("loses what it has when it comes to require both and has one cluster address", () => {
    const bench = new Bench(configOf([both]));
    const web = bench.settle(loadBalancer("web"));
    const outcome = bench.outcome({ ...web, ipFamilyPolicy: "RequireDualStack" });
    assert.deepEqual(ips(outcome), []);
    assert.deepEqual(reasons(outcome), ["Normal ClearAssignment", "Warning not enough clusterips"]);
  });
});
