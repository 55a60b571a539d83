/**
 * That sessions with routers pass from MetalLB's speakers (in its native BGP mode) to ours, node by node, from the same resources, as
 * docs/replace-metallb.md has it: the router spreads over the other nodes meanwhile, and users lose nothing.
 */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { pool } from "../controller.ts";
import { eventually } from "../eventually.ts";
import { type LabCluster, sharedLabCluster } from "./bed.ts";
import { openMetallbSpeakers } from "./metallb-speaker.ts";
import { outagesDuring } from "./outage.ts";
import { type LabRouter, NODES_ASN, ROUTER_ADDRESS, ROUTER_ASN, resource, startRouter } from "./router.ts";
import { startSpeakers } from "./speaker.ts";
import { installSpeaker } from "./speaker-rights.ts";

const inLab = sharedLabCluster({ nodes: 3, minSyncMs: 100 });
const NODES = ["n1", "n2", "n3"];
/** Not of the first of the pool: an address of any pod, and one of local pods, which every node has. */
const AT = ["203.0.113.10", "203.0.113.11"] as const;

/** What both kinds of speakers go by. */
const arrange = async ({ plane, pods, service }: LabCluster): Promise<void> => {
  await plane.apply(pool("routed", ["203.0.113.0/24"]));
  const peer = { myASN: NODES_ASN, peerASN: ROUTER_ASN, peerAddress: ROUTER_ADDRESS };
  await plane.apply(resource("BGPPeer", "router", peer, "v1beta2"));
  await plane.apply(resource("BGPAdvertisement", "routed", { ipAddressPools: ["routed"] }));
  for (const node of NODES) await pods.start("web", node);
  await service({ name: "any", app: "web", addresses: [AT[0]], policy: "Cluster" });
  await service({ name: "local", app: "web", addresses: [AT[1]], policy: "Local" });
};

const spreadsAll = async (router: LabRouter): Promise<void> => {
  for (const at of AT) await router.spreads(at, NODES, 40_000);
};

describe("beside MetalLB's own speakers, with a router", () => {
  it(
    "ours leave the session of each node to MetalLB's, take it over when that ends, and users lose nothing",
    inLab(async (cluster, context) => {
      const access = await installSpeaker(cluster);
      await arrange(cluster);
      const [metallb, router] = [await openMetallbSpeakers(cluster), await startRouter(cluster)];
      try {
        await metallb.start();
        await spreadsAll(router);
        const { all: ours, lastWords } = await startSpeakers(cluster, { access, args: ["--rules=metallb"] });
        try {
          const waits = async (node: string): Promise<boolean> => {
            const status = await ours.find((each) => each.node === node)?.status();
            return status?.bgp.refusedPeers.some(({ reason }) => reason === "metallb-speaker") === true;
          };
          for (const node of NODES)
            await eventually(`ours of ${node} to wait`, 30_000, async () =>
              (await waits(node)) ? true : undefined,
            );
          await pause(2_000);
          await spreadsAll(router);
          const outages = await outagesDuring(cluster.farClient, AT, async () => {
            for (const node of NODES) {
              await metallb.retireOn(node);
              await router.established(node, 40_000);
              await spreadsAll(router);
              assert.equal(await waits(node), false);
            }
          });
          for (const { address, sent, lost, longestMs } of outages)
            context.diagnostic(
              `${address}: ${lost} of ${sent} datagrams lost, ${Math.round(longestMs)} ms at the longest`,
            );
          assert.deepEqual(
            outages.map(({ lost }) => lost),
            [0, 0],
          );
        } catch (error) {
          context.diagnostic(lastWords(40));
          throw error;
        } finally {
          await Promise.all(ours.map((speaker) => speaker.retire()));
        }
      } catch (error) {
        context.diagnostic(metallb.lastWords(20));
        throw error;
      } finally {
        await metallb.retire().catch(() => {});
        access.api.close();
      }
    }),
  );
});
