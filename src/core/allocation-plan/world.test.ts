import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { at } from "#base/assert";
import { namespace, pool, service, world } from "./test-world.ts";
import { applyDeletion, applyObjects, parseDeletion, readWorld, type World } from "./world.ts";

const names = ({ services, objects, namespaces }: World) => ({
  services: services.map(({ meta }) => `${meta.namespace}/${meta.name}`),
  objects: objects.map((object) => JSON.stringify(object).match(/"name":"([^"]*)"/)?.[1]),
  namespaces: [...namespaces.keys()],
});

describe("a world", () => {
  it("is read from objects and lists of them, in any order", () => {
    const list = { apiVersion: "v1", kind: "List", items: [service("web"), pool("a", ["192.0.2.0/30"])] };
    const typed = { apiVersion: "v1", kind: "NamespaceList", items: [namespace("shop", { team: "x" })] };
    const read = readWorld([
      { kind: "List", items: [list] },
      typed,
      { apiVersion: "apps/v1", kind: "Deployment" },
      3,
    ]);
    assert.deepEqual(names(read), { services: ["shop/web"], objects: ["a"], namespaces: ["shop"] });
    assert.deepEqual(read.namespaces.get("shop"), { team: "x" });
  });

  it("holds each object once, as the last document says", () => {
    const read = world(
      pool("a", ["192.0.2.0/30"]),
      service("web"),
      pool("a", ["192.0.2.4/30"]),
      service("web", ["192.0.2.4"]),
    );
    assert.deepEqual(names(read), { services: ["shop/web"], objects: ["a"], namespaces: [] });
    assert.deepEqual(read.objects, [pool("a", ["192.0.2.4/30"])]);
    assert.equal(read.services[0]?.ingress[0]?.ip, "192.0.2.4");
  });

  it("puts a Service that names no namespace where kubectl would", () => {
    const bare = { apiVersion: "v1", kind: "Service", metadata: { name: "web" } };
    assert.deepEqual(names(world(bare)).services, ["default/web"]);
  });

  it("is made of anything without throwing", () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(fc.jsonValue(), fc.anything()), { maxLength: 4 }), (objects) => {
        applyObjects(readWorld(objects), objects);
      }),
    );
  });
});

describe("cluster addresses that a file does not give", () => {
  const families = (spec: object, ...others: readonly object[]) => {
    const bare = service("web", [], { spec: { clusterIPs: undefined, ipFamilies: undefined, ...spec } });
    const read = world(bare, ...others).services.find(({ meta }) => meta.name === "web");
    return read?.clusterIps.map((address) => (address.includes(":") ? "IPv6" : "IPv4"));
  };
  const six = service("six", [], { spec: { clusterIPs: ["fd00::1"] } });
  const both = service("both", [], { spec: { clusterIPs: ["10.96.0.3", "fd00::1"] } });

  for (const [title, spec, others, expected] of [
    ["are IPv4 where nothing is known", {}, [], ["IPv4"]],
    ["are those of the cluster", {}, [six], ["IPv6"]],
    ["are those that the Service names", { ipFamilies: ["IPv6"] }, [], ["IPv6"]],
    [
      "are both where it prefers both and the cluster has both",
      { ipFamilyPolicy: "PreferDualStack" },
      [both],
      ["IPv4", "IPv6"],
    ],
    ["are one where the cluster has one", { ipFamilyPolicy: "PreferDualStack" }, [], ["IPv4"]],
    ["are both where it requires both", { ipFamilyPolicy: "RequireDualStack" }, [], ["IPv4", "IPv6"]],
    ["are none for a headless Service", { clusterIP: "None" }, [], []],
  ] as const) {
    it(title, () => assert.deepEqual(families(spec, ...others), expected));
  }
});

describe("applying objects", () => {
  it("replaces resources of the same kind and name, in whatever namespace a file leaves out", () => {
    const now = world(pool("a", ["192.0.2.0/30"]), pool("b", ["192.0.2.4/30"]));
    const nowhere = { ...pool("a", ["192.0.2.8/30"]), metadata: { name: "a" } };
    assert.deepEqual(applyObjects(now, [nowhere]).objects, [pool("b", ["192.0.2.4/30"]), nowhere]);
  });

  it("leaves a Service its status and cluster addresses, and takes labels and annotations from the file", () => {
    const fromPool = { "metallb.io/ip-allocated-from-pool": "a" };
    const now = world(
      service("web", ["192.0.2.1"], {
        labels: { old: "1" },
        annotations: { ...fromPool, "metallb.io/address-pool": "a" },
      }),
    );
    const file = service("web", [], {
      labels: { new: "1" },
      spec: { clusterIPs: undefined, ipFamilies: undefined },
    });
    const after = at(applyObjects(now, [file]).services, 0);
    assert.deepEqual(after.ingress, now.services[0]?.ingress);
    assert.deepEqual(after.clusterIps, ["10.96.0.1"]);
    assert.deepEqual(after.meta.labels, { new: "1" });
    assert.deepEqual(after.meta.annotations, fromPool);
  });

  it("gives a Service that wants both families from now on a second cluster address", () => {
    const now = world(
      service("web"),
      service("both", [], { spec: { clusterIPs: ["10.96.0.3", "fd00::1"] } }),
    );
    const file = service("web", [], {
      spec: { clusterIPs: undefined, ipFamilies: undefined, ipFamilyPolicy: "PreferDualStack" },
    });
    const after = applyObjects(now, [file]).services.find(({ meta }) => meta.name === "web");
    assert.equal(after?.clusterIps.length, 2);
  });

  it("makes a Service without the status that a file may hold", () => {
    assert.deepEqual(applyObjects(world(), [service("web", ["192.0.2.1"])]).services[0]?.ingress, []);
  });

  it("leaves Services alone of which nothing is said", () => {
    const now = world(service("web"), service("api"));
    const after = applyObjects(now, [service("api", [], { labels: { x: "y" } })]);
    assert.equal(after.services[0], now.services[0]);
    assert.notEqual(after.services[1], now.services[1]);
  });
});

describe("deleting", () => {
  const now = world(pool("a", ["192.0.2.0/30"]), service("web"), namespace("shop"), namespace("tools"));
  const without = (text: string) => {
    const deletion = parseDeletion(text);
    assert.ok(deletion !== undefined);
    const after = applyDeletion(now, deletion);
    return after === undefined ? undefined : names(after);
  };
  const all = names(now);

  for (const [text, expected] of [
    ["IPAddressPool/a", { ...all, objects: [] }],
    ["ipaddresspools/a", { ...all, objects: [] }],
    ["IPAddressPool/lb/a", { ...all, objects: [] }],
    ["IPAddressPool/other/a", undefined],
    ["IPAddressPool/b", undefined],
    ["Service/shop/web", { ...all, services: [] }],
    ["service/web", undefined],
    ["namespace/shop", { ...all, services: [], namespaces: ["tools"] }],
    ["Namespace/none", undefined],
  ] as const) {
    it(`of ${text} ${expected === undefined ? "finds nothing" : "takes that away"}`, () =>
      assert.deepEqual(without(text), expected));
  }

  it("needs a kind and a name", () => {
    for (const text of ["", "a", "a/", "/a", "a/b/c/d", "a//b"])
      assert.equal(parseDeletion(text), undefined, text);
  });
});
