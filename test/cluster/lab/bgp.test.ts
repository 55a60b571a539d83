/** Addresses that no LAN has: routers are told of them by every node, and a real router spreads over the nodes that it has heard. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { NAMESPACE, pool } from "../controller.ts";
import { eventually } from "../eventually.ts";
import { outagesDuring } from "./outage.ts";
import { NODES, peerOf, routedBed } from "./routed-bed.ts";
import { NODES_ASN, ROUTER_ADDRESS, ROUTER_ASN, resource, routedBy } from "./router.ts";
import { ACCOUNT } from "./speaker-rights.ts";
import { conditioned } from "./speaker-status.ts";
import { ask } from "./traffic.ts";

const { inBed, routed, ordinal } = routedBed();

describe("a Service that routers are told of", () => {
  it(
    "is spread over all nodes by a real router, and what is said of it is true",
    inBed(async (bed) => {
      const { cluster, router, speakers } = bed;
      const { name, at, delete: remove } = await routed(bed, "Local");
      for (const each of at) {
        await router.spreads(each, NODES);
        const { pods, errors } = await ask(cluster.farClient, each, { millis: 1_500 });
        assert.deepEqual([pods, errors], [["n1-a", "n2-a", "n3-b"], []], each);
      }
      await eventually("three ServiceBGPStatuses", 60_000, async () =>
        (await routedBy(cluster, name)).join() === NODES.map((node) => `${node}: router`).join()
          ? true
          : undefined,
      );
      // Whoever writes it hears of the others' sessions one by one.
      await eventually("all nodes in the condition", 60_000, async () => {
        const { message } = await conditioned(cluster, { service: name, type: "Announced", status: "True" });
        const all = "Routers are told of it by node n1 (router), node n2 (router) and node n3 (router).";
        return message === all ? true : undefined;
      });
      const peer = await eventually("the router's facts", 60_000, async () => {
        const found = peerOf(await speakers.on("n1").status());
        return found?.announced === found?.wanted && found?.bfd === "up" ? found : undefined;
      });
      assert.deepEqual(
        [peer.state, peer.address, peer.session?.asn],
        ["established", ROUTER_ADDRESS, ROUTER_ASN],
      );
      assert.deepEqual(peer.session?.families, ["IPv4", "IPv6"]);
      await remove();
      for (const each of at) await router.spreads(each, []);
      await eventually("no ServiceBGPStatus", 60_000, async () =>
        (await routedBy(cluster, name)).length === 0 ? true : undefined,
      );
    }),
  );

  it(
    "follows its pods where traffic stays on the node, and is withdrawn when none serves",
    inBed(async (bed) => {
      const { cluster, router } = bed;
      const pods = await Promise.all(["n1", "n2"].map((node) => cluster.pods.start("moving", node)));
      const at = `203.0.113.${ordinal()}`;
      const service = await cluster.service({
        ...{ name: "moving", addresses: [at], policy: "Local" },
      });
      await router.spreads(at, ["n1", "n2"]);
      await pods[0]?.say("unready");
      await router.spreads(at, ["n2"]);
      await pods[1]?.say("unready");
      await router.spreads(at, []);
      await pods[0]?.say("ready");
      await router.spreads(at, ["n1"]);
      await service.delete();
      for (const pod of pods) await pod.remove();
    }),
  );

  it(
    "goes on within moments when a node falls silent, since BFD misses it",
    inBed(async (bed) => {
      const { cluster, router } = bed;
      const { at, delete: remove } = await routed(bed, "Cluster");
      for (const each of at) await router.spreads(each, NODES);
      const node = cluster.node("n1");
      const outages = await outagesDuring(cluster.farClient, at, async () => {
        await node.freeze();
        for (const each of at) await router.spreads(each, ["n2", "n3"]);
      });
      assert.ok(
        outages.every(({ longestMs }) => longestMs < 3_000),
        JSON.stringify(outages),
      );
      await node.thaw();
      for (const each of at) await router.spreads(each, NODES, 60_000);
      await remove();
    }),
  );
});

describe("a BGPAdvertisement", () => {
  it(
    "has the router hear one prefix for several Services, with its communities, from the nodes that it selects",
    inBed(async ({ cluster, router }) => {
      const { plane } = cluster;
      await plane.apply(pool("summed", ["198.51.100.0/24"]));
      const value = "64500:77";
      await plane.apply(resource("Community", "names", { communities: [{ name: "colour", value }] }));
      const selected = ["n1", "n2"].map((node) => ({ matchLabels: { "kubernetes.io/hostname": node } }));
      await plane.apply(
        resource("BGPAdvertisement", "summed", {
          ...{
            ipAddressPools: ["summed"],
            aggregationLength: 28,
            peers: ["router"],
            nodeSelectors: selected,
          },
          communities: ["colour", "large:64500:1:2"],
        }),
      );
      const services = await Promise.all(
        ["198.51.100.17", "198.51.100.18"].map((at, index) =>
          cluster.service({ name: `summed-${index}`, app: "near", addresses: [at], policy: "Cluster" }),
        ),
      );
      const prefix = "198.51.100.16/28";
      await router.spreads(prefix, ["n1", "n2"], 60_000);
      const heard = await router.heard(prefix);
      assert.equal(heard.match(/BGP\.community: \(64500,77\)/g)?.length, 2, heard);
      assert.equal(heard.match(/BGP\.large_community: \(64500, 1, 2\)/g)?.length, 2, heard);
      for (const at of ["198.51.100.17", "198.51.100.18"]) {
        assert.deepEqual(await router.nodesFor(`${at}/32`), []);
        const { errors } = await ask(cluster.farClient, at, { millis: 1_000 });
        assert.deepEqual(errors, [], at);
      }
      // One of the two is enough for the prefix, and nobody has it without either.
      await services[0]?.delete();
      await pause(1_000);
      await router.spreads(prefix, ["n1", "n2"]);
      await services[1]?.delete();
      await router.spreads(prefix, []);
    }),
  );
});

/** A Secret with a password, and the right to read it, as the chart gives it for `speaker.bgp.passwordSecrets`. */
const secretThatSpeakersMayRead = (name: string, password: string): readonly string[] => {
  const metadata = { name, namespace: NAMESPACE };
  const rbac = "rbac.authorization.k8s.io";
  return [
    {
      ...{ apiVersion: "v1", kind: "Secret", metadata, type: "kubernetes.io/basic-auth" },
      stringData: { password },
    },
    {
      ...{ apiVersion: `${rbac}/v1`, kind: "Role", metadata },
      rules: [{ apiGroups: [""], resources: ["secrets"], resourceNames: [name], verbs: ["list", "watch"] }],
    },
    {
      ...{ apiVersion: `${rbac}/v1`, kind: "RoleBinding", metadata },
      roleRef: { apiGroup: rbac, kind: "Role", name },
      subjects: [{ kind: "ServiceAccount", name: ACCOUNT, namespace: NAMESPACE }],
    },
  ].map((each) => JSON.stringify(each));
};

