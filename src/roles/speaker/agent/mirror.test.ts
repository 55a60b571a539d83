import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { parseMac } from "#base/mac";
import { parseInterfaceAddress } from "#base/prefix";
import { createPlacements } from "#core/layer2/placements";
import { DEFAULT_RULES } from "#core/layer2/rules";
import { LINKS_ANNOTATION, reportText } from "#core/speaker-report/report";
import { fakeCluster } from "#drivers/kubernetes/fake";
import {
  CONFIGURATION_STATES,
  ENDPOINT_SLICES,
  L2_STATUSES,
  NODES,
  PODS,
  SERVICES,
} from "#runtime/cluster/resources";
import { addressPool } from "#testing/services";
import { ClusterMirror } from "./mirror.ts";

const NAMESPACE = "metallb-system";

const bed = () => {
  const cluster = fakeCluster();
  const told: string[] = [];
  const placements = createPlacements({ lbClass: undefined, rules: DEFAULT_RULES });
  const start = () =>
    new ClusterMirror(cluster, {
      ...{ namespace: NAMESPACE, placements },
      listener: {
        changed: () => told.push("changed"),
        trouble: (resource, failure) => told.push(`${resource} ${failure?.reason ?? "again"}`),
      },
    });
  return {
    ...{ cluster, placements, start },
    take: async () => {
      await cluster.settled();
      return [...new Set(told.splice(0))];
    },
    node: (name: string, ip: string, ready = "True") =>
      cluster.put(NODES, {
        metadata: { name },
        status: {
          addresses: [{ type: "InternalIP", address: ip }],
          conditions: [{ type: "Ready", status: ready }],
        },
      }),
    speaker: (name: string, node: string, over: object = {}) =>
      cluster.put(PODS, {
        metadata: {
          ...{ name, namespace: NAMESPACE },
          labels: { "app.kubernetes.io/name": "steelyard", "app.kubernetes.io/component": "speaker" },
        },
        spec: { nodeName: node },
        status: { phase: "Running" },
        ...over,
      }),
    report: (node: string, mac: string) =>
      cluster.put(CONFIGURATION_STATES, {
        metadata: {
          ...{ name: `speaker-${node}`, namespace: NAMESPACE, labels: { "metallb.io/node-name": node } },
          annotations: {
            [LINKS_ANNOTATION]: reportText([
              {
                name: "eth0",
                mac: parseMac(mac) ?? assert.fail(mac),
                addresses: [parseInterfaceAddress("192.0.2.1/24") ?? assert.fail()],
              },
            ]),
          },
        },
      }),
  };
};

describe("what a speaker reads of the cluster", () => {
  it("is told only once all of it has been read", async () => {
    const { node, start, take } = bed();
    node("node-a", "192.0.2.1");
    const mirror = start();
    assert.equal(mirror.isSynced, false);
    assert.deepEqual(await take(), ["changed"]);
    assert.equal(mirror.isSynced, true);
    mirror.close();
  });

  it("are the members: nodes with a speaker that runs, their addresses, what is said of them, their MAC addresses", async () => {
    const { cluster, node, speaker, report, start, take } = bed();
    node("node-b", "192.0.2.2", "False");
    node("node-a", "192.0.2.1");
    node("node-c", "192.0.2.3");
    for (const name of ["node-a", "node-b", "node-x"]) speaker(`speaker-${name}`, name);
    speaker("pending", "node-c", { status: { phase: "Pending" } });
    report("node-a", "02:00:00:00:00:0a");
    const mirror = start();
    await take();
    assert.deepEqual(mirror.members(), [
      { name: "node-a", addresses: ["192.0.2.1"], macs: ["02:00:00:00:00:0a"], api: "ready" },
      { name: "node-b", addresses: ["192.0.2.2"], macs: [], api: "not-ready" },
    ]);
    assert.equal(mirror.podOf("node-a")?.key, `${NAMESPACE}/speaker-node-a`);
    cluster.remove(PODS, `${NAMESPACE}/speaker-node-a`);
    assert.deepEqual(await take(), ["changed"]);
    assert.deepEqual(
      mirror.members().map(({ name }) => name),
      ["node-b"],
    );
  });

  it("decides about placements: Services, endpoints, nodes and speakers", async () => {
    const { cluster, placements, node, speaker, start, take } = bed();
    placements.configure({
      pools: [addressPool("home", ["192.0.2.100-192.0.2.120"])],
      l2Advertisements: [
        {
          ...{ name: "all", pools: new Set(["home"]), nodeSelectors: [], serviceSelectors: [] },
          ...{ interfaces: undefined, preferredNodes: [] },
        },
      ],
    });
    for (const [index, name] of ["node-a", "node-b"].entries()) {
      node(name, `192.0.2.${index + 1}`);
      speaker(`speaker-${name}`, name);
    }
    cluster.put(SERVICES, {
      metadata: { name: "web", namespace: "shop" },
      spec: { type: "LoadBalancer", externalTrafficPolicy: "Local", ports: [{ port: 80 }] },
      status: { loadBalancer: { ingress: [{ ip: "192.0.2.100" }] } },
    });
    const slice = (node: string, ready: boolean) =>
      cluster.put(ENDPOINT_SLICES, {
        metadata: { name: "web-1", namespace: "shop", labels: { "kubernetes.io/service-name": "web" } },
        addressType: "IPv4",
        endpoints: [{ addresses: ["10.1.0.5"], nodeName: node, conditions: { ready } }],
      });
    slice("node-b", true);
    const mirror = start();
    await take();
    const candidates = () => placements.settle().placed.map((each) => each.candidates);
    assert.deepEqual(candidates(), [["node-b"]]);
    slice("node-a", true);
    await take();
    assert.deepEqual(candidates(), [["node-a"]]);
    cluster.remove(PODS, `${NAMESPACE}/speaker-node-a`);
    await take();
    assert.deepEqual(candidates(), [[]]);
    cluster.remove(SERVICES, "shop/web");
    await take();
    assert.deepEqual(placements.settle().withdrawn, ["192.0.2.100"]);
    mirror.close();
  });

  it("has who announces what, by Service", async () => {
    const { cluster, start, take } = bed();
    cluster.put(L2_STATUSES, {
      metadata: { name: "l2-1", namespace: NAMESPACE },
      status: { node: "node-a", serviceName: "web", serviceNamespace: "shop" },
    });
    const mirror = start();
    await take();
    const of = () => [...mirror.statuses.services()];
    assert.deepEqual(of(), ["shop/web"]);
    cluster.remove(L2_STATUSES, `${NAMESPACE}/l2-1`);
    await take();
    assert.deepEqual(of(), []);
  });

  it("stays as it was when the API server goes away, and says so", async () => {
    const { cluster, node, speaker, start, take } = bed();
    node("node-a", "192.0.2.1");
    speaker("speaker-a", "node-a");
    const mirror = start();
    await take();
    cluster.interrupt({ reason: "unreachable", status: 0, message: "gone", retryAfter: undefined }, 1_000);
    const told = await take();
    assert.ok(told.includes("nodes unreachable") && !told.includes("changed"), told.join());
    assert.equal(mirror.members().length, 1);
    cluster.resume();
    assert.ok((await take()).includes("nodes again"));
    assert.equal(mirror.members().length, 1);
  });
});
