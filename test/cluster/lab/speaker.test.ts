/** From a Service without an address to users who reach it at one node, wherever Services, pods, nodes and advertisements say. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { type AuditEntry, isWrite } from "../audit.ts";
import { NAMESPACE, pool } from "../controller.ts";
import { eventually } from "../eventually.ts";
import { grantedTo, isUse, type Right, showRight } from "../rights.ts";
import { servicePath } from "../services.ts";
import type { LabCluster } from "./bed.ts";
import { startLabController } from "./controller.ts";
import { claimAtGateway, conflictsOf, FOREIGN_MAC, releaseAtGateway } from "./foreign.ts";
import { outagesDuring } from "./outage.ts";
import { resource, routedBy } from "./router.ts";
import { advertisement, electionOrder, type SpeakerBed, sharedSpeakerBed } from "./speaker-bed.ts";
import { ACCOUNT } from "./speaker-rights.ts";
import { announcedBy, conditioned } from "./speaker-status.ts";
import { ask } from "./traffic.ts";

const inBed = sharedSpeakerBed({ nodes: 3 });
const NODES = ["n1", "n2", "n3"];
const CONTROLLER = { type: "service-account", namespace: NAMESPACE, name: "steelyard-controller" } as const;

const silent = ({ witness }: SpeakerBed, address: string): Promise<true> =>
  eventually(`nobody who answers for ${address}`, 10_000, async () =>
    (await witness.answering(address)).length === 0 ? true : undefined,
  );

const answersAt = async ({ witness }: SpeakerBed, node: string, at: readonly string[]): Promise<void> => {
  for (const address of at)
    await eventually(`${address} at ${node}`, 20_000, async () =>
      (await witness.answering(address)).join() === node ? true : undefined,
    );
  await witness.agreesOn(node, at);
};

describe("a Service that a controller gives addresses", () => {
  it(
    "is reached at one node, from the LAN and from behind the gateway, and its status and conditions say at which",
    inBed(async (bed) => {
      const { cluster, speakers } = bed;
      const access = await cluster.plane.access(CONTROLLER, []);
      const controller = await startLabController(cluster, { kubeconfig: access.kubeconfig });
      access.api.close();
      const service = await cluster.service({ name: "shop", app: "web", families: ["IPv4", "IPv6"] });
      const at = await eventually("addresses", 20_000, async () => {
        const given = await service.addresses();
        return given.length === 2 ? given : undefined;
      });
      const [node = ""] = electionOrder(NODES, at[0] ?? "");
      await bed.witness.held(node, at);
      await Promise.all(at.map((each) => cluster.proxied(each)));
      for (const client of [cluster.client, cluster.farClient])
        for (const each of at) {
          const { pods, errors } = await ask(client, each, { millis: 300 });
          assert.deepEqual([pods, errors], [["n3-a"], []], `${each} from ${client.name}`);
        }
      const [status] = await announcedBy(cluster, { service: "shop", nodes: [node] });
      assert.deepEqual(status?.metadata.labels, {
        "metallb.io/node": node,
        "metallb.io/service-name": "shop",
        "metallb.io/service-namespace": "default",
      });
      assert.equal(status?.status?.serviceName, "shop");
      assert.equal(status?.status?.serviceNamespace, "default");
      const announced = await conditioned(cluster, { service: "shop", type: "Announced", status: "True" });
      assert.match(announced.message, new RegExp(`[Nn]ode ${node} answers for ${at[0]}`));
      await conditioned(cluster, { service: "shop", type: "Reachable", status: "True" });
      const view = (await speakers.on(node).status()).addresses;
      assert.deepEqual(
        at.map((each) => view.find(({ address }) => address === each)?.state),
        ["holding", "holding"],
      );
      await controller.stop();
      await service.delete();
      for (const each of at) await silent(bed, each);
      await announcedBy(cluster, { service: "shop", nodes: [] });
    }),
  );
});

describe("a Service whose traffic stays on the node", () => {
  it(
    "is answered for where its pods serve, follows them, and by nobody when none serves",
    inBed(async (bed) => {
      const { cluster } = bed;
      const empty = await cluster.service({ name: "empty", app: "nobody" });
      await empty.setAddresses(["10.2.0.198"]);
      const near = await Promise.all(["n1", "n2"].map((node) => cluster.pods.start("near", node)));
      const {
        name,
        at,
        delete: remove,
      } = await bed.service({
        ...{ order: ["n3", "n1", "n2"], app: "near", policy: "Local" },
      });
      await bed.witness.held("n1", at);
      const [first, second] = near;
      await first?.say("unready");
      await answersAt(bed, "n2", at);
      await second?.say("unready");
      for (const each of at) await silent(bed, each);
      await announcedBy(cluster, { service: name, nodes: [] });
      await first?.say("ready");
      await answersAt(bed, "n1", at);
      const { pods } = await ask(cluster.client, at[0], { millis: 300 });
      assert.deepEqual(pods, ["n1-a"]);
      await remove();
      // It is said of what lasts only, and has lasted meanwhile.
      const silence = { service: empty.name, type: "Announced", status: "False" } as const;
      await conditioned(cluster, { ...silence, reason: "NoEndpoints" });
      await empty.delete();
      for (const pod of near) await pod.remove();
    }),
  );
});

describe("an address that two Services share", () => {
  it(
    "is at one node for both, and stays there without a loss when one of them goes",
    inBed(async (bed) => {
      const { cluster, witness } = bed;
      const annotations = { "metallb.io/allow-shared-ip": "both" };
      const one = await bed.service({ order: ["n2"], annotations });
      await witness.held("n2", one.at);
      const ports = [{ name: "web", port: 8_080, targetPort: 80, protocol: "TCP" }];
      const other = await cluster.service({
        ...{ name: "other", app: "web", addresses: one.at, annotations, spec: { ports } },
      });
      await announcedBy(cluster, { service: "other", nodes: ["n2"] });
      await announcedBy(cluster, { service: one.name, nodes: ["n2"] });
      const outages = await outagesDuring(cluster.client, one.at, async () => {
        await other.delete();
        await announcedBy(cluster, { service: "other", nodes: [] });
      });
      assert.deepEqual(
        outages.map(({ lost }) => lost),
        [0, 0],
      );
      await witness.agreesOn("n2", one.at);
      await one.delete();
    }),
  );
});

const putAdvertisement = async (
  { plane }: Pick<LabCluster, "plane">,
  spec: Readonly<Record<string, unknown>>,
): Promise<void> => {
  await plane.apply(advertisement("edge", { ipAddressPools: ["edge"], ...spec }));
};

describe("an L2Advertisement", () => {
  it(
    "chooses nodes by their labels, interfaces by their names, and Services by theirs",
    inBed(async (bed) => {
      const { cluster } = bed;
      const at = ["10.2.0.210"];
      await cluster.plane.apply(pool("edge", ["10.2.0.210-10.2.0.219"]));
      await putAdvertisement(cluster, { nodeSelectors: [{ matchLabels: { role: "edge" } }] });
      const { delete: remove } = await cluster.service({ name: "edge", app: "web", addresses: at });
      const nowhere = [{ matchLabels: { role: "nobody" } }];
      await cluster.plane.apply(pool("off", ["10.2.0.220-10.2.0.220"]));
      await cluster.plane.apply(advertisement("off", { ipAddressPools: ["off"], nodeSelectors: nowhere }));
      const off = await cluster.service({ name: "off", app: "web", addresses: ["10.2.0.220"] });
      await silent(bed, "10.2.0.210");
      await cluster.node("n2").label({ role: "edge" });
      await answersAt(bed, "n2", at);
      await putAdvertisement(cluster, { interfaces: ["eth7"] });
      await silent(bed, "10.2.0.210");
      await putAdvertisement(cluster, { interfaces: ["eth0"] });
      await answersAt(bed, electionOrder(NODES, "10.2.0.210")[0] ?? "", at);
      await putAdvertisement(cluster, { serviceSelectors: [{ matchLabels: { tier: "front" } }] });
      await silent(bed, "10.2.0.210");
      await cluster.plane.admin.patch(servicePath("default", "edge"), {
        metadata: { labels: { tier: "front" } },
      });
      await answersAt(bed, electionOrder(NODES, "10.2.0.210")[0] ?? "", at);
      await cluster.node("n2").label({ role: null });
      // It is said of what lasts only.
      const left = await conditioned(cluster, { service: "off", type: "Announced", status: "False" });
      for (const node of NODES) assert.match(left.message, new RegExp(node));
      await off.delete();
      await remove();
    }),
  );
});

describe("a node", () => {
  it(
    "that is excluded by its label, or whose network is not there yet, answers for nothing",
    inBed(async (bed) => {
      const { cluster, witness } = bed;
      const label = "node.kubernetes.io/exclude-from-external-load-balancers";
      const { at, delete: remove } = await bed.service({ order: ["n1", "n2", "n3"] });
      await witness.held("n1", at);
      await cluster.node("n1").label({ [label]: "" });
      await answersAt(bed, "n2", at);
      await cluster.node("n2").condition("NetworkUnavailable", "True");
      await answersAt(bed, "n3", at);
      await cluster.node("n2").condition("NetworkUnavailable", "False");
      await answersAt(bed, "n2", at);
      await cluster.node("n1").label({ [label]: null });
      await answersAt(bed, "n1", at);
      await remove();
    }),
  );
});

describe("a Service of IPv6 alone", () => {
  it(
    "is at the node that its address elects",
    inBed(async (bed) => {
      const at = ["fd02::1c8"];
      const { delete: remove } = await bed.cluster.service({ name: "six", app: "web", addresses: at });
      const [node = ""] = electionOrder(NODES, "fd02::1c8");
      await bed.witness.held(node, at);
      await announcedBy(bed.cluster, { service: "six", nodes: [node] });
      const { pods, errors } = await ask(bed.cluster.client, "fd02::1c8", { millis: 300 });
      assert.deepEqual([pods, errors], [["n3-a"], []]);
      await remove();
      await announcedBy(bed.cluster, { service: "six", nodes: [] });
    }),
  );
});

/** An address that another machine has is not taken, and reported; and taken once the machine has let go of it. */
const liveThroughConflict = async ({ cluster, witness }: SpeakerBed): Promise<void> => {
  const address = "10.2.0.199";
  await claimAtGateway(cluster, address);
  const service = await cluster.service({ name: "late", app: "web", addresses: [address] });
  await eventually("a conflict", 20_000, async () =>
    (await conflictsOf(cluster, address)).join() === FOREIGN_MAC ? true : undefined,
  );
  assert.deepEqual(await witness.answering(address), ["gw"]);
  await releaseAtGateway(cluster, address);
  await witness.held(electionOrder(NODES, address)[0] ?? "", [address]);
  await eventually("no conflict", 20_000, async () =>
    (await conflictsOf(cluster, address)).length === 0 ? true : undefined,
  );
  await service.delete();
  await announcedBy(cluster, { service: "late", nodes: [] });
};

