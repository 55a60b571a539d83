/** What a user of a cluster sees of `steelyard controller`. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import type { Access } from "./access.ts";
import { createNamespace } from "./access.ts";
import { isWrite, tally } from "./audit.ts";
import { type ClusterTest, type ControlPlane, sharedControlPlane } from "./bed.ts";
import { type Controller, install, NAMESPACE, openController, pool, writesSince } from "./controller.ts";
import { eventually } from "./eventually.ts";
import {
  addressesByName,
  addressesOf,
  allocated,
  conditionOf,
  createService,
  readService,
  type ServiceObject,
  servicePath,
} from "./services.ts";

const ALLOCATED = "steelyard.dev/Allocated";
const FROM_POOL = "metallb.io/ip-allocated-from-pool";

const inCluster = sharedControlPlane({ families: "ipv4+ipv6" });

let access: Access | undefined;
let controller: Controller | undefined;

/** A test with the controller of this file, which the first one starts. */
const withController = (
  test: (
    plane: ControlPlane,
    running: { readonly access: Access; readonly controller: Controller },
  ) => Promise<void>,
): ReturnType<typeof inCluster> => {
  const run: ClusterTest = async (plane, context) => {
    access ??= await install(plane);
    if (controller === undefined) {
      controller = await openController(plane, { access });
      await controller.start();
    }
    try {
      await test(plane, { access, controller });
    } catch (error) {
      context.diagnostic(`controller:\n${controller.lastWords(40)}`);
      throw error;
    }
  };
  return inCluster(run);
};

type EventObject = { readonly reason: string; readonly message: string; readonly type: string };

/** The Events about a Service, by their reasons. */
const eventsAbout = async ({ admin }: ControlPlane, name: string): Promise<readonly EventObject[]> => {
  const selector = encodeURIComponent(`involvedObject.kind=Service,involvedObject.name=${name}`);
  const { items } = await admin.get<{ items: readonly EventObject[] }>(
    `/api/v1/namespaces/default/events?fieldSelector=${selector}`,
  );
  return items;
};

/** Resolves with a Service that was refused an address. */
const refused = ({ admin }: ControlPlane, name: string): Promise<ServiceObject> =>
  eventually(`a refusal of ${name}`, 10_000, async () => {
    const service = await readService(admin, name);
    return conditionOf(service, ALLOCATED)?.status === "False" ? service : undefined;
  });

const poolStatus = async (
  { admin }: ControlPlane,
  name: string,
): Promise<Readonly<Record<string, number>> | undefined> => {
  const { status } = await admin.get<{ status?: Readonly<Record<string, number>> }>(
    `/apis/metallb.io/v1beta1/namespaces/${NAMESPACE}/ipaddresspools/${name}`,
  );
  return status;
};

