import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { CONFIG_MAPS, clusterContract, SERVICES } from "./contract.ts";
import { fakeCluster } from "./fake.ts";
import { jsonPatch, mergePatch, strategicPatch } from "./fake-patch.ts";
import { isSelected } from "./fake-selector.ts";
import { fieldsOf, textOf } from "./json.ts";
import { recordingSink } from "./test-server.ts";

clusterContract("the fake", async () => {
  const cluster = fakeCluster();
  return { cluster, namespace: "lb", close: () => cluster.close() };
});

const service = (name: string, changes: object = {}) => ({
  metadata: { namespace: "lb", name },
  spec: { type: "LoadBalancer" },
  ...changes,
});
const NAMES = {
  resource: SERVICES,
  project: (object: unknown) => textOf(fieldsOf(fieldsOf(object).metadata).name),
  keyOf: (name: string) => `lb/${name}`,
  isSame: () => false,
};

describe("the fake cluster", () => {
  it("fails what it is told to fail, and remembers every request", async () => {
    const cluster = fakeCluster();
    cluster.put(SERVICES, service("web"));
    const target = { resource: SERVICES, namespace: "lb", name: "web" };
    const failure = { reason: "throttled", status: 429, message: "slow down", retryAfter: 1_000 } as const;
    cluster.disturb(({ verb }) => (verb === "read" ? failure : undefined));
    assert.deepEqual(await cluster.read(target), { ok: false, failure });
    assert.equal((await cluster.write(target, { verb: "delete" })).ok, true);
    assert.deepEqual(
      cluster.requests.map(({ verb }) => verb),
      ["read", "delete"],
    );
  });

  it("carries out a write whose answer it loses", async () => {
    const cluster = fakeCluster();
    cluster.disturb(() => "lost");
    const target = { resource: SERVICES, namespace: "lb", name: "web" };
    const answer = await cluster.write(target, { verb: "create", body: service("web") });
    assert.equal(!answer.ok && answer.failure.reason, "unreachable");
    assert.ok(cluster.store.get(SERVICES, "lb/web"));
  });

  it("tells interrupted watches what they missed once they are resumed", async () => {
    const cluster = fakeCluster();
    const { sink, told } = recordingSink<string>();
    cluster.put(SERVICES, service("a"));
    cluster.watch(NAMES, sink);
    await cluster.settled();
    assert.deepEqual([(await told.take()).call, (await told.take()).call], ["changed", "synced"]);
    const failure = { reason: "unreachable", status: 0, message: "gone", retryAfter: undefined } as const;
    cluster.interrupt(failure, 500);
    cluster.put(SERVICES, service("b"));
    cluster.remove(SERVICES, "lb/a");
    await cluster.settled();
    assert.deepEqual(await told.take(), { call: "trouble", failure, again: 500 });
    assert.ok(told.isEmpty);
    cluster.resume();
    await cluster.settled();
    const calls = [];
    while (!told.isEmpty) calls.push((await told.take()).call);
    assert.deepEqual(calls, ["fine", "changed", "removed", "synced"]);
  });

  it("puts objects with their status, as often as it is told, and counts generations of the spec only", async () => {
    const cluster = fakeCluster();
    const status = { loadBalancer: { ingress: [{ ip: "192.0.2.1" }] } };
    const first = cluster.put(SERVICES, service("a", { status }));
    assert.deepEqual(first.status, status);
    const second = cluster.put(SERVICES, { ...first, spec: { type: "ClusterIP" }, status: {} });
    assert.deepEqual(second.status, {});
    assert.equal(fieldsOf(first.metadata).generation, 1);
    assert.equal(fieldsOf(second.metadata).generation, 2);
    const third = cluster.put(SERVICES, second);
    assert.equal(fieldsOf(third.metadata).resourceVersion, fieldsOf(second.metadata).resourceVersion);
  });

  it("keeps what has finalizers until the last of them is gone", async () => {
    const cluster = fakeCluster();
    const target = { resource: SERVICES, namespace: "lb", name: "a" };
    cluster.put(SERVICES, { ...service("a"), metadata: { namespace: "lb", name: "a", finalizers: ["x/y"] } });
    await cluster.write(target, { verb: "delete" });
    const held = await cluster.read(target);
    assert.ok(held.ok && textOf(fieldsOf(fieldsOf(held.body).metadata).deletionTimestamp) !== "");
    const body = { metadata: { finalizers: null } };
    await cluster.write(target, { verb: "patch", type: "merge", body });
    const gone = await cluster.read(target);
    assert.equal(!gone.ok && gone.failure.reason, "not-found");
  });

  it("refuses a strategic patch for custom resources", async () => {
    const cluster = fakeCluster();
    const pools = { group: "metallb.io", version: "v1beta1", plural: "ipaddresspools", namespaced: true };
    cluster.put(pools, { metadata: { namespace: "lb", name: "a" } });
    const target = { resource: pools, namespace: "lb", name: "a" };
    const answer = await cluster.write(target, { verb: "patch", type: "strategic", body: { spec: {} } });
    assert.equal(!answer.ok && answer.failure.status, 415);
  });

  it("cannot be changed from outside through what it gave or was given", async () => {
    const cluster = fakeCluster();
    const body = { metadata: { namespace: "lb", name: "a" }, data: { value: "1" } };
    const target = { resource: CONFIG_MAPS, namespace: "lb", name: "a" };
    const created = await cluster.write(target, { verb: "create", body });
    body.data.value = "2";
    assert.ok(created.ok);
    Object.assign(fieldsOf(created.body), { data: { value: "3" } });
    const read = await cluster.read(target);
    assert.deepEqual(read.ok && fieldsOf(read.body).data, { value: "1" });
  });
});

