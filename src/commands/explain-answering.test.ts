import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import fc from "fast-check";
import { parseMac } from "#base/mac";
import { parseInterfaceAddress } from "#base/prefix";
import { readWorld } from "#core/allocation-plan/world";
import { LINKS_ANNOTATION, reportText } from "#core/speaker-report/report";
import { explain } from "./explain.ts";
import type { WorldRead } from "./world.ts";

const METALLB = "metallb.io/v1beta1";
const IN_LB = { namespace: "lb" };

const pool = {
  apiVersion: METALLB,
  kind: "IPAddressPool",
  metadata: { ...IN_LB, name: "lan" },
  spec: { addresses: ["192.0.2.0/24"] },
};
const advertisement = { apiVersion: METALLB, kind: "L2Advertisement", metadata: { ...IN_LB, name: "all" } };

const service = (over: { spec?: object; conditions?: readonly object[]; ips?: readonly string[] } = {}) => ({
  apiVersion: "v1",
  kind: "Service",
  metadata: { namespace: "shop", name: "web" },
  spec: {
    ...{ type: "LoadBalancer", clusterIPs: ["10.96.0.1"], ipFamilies: ["IPv4"], ports: [{ port: 80 }] },
    ...over.spec,
  },
  status: {
    loadBalancer: { ingress: (over.ips ?? ["192.0.2.10"]).map((ip) => ({ ip, ipMode: "VIP" })) },
    conditions: over.conditions ?? [],
  },
});

const node = (name: string, spec: object = {}) => ({
  ...{ apiVersion: "v1", kind: "Node", metadata: { name }, spec },
  status: { conditions: [{ type: "Ready", status: "True" }] },
});

const pod = (
  name: string,
  on: string,
  labels: object = { "app.kubernetes.io/name": "steelyard", "app.kubernetes.io/component": "speaker" },
) => ({
  ...{ apiVersion: "v1", kind: "Pod", metadata: { ...IN_LB, name, labels } },
  ...{ spec: { nodeName: on }, status: { phase: "Running" } },
});

const slice = (nodes: readonly string[]) => ({
  apiVersion: "discovery.k8s.io/v1",
  kind: "EndpointSlice",
  metadata: { namespace: "shop", name: "web-1", labels: { "kubernetes.io/service-name": "web" } },
  addressType: "IPv4",
  endpoints: nodes.map((nodeName) => ({ addresses: ["10.1.0.5"], nodeName, conditions: { ready: true } })),
});

const status = (on: string) => ({
  ...{ apiVersion: METALLB, kind: "ServiceL2Status", metadata: { ...IN_LB, name: `l2-${on}` } },
  status: { node: on, serviceName: "web", serviceNamespace: "shop", interfaces: [{ name: "eth0" }] },
});

const report = (on: string, address: string) => ({
  apiVersion: METALLB,
  kind: "ConfigurationState",
  metadata: {
    ...{ ...IN_LB, name: `speaker-${on}`, labels: { "metallb.io/node-name": on } },
    annotations: {
      [LINKS_ANNOTATION]: reportText([
        {
          ...{ name: "eth0", mac: parseMac("02:00:00:00:00:01") ?? assert.fail() },
          addresses: [parseInterfaceAddress(address) ?? assert.fail()],
        },
      ]),
    },
  },
});

const REACHABLE = {
  ...{ type: "steelyard.dev/Reachable", status: "True", reason: "Answered" },
  ...{ message: "Node node-a got an answer from 192.0.2.10.", lastTransitionTime: "2026-03-01T08:00:00Z" },
};

const CLUSTER = [
  ...[pool, advertisement, service({ conditions: [REACHABLE] }), slice(["node-a"])],
  ...[
    node("node-a"),
    node("node-b"),
    node("node-c", { unschedulable: true }),
    node("node-d"),
    node("node-e"),
  ],
  ...["node-a", "node-b", "node-c", "node-d"].map((name) => pod(`speaker-${name}`, name)),
  ...[pod("other", "node-e", { app: "other" }), status("node-b")],
  ...[report("node-a", "192.0.2.1/24"), report("node-d", "198.51.100.4/24")],
];