describe("a controller", () => {
  it(
    "says that a Service has no address while there is no pool, and gives it one as soon as there is",
    withController(async (plane) => {
      await createService(plane.admin, { name: "first" });
      const waiting = await refused(plane, "first");
      assert.deepEqual(addressesOf(waiting), []);
      assert.match(conditionOf(waiting, ALLOCATED)?.message ?? "", /pool/);
      await plane.apply(pool("lan", ["192.0.2.0/28", "2001:db8::/64"], { avoidBuggyIPs: true }));
      const given = await allocated(plane, "first");
      assert.deepEqual(given.status.loadBalancer.ingress, [{ ip: "192.0.2.1", ipMode: "VIP" }]);
      assert.equal(given.metadata.annotations?.[FROM_POOL], "lan");
      const condition = conditionOf(given, ALLOCATED);
      assert.equal(condition?.status, "True");
      assert.match(condition?.message ?? "", /lan/);
    }),
  );

  it(
    "tells of both outcomes by Events",
    withController(async (plane) => {
      const events = await eventually("both events", 10_000, async () => {
        const found = await eventsAbout(plane, "first");
        return found.length >= 2 ? found : undefined;
      });
      const reasons = events.map(({ type, reason }) => `${type} ${reason}`).sort();
      assert.deepEqual(reasons, ["Normal IPAllocated", "Warning AllocationFailed"]);
    }),
  );

  it(
    "gives both families to a Service that requires both, from one pool",
    withController(async (plane) => {
      await createService(plane.admin, { name: "both", spec: { ipFamilyPolicy: "RequireDualStack" } });
      assert.deepEqual(addressesOf(await allocated(plane, "both")), ["192.0.2.2", "2001:db8::"]);
    }),
  );

  it(
    "gives the address that is asked for, and the next Service another one",
    withController(async (plane) => {
      await createService(plane.admin, {
        name: "asked",
        annotations: { "metallb.io/loadBalancerIPs": "192.0.2.3" },
      });
      assert.deepEqual(addressesOf(await allocated(plane, "asked")), ["192.0.2.3"]);
      await createService(plane.admin, { name: "next" });
      assert.deepEqual(addressesOf(await allocated(plane, "next")), ["192.0.2.4"]);
    }),
  );

  it(
    "refuses an address that another Service holds, with a reason where the user looks, and gives it once it is free",
    withController(async (plane, { controller }) => {
      await createService(plane.admin, { name: "late", spec: { loadBalancerIP: "192.0.2.3" } });
      const waiting = await refused(plane, "late");
      assert.match(conditionOf(waiting, ALLOCATED)?.message ?? "", /192\.0\.2\.3/);
      const events = await eventually("an event", 5_000, async () => {
        const found = await eventsAbout(plane, "late");
        return found.length > 0 ? found : undefined;
      });
      assert.equal(events[0]?.type, "Warning");
      assert.match(JSON.stringify(await controller.explain("default/late")), /192\.0\.2\.3/);
      await plane.admin.delete(servicePath("default", "asked"));
      assert.deepEqual(addressesOf(await allocated(plane, "late")), ["192.0.2.3"]);
    }),
  );

  it(
    "refuses both ways of asking at once, an address outside of every pool, and a family that the Service lacks",
    withController(async (plane) => {
      const wishes = {
        "both-ways": {
          spec: { loadBalancerIP: "192.0.2.9" },
          annotations: { "metallb.io/loadBalancerIPs": "192.0.2.9" },
        },
        outside: { annotations: { "metallb.io/loadBalancerIPs": "198.51.100.1" } },
        "other-family": { annotations: { "metallb.io/loadBalancerIPs": "2001:db8::9" } },
        nonsense: { annotations: { "metallb.io/loadBalancerIPs": "192.0.2.9, , 192.0.2.300" } },
        "no-such-pool": { annotations: { "metallb.io/address-pool": "wan" } },
      };
      for (const [name, wish] of Object.entries(wishes)) await createService(plane.admin, { name, ...wish });
      for (const name of Object.keys(wishes)) {
        const service = await refused(plane, name);
        assert.deepEqual(addressesOf(service), [], name);
        assert.notEqual(conditionOf(service, ALLOCATED)?.message, "", name);
        await eventually(`an event about ${name}`, 5_000, async () =>
          (await eventsAbout(plane, name)).some(({ type }) => type === "Warning") ? true : undefined,
        );
      }
      for (const name of Object.keys(wishes)) await plane.admin.delete(servicePath("default", name));
    }),
  );

  it(
    "lets Services share an address if both say so and their ports differ",
    withController(async (plane) => {
      const annotations = { "metallb.io/allow-shared-ip": "web" };
      await createService(plane.admin, { name: "share-1", annotations, port: 80 });
      const [address = ""] = addressesOf(await allocated(plane, "share-1"));
      const spec = { loadBalancerIP: address };
      await createService(plane.admin, { name: "share-2", annotations, port: 443, spec });
      assert.deepEqual(addressesOf(await allocated(plane, "share-2")), [address]);
      await createService(plane.admin, { name: "share-3", annotations, port: 443, spec });
      assert.match(conditionOf(await refused(plane, "share-3"), ALLOCATED)?.message ?? "", /443|port/);
      await plane.admin.delete(servicePath("default", "share-3"));
    }),
  );

  it(
    "leaves no trace on a Service that is no LoadBalancer any more, and foreign conditions alone",
    withController(async (plane) => {
      await createService(plane.admin, { name: "retyped" });
      await allocated(plane, "retyped");
      const path = servicePath("default", "retyped");
      const theirs = {
        ...{ type: "example.com/Theirs", status: "True", reason: "Given", message: "" },
        lastTransitionTime: "2026-01-01T00:00:00Z",
      };
      await plane.admin.patch(
        `${path}/status`,
        { status: { conditions: [theirs] } },
        "strategic-merge-patch",
      );
      await plane.admin.patch(path, { spec: { type: "ClusterIP", allocateLoadBalancerNodePorts: null } });
      const left = await eventually("a Service without traces", 10_000, async () => {
        const service = await readService(plane.admin, "retyped");
        const traces = conditionOf(service, ALLOCATED) ?? service.metadata.annotations?.[FROM_POOL];
        return traces === undefined ? service : undefined;
      });
      assert.deepEqual(addressesOf(left), []);
      assert.deepEqual(
        left.status.conditions?.map(({ type }) => type),
        ["example.com/Theirs"],
      );
    }),
  );

  it(
    "leaves Services of another class alone",
    withController(async (plane) => {
      await createService(plane.admin, { name: "classy", spec: { loadBalancerClass: "example.com/other" } });
      await createService(plane.admin, { name: "after-classy" });
      await allocated(plane, "after-classy");
      const { status, metadata } = await readService(plane.admin, "classy");
      assert.deepEqual(
        [status.loadBalancer, status.conditions, metadata.annotations],
        [{}, undefined, undefined],
      );
    }),
  );

  it(
    "counts in the pool's status what is assigned and what is left",
    withController(async (plane) => {
      const held = [...(await addressesByName(plane.admin)).values()].flat();
      const v4 = new Set(held.filter((address) => address.includes(".")));
      await eventually("the counts", 10_000, async () => {
        const status = await poolStatus(plane, "lan");
        return status?.assignedIPv4 === v4.size && status.assignedIPv6 === 1 ? true : undefined;
      });
      // Of a /28 with avoidBuggyIPs: 192.0.2.0 is left out.
      assert.equal((await poolStatus(plane, "lan"))?.availableIPv4, 15 - v4.size);
    }),
  );

  it(
    "keeps the last valid configuration when a pool is added that overlaps, and says so",
    withController(async (plane) => {
      await plane.apply(pool("overlapping", ["192.0.2.8/29"]));
      const states = `/apis/metallb.io/v1beta1/namespaces/${NAMESPACE}/configurationstates`;
      const verdict = (result: string): Promise<string> =>
        eventually(`${result} in a ConfigurationState`, 10_000, async () => {
          const { items } = await plane.admin.get<{
            items: readonly { status?: { result?: string; errorSummary?: string } }[];
          }>(states);
          const found = items.find(({ status }) => status?.result === result);
          return found === undefined ? undefined : (found.status?.errorSummary ?? "");
        });
      assert.match(await verdict("Invalid"), /overlap/);
      await createService(plane.admin, { name: "meanwhile" });
      const given = await allocated(plane, "meanwhile");
      assert.equal(given.metadata.annotations?.[FROM_POOL], "lan");
      await plane.admin.delete(`/apis/metallb.io/v1beta1/namespaces/${NAMESPACE}/ipaddresspools/overlapping`);
      await verdict("Valid");
    }),
  );

  it(
    "takes another address when a machine that is not ours answers for the one that it gave",
    withController(async (plane) => {
      const [before = ""] = addressesOf(await readService(plane.admin, "next"));
      const conflict = {
        apiVersion: "steelyard.dev/v1alpha1",
        kind: "AddressConflict",
        metadata: { name: "foreign", namespace: NAMESPACE },
        spec: { address: before, mac: "02:00:5e:00:53:01", reportedBy: "n1" },
      };
      await plane.apply(JSON.stringify(conflict));
      await eventually("another address", 10_000, async () => {
        const [now] = addressesOf(await readService(plane.admin, "next"));
        return now !== undefined && now !== before ? now : undefined;
      });
    }),
  );

  it(
    "keeps a reserved address for the Service that it is for",
    withController(async (plane) => {
      const reservation = {
        apiVersion: "steelyard.dev/v1alpha1",
        kind: "AddressReservation",
        metadata: { name: "kept", namespace: NAMESPACE },
        spec: { addresses: ["203.0.113.1"], service: { namespace: "reserved", name: "owner" } },
      };
      await createNamespace(plane.admin, "reserved");
      await plane.apply(
        `${JSON.stringify(reservation)}\n---\n${pool("single", ["203.0.113.1/32"], { autoAssign: false })}`,
      );
      const annotations = { "metallb.io/address-pool": "single" };
      await createService(plane.admin, { name: "greedy", annotations });
      assert.match(conditionOf(await refused(plane, "greedy"), ALLOCATED)?.message ?? "", /single/);
      await createService(plane.admin, { name: "owner", namespace: "reserved", annotations });
      const owner = await allocated(plane, "owner", { namespace: "reserved" });
      assert.deepEqual(addressesOf(owner), ["203.0.113.1"]);
    }),
  );

  it(
    "writes each Service once: many at once take one status patch each",
    withController(async (plane, { access }) => {
      const names = Array.from({ length: 100 }, (_, index) => `many-${index}`);
      await createNamespace(plane.admin, "many");
      await plane.apply(pool("many", ["10.64.0.0/16"], { serviceAllocation: { namespaces: ["many"] } }));
      await pause(300);
      const mark = plane.audit().length;
      await Promise.all(names.map((name) => createService(plane.admin, { name, namespace: "many" })));
      const byName = await eventually("all addresses", 20_000, async () => {
        const found = await addressesByName(plane.admin, "many");
        return [...found.values()].every((addresses) => addresses.length === 1) ? found : undefined;
      });
      assert.equal(new Set([...byName.values()].flat()).size, names.length);
      await pause(500);
      const counts = tally(writesSince(plane, access, mark));
      assert.equal(counts.get("patch services/status"), names.length, JSON.stringify([...counts]));
    }),
  );

  it(
    "as a shadow needs no right to write, writes nothing, and says what it would do",
    withController(async (plane) => {
      const read = ["get", "list", "watch"];
      const shadow = await plane.access({ type: "user", name: "shadow" }, [
        { rules: [{ apiGroups: [""], resources: ["services", "namespaces", "nodes"], verbs: read }] },
        {
          namespace: NAMESPACE,
          rules: [{ apiGroups: ["metallb.io", "steelyard.dev"], resources: ["*"], verbs: read }],
        },
      ]);
      const args = ["--shadow", "--lb-class=example.com/other"];
      const other = await openController(plane, { identity: "shadow", access: shadow, args });
      await other.start();
      const [difference] = await eventually("a difference", 10_000, async () => {
        const { differences } = await other.status();
        return differences.length > 0 ? differences : undefined;
      });
      assert.equal(difference?.service, "default/classy");
      await other.stop("SIGTERM");
      shadow.api.close();
      const entries = plane.audit().filter(({ user }) => user === shadow.user);
      assert.deepEqual([...tally(entries.filter(isWrite))], []);
    }),
  );

  it(
    "writes nothing while nothing changes",
    withController(async (plane, { access }) => {
      await pause(2_000);
      const mark = plane.audit().length;
      await pause(4_000);
      assert.deepEqual([...tally(writesSince(plane, access, mark))], []);
    }),
  );

  it(
    "started again changes no address and writes to no Service",
    withController(async (plane, { access, controller }) => {
      const before = await addressesByName(plane.admin);
      const mark = plane.audit().length;
      await controller.stop("SIGTERM");
      await controller.start();
      await eventually("its lead", 20_000, async () =>
        (await controller.status()).leadership.state === "leading" ? true : undefined,
      );
      await createService(plane.admin, { name: "after-restart" });
      await allocated(plane, "after-restart");
      const writes = writesSince(plane, access, mark).filter(({ name }) => name !== "after-restart");
      assert.deepEqual([...tally(writes.filter(({ resource }) => resource.startsWith("services")))], []);
      const after = new Map(await addressesByName(plane.admin));
      after.delete("after-restart");
      assert.deepEqual(after, before);
    }),
  );
});