/** Each node says that it tells a router of a Service, though that router does not answer, until the Service is gone. */
const liveThroughRoutes = async ({ cluster }: SpeakerBed): Promise<void> => {
  const { plane } = cluster;
  const says = (what: readonly string[]): Promise<true> =>
    eventually(`these to tell a router: ${what}`, 20_000, async () =>
      (await routedBy(cluster, "routed")).join() === what.join() ? true : undefined,
    );
  await plane.apply(pool("routed", ["203.0.113.0/24"]));
  await plane.apply(resource("BGPAdvertisement", "routed", { ipAddressPools: ["routed"] }));
  const peer = { myASN: 64_500, peerASN: 64_512, peerAddress: "10.2.0.1" };
  await plane.apply(resource("BGPPeer", "router", peer, "v1beta2"));
  const service = await cluster.service({ name: "routed", app: "web", addresses: ["203.0.113.1"] });
  await says(NODES.map((node) => `${node}: router`));
  await service.delete();
  await says([]);
};

describe("the account of speakers", () => {
  it(
    "writes nothing while nothing changes, is denied nothing, and has no right that it does not use",
    inBed(async (bed) => {
      const { plane } = bed.cluster;
      await liveThroughConflict(bed);
      await liveThroughRoutes(bed);
      const user = `system:serviceaccount:${NAMESPACE}:${ACCOUNT}`;
      const mine = () => plane.audit().filter((entry) => entry.user === user);
      const told = ({ verb, path }: AuditEntry): string => `${verb} ${path}`;
      // What was begun goes on for a few seconds; then there is nothing to write any more.
      let late: readonly string[] = [];
      for (let looks = 0; looks < 15; looks += 1) {
        const settled = mine().length;
        await pause(4_000);
        late = mine().slice(settled).filter(isWrite).map(told);
        if (late.length === 0) break;
      }
      assert.deepEqual(late, []);
      const denied = mine().filter(({ code }) => code === 401 || code === 403);
      assert.deepEqual(denied.map(told), []);
      for (const { log } of bed.speakers.all) assert.doesNotMatch(log(), /forbidden/i);
      const granted = await grantedTo(plane, ACCOUNT);
      const isUsed = (right: Right): boolean => mine().some((entry) => isUse(right, entry));
      // An older API server gives no lists as streams: then they are listed. A guarded one lets only those that may delete an object say
      // whose it is: `speaker-writers.test.ts` has such a server.
      const isNeeded = (right: Right): boolean =>
        isUsed(right) ||
        (right.verb === "list" && isUsed({ ...right, verb: "watch" })) ||
        (right.verb === "delete" && right.resource === "configurationstates");
      assert.deepEqual(granted.filter((right) => !isNeeded(right)).map(showRight), []);
    }),
  );
});