const read = (objects: readonly object[], missing: readonly string[] = []): WorldRead => ({
  ...{ ok: true, world: readWorld(objects), objects },
  missing: missing.map((plural) => ({ plural, problem: `${plural} (forbidden)` })),
});

const run = (now: WorldRead, { json = false, lbClass }: { json?: boolean; lbClass?: string } = {}) => {
  const lines: string[] = [];
  const exit = explain({
    ...{ service: "shop/web", state: [], now, lbClass, json },
    print: (line) => lines.push(line),
  });
  return { exit, lines };
};

describe("steelyard explain service, of a Service that is announced", () => {
  it("says who may answer in which order, who is left out and why, who answers, and whether that is reached", () => {
    const { exit, lines } = run(read(CLUSTER));
    assert.equal(exit, 0);
    const file = join(import.meta.dirname, "testdata/explain-answering.txt");
    const text = `${lines.join("\n")}\n`;
    if (process.env.UPDATE_GOLDEN === "1") writeFileSync(file, text);
    assert.equal(text, readFileSync(file, "utf8"), "run with UPDATE_GOLDEN=1 to accept");
    const page = readFileSync(join(import.meta.dirname, "../../docs/plan.md"), "utf8");
    assert.ok(page.includes(text), "docs/plan.md shows something else");
  });

  it("says from which node the holder took it when that fell silent, as the condition has it", () => {
    const takeover =
      "Taken over from node node-a, which fell silent, at 2026-11-30T21:04:05Z, 362 ms after it was heard last.";
    const announced = {
      ...{ type: "steelyard.dev/Announced", status: "True", reason: "Announced" },
      ...{
        message: `Node node-b answers for 192.0.2.10. ${takeover}`,
        lastTransitionTime: "2026-03-01T08:00:00Z",
      },
    };
    const objects = [
      ...CLUSTER.filter((each) => !("kind" in each && each.kind === "Service")),
      service({ conditions: [announced] }),
    ];
    const { lines } = run(read(objects));
    assert.ok(lines.includes(takeover), lines.join("\n"));
  });

  it("gives the same as JSON, with each reason by its name", () => {
    const { lines } = run(read(CLUSTER), { json: true });
    const json = JSON.parse(lines.join("\n"));
    const { addresses, holders, reachable, silence } = json.answering;
    assert.equal(silence, undefined);
    const candidates = addresses[0].candidates.map((each: { node: string }) => each.node);
    assert.deepEqual([...candidates].sort(), ["node-a", "node-b", "node-c"]);
    assert.equal(candidates.at(-1), "node-c", "who is cordoned stands behind");
    assert.deepEqual(
      addresses[0].leftOut.map((each: { node: string; reason: string }) => `${each.node} ${each.reason}`),
      ["node-d other-subnet", "node-e no-speaker"],
    );
    assert.deepEqual(holders, [{ node: "node-b", interfaces: ["eth0"] }]);
    assert.equal(reachable.status, "True");
    assert.deepEqual(json.text, run(read(CLUSTER)).lines);
  });

  it("says why nobody may answer", () => {
    const lines = run(
      read([...CLUSTER.filter((each) => each.kind !== "EndpointSlice"), slice([])]),
    ).lines.join("\n");
    assert.match(lines, /shop\/web is not announced\. No endpoint of the Service serves: look at the pods/);
    const none = run(
      read(CLUSTER.map((each) => (each.kind === "Service" ? service({ ips: [] }) : each))),
    ).lines;
    assert.match(none.join("\n"), /Nobody answers for it\. The status of the Service lists no address/);
  });

  it("says that no node answers where none has recorded it, and that an address is not reached", () => {
    const broken = {
      ...REACHABLE,
      status: "False",
      reason: "NotResolved",
      message: "Node node-b asked in vain.",
    };
    const objects = CLUSTER.flatMap((each): readonly object[] => {
      if (each.kind === "ServiceL2Status") return [];
      return [each.kind === "Service" ? service({ conditions: [broken] }) : each];
    });
    const lines = run(read(objects)).lines.join("\n");
    assert.match(
      lines,
      /No node says that it answers for it\.\nIt is not reachable: Node node-b asked in vain\./,
    );
  });

  it("says what could not be read, and concludes nothing from its absence", () => {
    const without = (...kinds: readonly string[]) => CLUSTER.filter((each) => !kinds.includes(each.kind));
    const all = without("Node", "EndpointSlice", "Pod", "ServiceL2Status", "ConfigurationState");
    const none = run(
      read(all, ["nodes", "endpointslices", "pods", "servicel2statuses", "configurationstates"]),
    );
    assert.equal(none.exit, 0);
    assert.deepEqual(none.lines.slice(1), [
      "Who may answer for it is not known.",
      "It is reachable: Node node-a got an answer from 192.0.2.10.",
      "Not all could be read: nodes (forbidden), endpointslices (forbidden), pods (forbidden), servicel2statuses (forbidden), configurationstates (forbidden).",
    ]);
    const slices = run(read(without("EndpointSlice"), ["endpointslices"])).lines.join("\n");
    assert.ok(!slices.includes("No endpoint"), slices);
    assert.match(slices, /^Who may answer for it is not known\.\nNode node-b answers for it on eth0\.$/m);
    const pods = run(read(without("Pod"), ["pods"])).lines.join("\n");
    assert.match(pods, /^\d\. node-e\.$/m, "without pods every node is taken to run a speaker");
  });

  it("says nothing of it where nothing is known of nodes, and of a Service that is another program's", () => {
    const without = CLUSTER.filter((each) => each.kind === "Service" || each.kind === "IPAddressPool");
    assert.ok(run(read(without)).lines.every((line) => !line.includes("answer")));
    assert.equal(run(read(CLUSTER), { lbClass: "other" }).lines.length, 1);
  });

  it("lists the first of many nodes", () => {
    const many = Array.from({ length: 500 }, (_, index) => node(`n${index}`));
    const objects = [
      ...CLUSTER.filter((each) => !["Node", "Pod", "ConfigurationState"].includes(each.kind)),
      ...many,
    ];
    const { lines } = run(read(objects));
    assert.ok(lines.length < 40, `${lines.length}`);
    assert.ok(lines.includes("484 more nodes may answer for 192.0.2.10 after these."));
  });

  it("prints lines of bounded length that command no terminal, whatever objects hold", () => {
    const kinds = [
      "Node",
      "Pod",
      "EndpointSlice",
      "ServiceL2Status",
      "ConfigurationState",
      "L2Advertisement",
    ];
    const hostile = fc.record({
      apiVersion: fc.constantFrom("v1", METALLB, "discovery.k8s.io/v1"),
      kind: fc.constantFrom(...kinds),
      metadata: fc.record({
        name: fc.oneof(fc.string({ unit: "binary" }), fc.constant("node-a")),
        labels: fc.anything(),
      }),
      spec: fc.anything(),
      status: fc.oneof(
        fc.anything(),
        fc.record({
          node: fc.string({ unit: "binary", maxLength: 3_000 }),
          serviceName: fc.constant("web"),
          serviceNamespace: fc.constant("shop"),
          interfaces: fc.array(fc.record({ name: fc.string({ unit: "binary" }) })),
        }),
      ),
    });
    fc.assert(
      fc.property(fc.array(hostile, { maxLength: 8 }), (objects) => {
        const { lines } = run(read([...CLUSTER, ...objects]));
        assert.ok(lines.length > 0);
        for (const line of lines) assert.ok(line.length <= 2_000 && !/\p{Cc}/u.test(line), line);
      }),
      { numRuns: 40 },
    );
  });
});
