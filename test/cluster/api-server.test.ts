/** That the real API server does what our design assumes of it. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { patchContentType, type WatchEvent } from "./api.ts";
import { isWrite, tally } from "./audit.ts";
import { sharedControlPlane } from "./bed.ts";
import { eventually } from "./eventually.ts";
import { addressesOf, createService, readService, type ServiceObject, servicePath } from "./services.ts";

const POOL = "metallb.io/ip-allocated-from-pool";
const ALLOCATED = "steelyard.dev/Allocated";

const condition = (type: string): Readonly<Record<string, unknown>> => ({
  type,
  status: "True",
  reason: "Given",
  message: "As the test said.",
  lastTransitionTime: "2026-11-30T04:00:00Z",
  observedGeneration: 0,
});

const STRATEGIC = { contentType: patchContentType("strategic-merge-patch") };

const inCluster = sharedControlPlane({ families: "ipv4+ipv6" });

describe("the status of a Service", () => {
  it(
    "takes addresses, a condition and an annotation in one strategic merge patch, and nothing else changes",
    inCluster(async ({ admin }) => {
      await createService(admin, { name: "one-patch", annotations: { "example.com/theirs": "kept" } });
      const path = servicePath("default", "one-patch");
      await admin.patch(`${path}/status`, { status: { conditions: [condition("example.com/Theirs")] } });
      const before = await readService(admin, "one-patch");
      const after = await admin.patch<ServiceObject>(
        `${path}/status`,
        {
          metadata: {
            uid: before.metadata.uid,
            resourceVersion: before.metadata.resourceVersion,
            annotations: { [POOL]: "lan" },
          },
          spec: { externalTrafficPolicy: "Local" },
          status: {
            loadBalancer: { ingress: [{ ip: "192.0.2.10", ipMode: "VIP" }] },
            conditions: [condition(ALLOCATED)],
          },
        },
        "strategic-merge-patch",
      );
      assert.deepEqual(addressesOf(after), ["192.0.2.10"]);
      assert.deepEqual(
        after.status.conditions?.map(({ type }) => type).sort(),
        ["example.com/Theirs", ALLOCATED].sort(),
      );
      assert.deepEqual(after.metadata.annotations, { "example.com/theirs": "kept", [POOL]: "lan" });
      assert.deepEqual(after.spec, before.spec);
      assert.deepEqual(after.metadata.generation, before.metadata.generation);
      assert.notEqual(after.metadata.resourceVersion, before.metadata.resourceVersion);
    }),
  );

  it(
    "is left by the same way, with what others wrote still there",
    inCluster(async ({ admin }) => {
      const path = servicePath("default", "one-patch");
      const after = await admin.patch<ServiceObject>(
        `${path}/status`,
        {
          metadata: { annotations: { [POOL]: null } },
          status: {
            loadBalancer: { ingress: null },
            conditions: [{ type: ALLOCATED, $patch: "delete" }],
          },
        },
        "strategic-merge-patch",
      );
      assert.deepEqual(addressesOf(after), []);
      assert.deepEqual(
        after.status.conditions?.map(({ type }) => type),
        ["example.com/Theirs"],
      );
      assert.deepEqual(after.metadata.annotations, { "example.com/theirs": "kept" });
    }),
  );

  it(
    "does not take a patch again that changes nothing: the version stays",
    inCluster(async ({ admin }) => {
      await createService(admin, { name: "twice" });
      const path = `${servicePath("default", "twice")}/status`;
      const patch = {
        status: { loadBalancer: { ingress: [{ ip: "192.0.2.11" }] }, conditions: [condition(ALLOCATED)] },
      };
      const first = await admin.patch(path, patch, "strategic-merge-patch");
      const second = await admin.patch(path, patch, "strategic-merge-patch");
      assert.equal(second.metadata.resourceVersion, first.metadata.resourceVersion);
    }),
  );

  it(
    "refuses a patch of a version that is not there any more with 409, and of another object too if it names both",
    inCluster(async ({ admin }) => {
      const path = servicePath("default", "stale");
      const send = async (metadata: Readonly<Record<string, unknown>>): Promise<number> => {
        const body = { metadata, status: { conditions: [condition(ALLOCATED)] } };
        return (await admin.request("PATCH", `${path}/status`, { body, ...STRATEGIC })).status;
      };
      const { metadata: first } = await createService(admin, { name: "stale" });
      await admin.patch(path, { metadata: { labels: { newer: "yes" } } });
      assert.equal(await send({ resourceVersion: first.resourceVersion }), 409);
      await admin.delete(path);
      const { metadata: second } = await createService(admin, { name: "stale" });
      assert.equal(await send({ uid: first.uid, resourceVersion: first.resourceVersion }), 409);
      // A patch that names no version is a change of a field that cannot be changed.
      assert.equal(await send({ uid: first.uid }), 422);
      assert.equal(await send({ uid: second.uid, resourceVersion: second.resourceVersion }), 200);
    }),
  );

  it(
    "refuses addresses that are none, and a word for ipMode that is none",
    inCluster(async ({ admin }) => {
      await createService(admin, { name: "bad-status" });
      const path = `${servicePath("default", "bad-status")}/status`;
      for (const ingress of [{ ip: "192.0.2.300" }, { ip: "192.0.2.1", ipMode: "Virtual" }]) {
        const body = { status: { loadBalancer: { ingress: [ingress] } } };
        assert.equal((await admin.request("PATCH", path, { body, ...STRATEGIC })).status, 422);
      }
    }),
  );

  it(
    "loses its addresses by itself when the Service is no LoadBalancer any more, but keeps our other traces",
    inCluster(async ({ admin }) => {
      await createService(admin, { name: "retyped" });
      const path = servicePath("default", "retyped");
      await admin.patch(
        `${path}/status`,
        {
          metadata: { annotations: { [POOL]: "lan" } },
          status: { loadBalancer: { ingress: [{ ip: "192.0.2.12" }] }, conditions: [condition(ALLOCATED)] },
        },
        "strategic-merge-patch",
      );
      const spec = { type: "ClusterIP", allocateLoadBalancerNodePorts: null };
      const after = await admin.patch<ServiceObject>(path, { spec });
      assert.deepEqual(addressesOf(after), []);
      assert.equal(after.metadata.annotations?.[POOL], "lan");
      assert.equal(after.status.conditions?.length, 1);
    }),
  );

  it(
    "holds both families",
    inCluster(async ({ admin }) => {
      const made = await createService(admin, {
        name: "both",
        spec: { ipFamilyPolicy: "RequireDualStack" },
      });
      assert.deepEqual(made.spec.ipFamilies, ["IPv4", "IPv6"]);
      assert.equal(made.spec.clusterIPs?.length, 2);
      const after = await admin.patch<ServiceObject>(
        `${servicePath("default", "both")}/status`,
        { status: { loadBalancer: { ingress: [{ ip: "192.0.2.13" }, { ip: "2001:db8::13" }] } } },
        "strategic-merge-patch",
      );
      assert.deepEqual(addressesOf(after), ["192.0.2.13", "2001:db8::13"]);
    }),
  );
});

describe("a Lease", () => {
  it(
    "is taken by one of two who saw the same version",
    inCluster(async ({ admin }) => {
      const collection = "/apis/coordination.k8s.io/v1/namespaces/default/leases";
      const lease = await admin.create(collection, {
        apiVersion: "coordination.k8s.io/v1",
        kind: "Lease",
        metadata: { name: "one-holder" },
        spec: { holderIdentity: "nobody", leaseDurationSeconds: 15 },
      });
      const take = async (holderIdentity: string): Promise<number> => {
        const body = { ...lease, spec: { holderIdentity, leaseDurationSeconds: 15 } };
        return (await admin.request("PUT", `${collection}/one-holder`, { body })).status;
      };
      const statuses = await Promise.all([take("left"), take("right")]);
      assert.deepEqual(statuses.sort(), [200, 409]);
    }),
  );
});

const WATCH = `${servicePath()}?watch=true&allowWatchBookmarks=true`;

const isInitialEnd = ({ type, object }: WatchEvent): boolean =>
  type === "BOOKMARK" && object.metadata.annotations?.["k8s.io/initial-events-end"] === "true";

describe("a watch", () => {
  it(
    "tells what is there first and says when that is all, if asked to",
    inCluster(async ({ admin }, context) => {
      await createService(admin, { name: "listed" });
      const events: WatchEvent[] = [];
      const watch = await admin.watch(
        `${WATCH}&sendInitialEvents=true&resourceVersionMatch=NotOlderThan`,
        (event) => events.push(event),
      );
      context.after(() => watch.close());
      await eventually("the end of the initial events", 5_000, () => events.find(isInitialEnd));
      const before = events.slice(0, events.findIndex(isInitialEnd));
      assert.ok(before.some(({ object }) => object.metadata.name === "listed"));
      assert.ok(before.every(({ type }) => type === "ADDED"));
      await createService(admin, { name: "later" });
      await eventually("the new one", 5_000, () =>
        events.find(({ type, object }) => type === "ADDED" && object.metadata.name === "later"),
      );
    }),
  );

  it(
    "goes on over a restart of the server from the last version, and is told of an older one that it is gone",
    inCluster(async ({ admin, apiServer }, context) => {
      const { metadata: old } = await createService(admin, { name: "before-restart" });
      const { metadata: last } = await createService(admin, { name: "last-before-restart" });
      await apiServer.stop("SIGKILL");
      await apiServer.start();
      const told: string[] = [];
      const follow = async (version: string | undefined): Promise<void> => {
        const watch = await admin.watch(`${WATCH}&resourceVersion=${version}`, ({ type, object }) => {
          if (type !== "BOOKMARK") told.push(`${type} ${object.metadata.name ?? object.code}`);
        });
        context.after(() => watch.close());
      };
      await follow(last.resourceVersion);
      await createService(admin, { name: "after-restart" });
      await eventually("a change", 10_000, () => told[0]);
      assert.deepEqual(told, ["ADDED after-restart"]);
      // A server knows nothing of the time before its start, even if its store still does.
      await follow(old.resourceVersion);
      await eventually("an end", 10_000, () => told[1]);
      assert.deepEqual(told, ["ADDED after-restart", "ERROR 410"]);
    }),
  );
});

describe("the control plane of these tests", () => {
  it(
    "gives a user exactly the rights that were asked for, and tells what that user did",
    inCluster(async (plane, context) => {
      const identity = { type: "service-account", namespace: "rights", name: "reader" } as const;
      const { user, api } = await plane.access(identity, [
        { namespace: "rights", rules: [{ apiGroups: [""], resources: ["services"], verbs: ["list"] }] },
      ]);
      context.after(() => api.close());
      assert.equal((await api.request("GET", servicePath("rights"))).status, 200);
      assert.equal((await api.request("GET", servicePath("default"))).status, 403);
      assert.equal((await api.request("POST", servicePath("rights"), { body: {} })).status, 403);
      await pause(50);
      const entries = plane.audit().filter((entry) => entry.user === user);
      assert.deepEqual(
        [...tally(entries)],
        [
          ["list services", 2],
          ["create services", 1],
        ],
      );
      assert.deepEqual(
        entries.filter(isWrite).map(({ code, agent }) => [code, agent]),
        [[403, "steelyard-cluster-test"]],
      );
    }),
  );

  it(
    "stands still when it is frozen, and slows down at the door to etcd",
    inCluster(async ({ admin, apiServer, door, etcd }, context) => {
      context.after(() => {
        apiServer.thaw();
        etcd.thaw();
        door.delay(0);
      });
      const patch = (value: string, timeoutMs = 20_000): Promise<unknown> =>
        admin.request("PATCH", servicePath("default", "kubernetes"), {
          body: { metadata: { labels: { value } } },
          contentType: patchContentType("merge-patch"),
          timeoutMs,
        });
      await patch("quick");
      etcd.freeze();
      await assert.rejects(patch("frozen store", 700), /no answer in time/);
      etcd.thaw();
      apiServer.freeze();
      await assert.rejects(patch("frozen server", 700), /no answer in time/);
      apiServer.thaw();
      await eventually("an answer", 30_000, () =>
        patch("thawed", 2_000).then(
          () => true,
          () => undefined,
        ),
      );
      door.delay(150);
      const began = performance.now();
      await patch("slow store");
      assert.ok(performance.now() - began > 250, `${performance.now() - began} ms`);
    }),
  );
});
