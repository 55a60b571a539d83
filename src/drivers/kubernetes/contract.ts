/**
 * What every API server does as far as we rely on it: the fake, our client in front of it, and the real kube-apiserver.
 *
 * Everything is made in one namespace under names of this run, and removed again.
 */
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { fieldsOf, textOf } from "./json.ts";
import type { Answer, ClusterPort, Resource, Sink, Target } from "./port.ts";

export const CONFIG_MAPS: Resource = { group: "", version: "v1", plural: "configmaps", namespaced: true };
export const SERVICES: Resource = { group: "", version: "v1", plural: "services", namespaced: true };

/** A cluster and a namespace in it that exists. */
export type ClusterBed = {
  readonly cluster: ClusterPort;
  readonly namespace: string;
  close(): void | Promise<void>;
};

const LABEL = "steelyard.dev/contract";

const bodyOf = (answer: Answer) => {
  assert.ok(answer.ok, JSON.stringify(answer));
  return fieldsOf(answer.body);
};
const metadataOf = (answer: Answer) => fieldsOf(bodyOf(answer).metadata);
const reasonOf = (answer: Answer): string => (answer.ok ? "ok" : answer.failure.reason);

type Kept = { readonly name: string; readonly value: string };

/** Told, and waited for. */
const listen = () => {
  const told: string[] = [];
  let wake: () => void = () => undefined;
  const tell = (what: string): void => {
    told.push(what);
    wake();
  };
  const sink: Sink<Kept> = {
    changed: ({ name, value }, earlier) => tell(`${name}=${value}${earlier ? ` was ${earlier.value}` : ""}`),
    removed: ({ name }) => tell(`no ${name}`),
    synced: () => tell("synced"),
    trouble: (trouble) => tell(trouble === undefined ? "fine" : `trouble ${trouble.failure.message}`),
  };
  const until = async (what: string): Promise<void> => {
    while (!told.includes(what))
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
  };
  return { told, sink, until };
};