describe("a session with a password", () => {
  it(
    "comes up with what a Secret holds, and follows it to another one without a restart of the speaker",
    inBed(async ({ cluster, router, speakers }) => {
      const allUp = async (): Promise<void> => {
        for (const node of NODES) await router.established(node, 60_000);
      };
      const pids = speakers.all.map(({ pid }) => pid());
      const peer = `/apis/metallb.io/v1beta2/namespaces/${NAMESPACE}/bgppeers/router`;
      for (const text of secretThatSpeakersMayRead("router", "the first one"))
        await cluster.plane.apply(text);
      await router.setPassword("the first one");
      await cluster.plane.admin.patch(peer, { spec: { passwordSecret: { name: "router" } } }, "merge-patch");
      await allUp();
      await router.setPassword("another one");
      for (const node of NODES)
        await eventually(`${node} to be refused`, 60_000, async () =>
          (await router.isEstablished(node)) ? undefined : true,
        );
      const [secret = ""] = secretThatSpeakersMayRead("router", "another one");
      await cluster.plane.apply(secret);
      await allUp();
      assert.deepEqual(
        speakers.all.map(({ pid }) => pid()),
        pids,
      );
      await router.setPassword(undefined);
      await cluster.plane.admin.patch(peer, { spec: { passwordSecret: null } }, "merge-patch");
      await allUp();
      for (const { log } of speakers.all) assert.doesNotMatch(log(), /the first one|another one/);
    }),
  );
});