describe("patches", () => {
  it("merges as the table of RFC 7396 appendix A says", () => {
    const rows: readonly (readonly [unknown, unknown, unknown])[] = [
      [{ a: "b" }, { a: "c" }, { a: "c" }],
      [{ a: "b" }, { b: "c" }, { a: "b", b: "c" }],
      [{ a: "b", b: "c" }, { a: null }, { b: "c" }],
      [{ a: ["b"] }, { a: "c" }, { a: "c" }],
      [{ a: { b: "c" } }, { a: { b: "d", c: null } }, { a: { b: "d" } }],
      [
        ["a", "b"],
        ["c", "d"],
        ["c", "d"],
      ],
      [{ e: null }, { a: 1 }, { e: null, a: 1 }],
      [{}, { a: { bb: { ccc: null } } }, { a: { bb: {} } }],
    ];
    for (const [target, patch, result] of rows) assert.deepEqual(mergePatch(target, patch), result);
  });

  it("never throws, whatever the patch is", () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.jsonValue(), (target, patch) => {
        mergePatch(target, patch);
        strategicPatch(target, patch);
        jsonPatch(target, patch);
        jsonPatch(target, [patch]);
      }),
    );
  });

  it("moves, copies, adds and removes within lists", () => {
    const patch = [
      { op: "add", path: "/list/-", value: 3 },
      { op: "add", path: "/list/0", value: 0 },
      { op: "remove", path: "/list/1" },
      { op: "copy", from: "/list/0", path: "/first" },
      { op: "move", from: "/old~1name", path: "/new" },
    ];
    assert.deepEqual(jsonPatch({ list: [1, 2], "old/name": "x" }, patch), {
      ok: true,
      value: { list: [0, 2, 3], first: 0, new: "x" },
    });
    assert.equal(jsonPatch({ list: [1] }, [{ op: "remove", path: "/list/1" }]).ok, false);
    assert.equal(jsonPatch({ list: [1] }, [{ op: "replace", path: "/none", value: 1 }]).ok, false);
  });
});

describe("selectors", () => {
  const object = { metadata: { name: "a", namespace: "lb", labels: { app: "web", tier: "1" } } };
  const rows: readonly (readonly [string, boolean])[] = [
    ["", true],
    ["app=web", true],
    ["app==web,tier!=2", true],
    ["app=db", false],
    ["app", true],
    ["!app", false],
    ["!none", true],
    ["app in (db,web),tier=1", true],
    ["app notin (db,web)", false],
    ["none notin (x)", true],
    ["none in (x)", false],
  ];
  for (const [labelSelector, expected] of rows)
    it(`${expected ? "match" : "do not match"}: ${labelSelector}`, () =>
      assert.equal(isSelected(object, { labelSelector }), expected));

  it("compare fields", () => {
    assert.ok(isSelected(object, { fieldSelector: "metadata.name=a" }));
    assert.ok(!isSelected(object, { fieldSelector: "metadata.name!=a" }));
    assert.ok(!isSelected(object, { fieldSelector: "metadata.name=b,metadata.namespace=lb" }));
  });
});