/** Runs the suite against what `open` gives, which is one bed for all tests. */
export const clusterContract = (title: string, open: () => Promise<ClusterBed>): void => {
  describe(`${title}: cluster contract`, { timeout: 60_000 }, () => {
    let bed: ClusterBed;
    const run = Math.random().toString(36).slice(2, 8);
    let made: Target[] = [];
    let number = 0;
    before(async () => {
      bed = await open();
    });
    after(async () => {
      for (const target of made) await bed.cluster.write(target, { verb: "delete" });
      made = [];
      await bed.close();
    });

    const fresh = (resource: Resource): Target & { readonly name: string } => {
      number += 1;
      const target = { resource, namespace: bed.namespace, name: `contract-${run}-${number}` };
      made.push(target);
      return target;
    };
    const map = (target: Target, value: string, labels: Readonly<Record<string, string>> = {}) => ({
      apiVersion: "v1",
      kind: "ConfigMap",
      metadata: { name: target.name, namespace: target.namespace, labels: { [LABEL]: run, ...labels } },
      data: { value },
    });
    const create = async (value = "1", labels = {}) => {
      const target = fresh(CONFIG_MAPS);
      const answer = await bed.cluster.write(target, { verb: "create", body: map(target, value, labels) });
      return { target, answer };
    };
    const createService = async () => {
      const target = fresh(SERVICES);
      const body = {
        apiVersion: "v1",
        kind: "Service",
        metadata: { name: target.name, namespace: target.namespace },
        spec: {
          type: "LoadBalancer",
          allocateLoadBalancerNodePorts: false,
          selector: { app: "web" },
          ports: [{ name: "http", protocol: "TCP", port: 80, targetPort: 8080 }],
        },
      };
      const answer = await bed.cluster.write(target, { verb: "create", body });
      return { target, service: bodyOf(answer) };
    };
    const watchMaps = (sink: Sink<Kept>, labels = LABEL) =>
      bed.cluster.watch<Kept>(
        {
          resource: CONFIG_MAPS,
          namespace: bed.namespace,
          labelSelector: `${LABEL}=${run},${labels}`,
          project: (object) => {
            const { metadata, data } = fieldsOf(object);
            return { name: textOf(fieldsOf(metadata).name), value: textOf(fieldsOf(data).value) };
          },
          keyOf: ({ name }) => `${bed.namespace}/${name}`,
        },
        sink,
      );

    it("creates what is read and listed then, and creates it once", async () => {
      const { target, answer } = await create();
      assert.equal(answer.ok && answer.status, 201);
      const read = await bed.cluster.read(target);
      assert.deepEqual(fieldsOf(bodyOf(read).data), { value: "1" });
      assert.equal(metadataOf(read).resourceVersion, metadataOf(answer).resourceVersion);
      const listed = await bed.cluster.read({ resource: CONFIG_MAPS, namespace: bed.namespace });
      const { items } = bodyOf(listed);
      assert.ok(Array.isArray(items));
      assert.ok(items.some((each) => fieldsOf(fieldsOf(each).metadata).name === target.name));
      assert.equal(
        reasonOf(await bed.cluster.write(target, { verb: "create", body: map(target, "2") })),
        "conflict",
      );
    });

    it("sends nothing that may not be sent any more when its turn comes", async () => {
      const { target } = await create();
      const write = { verb: "patch", type: "merge", body: { data: { value: "2" } } } as const;
      assert.equal(reasonOf(await bed.cluster.write(target, write, () => false)), "unreachable");
      assert.deepEqual(fieldsOf(bodyOf(await bed.cluster.read(target)).data), { value: "1" });
      assert.equal((await bed.cluster.write(target, write, () => true)).ok, true);
    });

    it("says what is not there", async () => {
      const target = { resource: CONFIG_MAPS, namespace: bed.namespace, name: `contract-${run}-none` };
      assert.equal(reasonOf(await bed.cluster.read(target)), "not-found");
      assert.equal(
        reasonOf(await bed.cluster.write(target, { verb: "update", body: map(target, "1") })),
        "not-found",
      );
      const patch = { verb: "patch", type: "merge", body: { data: {} } } as const;
      assert.equal(reasonOf(await bed.cluster.write(target, patch)), "not-found");
      assert.equal(reasonOf(await bed.cluster.write(target, { verb: "delete" })), "not-found");
    });

    it("refuses an update of another version, and changes the version with each change", async () => {
      const { target, answer } = await create();
      const first = bodyOf(answer);
      const second = await bed.cluster.write(target, {
        verb: "update",
        body: { ...first, data: { value: "2" } },
      });
      assert.notEqual(metadataOf(second).resourceVersion, fieldsOf(first.metadata).resourceVersion);
      const stale = await bed.cluster.write(target, {
        verb: "update",
        body: { ...first, data: { value: "3" } },
      });
      assert.deepEqual([reasonOf(stale), !stale.ok && stale.failure.status], ["conflict", 409]);
    });

    it("does not count an update that changes nothing", async () => {
      const { target, answer } = await create();
      const again = await bed.cluster.write(target, { verb: "update", body: bodyOf(answer) });
      assert.equal(metadataOf(again).resourceVersion, metadataOf(answer).resourceVersion);
    });

    it("merges a patch, removes what it sets to null, and respects a version in it", async () => {
      const { target, answer } = await create();
      const { resourceVersion } = metadataOf(answer);
      const body = {
        metadata: { resourceVersion, annotations: { note: "x" } },
        data: { value: null, other: "2" },
      };
      const patched = await bed.cluster.write(target, { verb: "patch", type: "merge", body });
      assert.deepEqual(bodyOf(patched).data, { other: "2" });
      assert.deepEqual(metadataOf(patched).annotations, { note: "x" });
      const stale = { ...body, data: { other: "3" } };
      assert.equal(
        reasonOf(await bed.cluster.write(target, { verb: "patch", type: "merge", body: stale })),
        "conflict",
      );
    });

    it("applies the operations of a JSON patch together or not at all", async () => {
      const { target } = await create();
      const test = (value: string) => [
        { op: "replace", path: "/data/value", value: "2" },
        { op: "test", path: "/metadata/name", value },
      ];
      const refusal = await bed.cluster.write(target, { verb: "patch", type: "json", body: test("other") });
      assert.equal(reasonOf(refusal), "invalid");
      const patched = await bed.cluster.write(target, {
        verb: "patch",
        type: "json",
        body: test(target.name),
      });
      assert.deepEqual(bodyOf(patched).data, { value: "2" });
    });

    it("keeps status and spec apart", async () => {
      const { target } = await createService();
      const status = { ...target, subresource: "status" } as const;
      const body = {
        metadata: { annotations: { "steelyard.dev/ignored": "x" } },
        spec: { selector: { app: "other" } },
        status: { loadBalancer: { ingress: [{ ip: "192.0.2.10", ipMode: "VIP" }] } },
      };
      const patched = bodyOf(await bed.cluster.write(status, { verb: "patch", type: "merge", body }));
      assert.deepEqual(fieldsOf(patched.spec).selector, { app: "web" });
      assert.deepEqual(fieldsOf(patched.status).loadBalancer, body.status.loadBalancer);
      const other = { status: { loadBalancer: {} }, spec: { selector: { app: "other" } } };
      const main = bodyOf(await bed.cluster.write(target, { verb: "patch", type: "merge", body: other }));
      assert.deepEqual(fieldsOf(main.spec).selector, { app: "other" });
      assert.deepEqual(fieldsOf(main.status).loadBalancer, body.status.loadBalancer);
    });

    it("merges conditions by their type with a strategic patch, and leaves those of others", async () => {
      const { target } = await createService();
      const status = { ...target, subresource: "status" } as const;
      const condition = (type: string, reason: string) => ({
        type,
        status: "True",
        reason,
        message: "m",
        lastTransitionTime: "2026-01-01T00:00:00Z",
        observedGeneration: 1,
      });
      const patch = async (...conditions: unknown[]) => {
        const body = { status: { conditions } };
        const answer = await bed.cluster.write(status, { verb: "patch", type: "strategic", body });
        const held = fieldsOf(bodyOf(answer).status).conditions;
        assert.ok(Array.isArray(held));
        return held.map((each) => `${fieldsOf(each).type}:${fieldsOf(each).reason}`).sort();
      };
      await patch(condition("example.com/Other", "Theirs"));
      await patch(condition("steelyard.dev/Allocated", "First"));
      assert.deepEqual(await patch(condition("steelyard.dev/Allocated", "Second")), [
        "example.com/Other:Theirs",
        "steelyard.dev/Allocated:Second",
      ]);
      assert.deepEqual(await patch({ type: "steelyard.dev/Allocated", $patch: "delete" }), [
        "example.com/Other:Theirs",
      ]);
    });

    it("applies fields for their managers: conflicts, force, and what is left out goes", async () => {
      const target = fresh(CONFIG_MAPS);
      const apply = (fieldManager: string, data: Readonly<Record<string, string>>, force = false) =>
        bed.cluster.write(target, {
          verb: "patch",
          type: "apply",
          fieldManager,
          force,
          body: {
            apiVersion: "v1",
            kind: "ConfigMap",
            metadata: { name: target.name, namespace: target.namespace },
            data,
          },
        });
      assert.equal((await apply("one", { a: "1", b: "1" })).ok, true);
      assert.deepEqual(bodyOf(await apply("two", { b: "1", c: "2" })).data, { a: "1", b: "1", c: "2" });
      assert.equal(reasonOf(await apply("two", { a: "2" })), "conflict");
      assert.deepEqual(bodyOf(await apply("two", { a: "2" }, true)).data, { a: "2", b: "1" });
      assert.deepEqual(bodyOf(await apply("one", {})).data, { a: "2" });
    });

    it("deletes one particular object only, if it is told which", async () => {
      const { target, answer } = await create();
      const { uid } = metadataOf(answer);
      const other = "00000000-0000-4000-8000-ffffffffffff";
      assert.equal(reasonOf(await bed.cluster.write(target, { verb: "delete", uid: other })), "conflict");
      assert.equal(reasonOf(await bed.cluster.write(target, { verb: "delete", uid: textOf(uid) })), "ok");
      assert.equal(reasonOf(await bed.cluster.read(target)), "not-found");
    });

    it("watches: what is there, then what changes, then what goes, and nothing of what was not asked for", async () => {
      const { target } = await create("1", { watched: "a" });
      await create("1", { watched: "b" });
      const { told, sink, until } = listen();
      const watch = watchMaps(sink, "watched=a");
      assert.deepEqual(told, []);
      assert.equal(watch.isSynced, false);
      await until("synced");
      assert.equal(watch.isSynced, true);
      assert.deepEqual(told, [`${target.name}=1`, "synced"]);
      await bed.cluster.write(target, { verb: "patch", type: "merge", body: { data: { value: "2" } } });
      await until(`${target.name}=2 was 1`);
      assert.deepEqual([...watch.items.values()], [{ name: target.name, value: "2" }]);
      const { target: second } = await create("7", { watched: "a" });
      await until(`${second.name}=7`);
      await bed.cluster.write(target, { verb: "delete" });
      await until(`no ${target.name}`);
      assert.deepEqual([...watch.items.keys()], [`${bed.namespace}/${second.name}`]);
      watch.close();
    });

    it("tells a watch that an object is gone that no longer has its labels", async () => {
      const { target } = await create("1", { moving: "a" });
      const { sink, until } = listen();
      const watch = watchMaps(sink, "moving=a");
      await until("synced");
      const body = { metadata: { labels: { moving: "b" } } };
      await bed.cluster.write(target, { verb: "patch", type: "merge", body });
      await until(`no ${target.name}`);
      assert.equal(watch.items.size, 0);
      watch.close();
    });

    it("does not tell a watch of changes in what it does not keep", async () => {
      const { target } = await create("1", { quiet: "a" });
      const { told, sink, until } = listen();
      const watch = watchMaps(sink, "quiet=a");
      await until("synced");
      const annotate = { metadata: { annotations: { seen: "no" } } };
      await bed.cluster.write(target, { verb: "patch", type: "merge", body: annotate });
      await bed.cluster.write(target, { verb: "patch", type: "merge", body: { data: { value: "2" } } });
      await until(`${target.name}=2 was 1`);
      assert.deepEqual(told, [`${target.name}=1`, "synced", `${target.name}=2 was 1`]);
      watch.close();
    });

    it("tells a closed watch nothing", async () => {
      const closed = listen();
      watchMaps(closed.sink, "closed=a").close();
      const open_ = listen();
      const watch = watchMaps(open_.sink, "closed=a");
      const { target } = await create("1", { closed: "a" });
      await open_.until(`${target.name}=1`);
      assert.deepEqual(closed.told, []);
      watch.close();
    });
  });
};