describe("a BGPPeer that cannot be as it is asked for", () => {
  it(
    "is refused with its reason, in the status of the speaker and of its ConfigurationState, and its session is as before once it is mended",
    inBed(async (bed) => {
      const { cluster, speakers } = bed;
      const other = (spec: object): string =>
        resource(
          "BGPPeer",
          "other",
          { myASN: NODES_ASN, peerASN: 64_513, peerAddress: "10.2.0.77", ...spec },
          "v1beta2",
        );
      await cluster.plane.apply(other({ passwordSecret: { name: "absent" } }));
      const refused = await eventually("a refusal", 20_000, async () => {
        const { bgp } = await speakers.on("n1").status();
        return bgp.refusedPeers.find(({ peer }) => peer === "other");
      });
      // Speakers may read the Secrets that the operator lets them read, and this is none of them.
      assert.equal(refused.reason, "secret-unread");
      assert.match(refused.text, /Secret absent/);
      const path = `/apis/metallb.io/v1beta1/namespaces/${NAMESPACE}/configurationstates/speaker-n1`;
      await eventually("an invalid ConfigurationState", 20_000, async () => {
        const { status } = await cluster.plane.admin.get<{
          status?: { readonly result?: string; readonly errorSummary?: string };
        }>(path);
        return status?.result === "Invalid" && /Secret absent/.test(status.errorSummary ?? "")
          ? true
          : undefined;
      });
      assert.equal(peerOf(await speakers.on("n1").status())?.state, "established");
      for (const text of secretThatSpeakersMayRead("absent", "not told to anybody"))
        await cluster.plane.apply(text);
      await eventually("a session that is tried", 60_000, async () => {
        const { bgp } = await speakers.on("n1").status();
        return bgp.refusedPeers.length === 0 && bgp.peers.some(({ name }) => name === "other")
          ? true
          : undefined;
      });
      assert.ok(!speakers.on("n1").log().includes("not told to anybody"));
      await cluster.plane.admin.delete(`/apis/metallb.io/v1beta2/namespaces/${NAMESPACE}/bgppeers/other`);
      await eventually("a valid ConfigurationState", 20_000, async () => {
        const { status } = await cluster.plane.admin.get<{ status?: { readonly result?: string } }>(path);
        return status?.result === "Valid" ? true : undefined;
      });
    }),
  );
});

// The last one: whoever watches an API server that was away reads some kinds late.
describe("a Service that routers are told of, while the API server is away", () => {
  it(
    "is announced again by a speaker that was killed, without an API server",
    inBed(async (bed) => {
      const { cluster, router, speakers } = bed;
      const { at, delete: remove } = await routed(bed, "Cluster");
      for (const each of at) await router.spreads(each, NODES);
      // What is new waits a moment before it is written to disk.
      await pause(2_000);
      await cluster.stopApi();
      const speaker = speakers.on("n2");
      await speaker.stop("SIGKILL");
      await eventually("the session to be gone", 60_000, async () =>
        (await router.isEstablished("n2")) ? undefined : true,
      );
      // All that it knows of the cluster and its routers is on its disk.
      const synced = speaker.start();
      await router.established("n2", 40_000);
      await eventually("its routes", 60_000, async () => {
        const peer = await speaker.status().then(peerOf, () => undefined);
        return peer?.announced === at.length ? true : undefined;
      });
      for (const each of at) await router.spreads(each, NODES);
      assert.equal((await speaker.status()).isSynced, false);
      await cluster.startApi();
      await synced;
      await remove();
      for (const each of at) await router.spreads(each, [], 60_000);
    }),
  );
});
