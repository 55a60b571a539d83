/** Nodes behind a real router that go on purpose, and speakers that are replaced: nobody loses anything, and the router is told before. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { describe, it } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import type { Finding } from "#core/doctor/finding";
import { NAMESPACE } from "../controller.ts";
import { eventually } from "../eventually.ts";
import { outagesDuring } from "./outage.ts";
import { NODES, peerOf, type RoutedBed, routedBed } from "./routed-bed.ts";

const { inBed, routed, ordinal } = routedBed();

const hostPrefix = (at: string): string => `${at}/${at.includes(":") ? 128 : 32}`;

/** What the router has of a prefix from one node: its attributes, or nothing. */
const heardFrom = async ({ router }: RoutedBed, prefix: string, node: string): Promise<string> => {
  const blocks = (await router.heard(prefix)).split(/unicast \[/).slice(1);
  return blocks.find((block) => block.startsWith(`${node} `)) ?? "";
};

/** GRACEFUL_SHUTDOWN (RFC 8326), and the MED that loses against every other one. */
const isLastResort = (heard: string): boolean =>
  heard.includes("(65535,0)") && /BGP\.med: 4294967295\b/.test(heard);

/** Resolves once the router has been told by a node that others are better, and has not lost its route. */
const isGoing = (bed: RoutedBed, at: readonly string[], node: string): Promise<unknown> =>
  eventually(`${node} to be the last resort`, 20_000, async () => {
    const heard = await Promise.all(at.map((each) => heardFrom(bed, hostPrefix(each), node)));
    return heard.every(isLastResort) ? true : undefined;
  });

const isWithdrawn = (bed: RoutedBed, at: readonly string[], node: string): Promise<unknown> =>
  eventually(`the routes of ${node} to be gone`, 40_000, async () => {
    const heard = await Promise.all(at.map((each) => heardFrom(bed, hostPrefix(each), node)));
    return heard.every((each) => each === "") ? true : undefined;
  });

describe("a node that is about to go", () => {
  const lostDuring = async ({ cluster }: RoutedBed, at: readonly string[], act: () => Promise<void>) =>
    (await outagesDuring(cluster.farClient, at, act)).map(({ lost }) => lost);

  it(
    "is the last resort of routers while it is cordoned, which loses nothing, and so does the way back",
    inBed(async (bed) => {
      const { cluster, router } = bed;
      const { at, delete: remove } = await routed(bed, "Cluster");
      for (const each of at) await router.spreads(each, NODES);
      const lost = await lostDuring(bed, at, async () => {
        await cluster.node("n2").cordon();
        await isGoing(bed, at, "n2");
        for (const each of at) await router.spreads(each, ["n1", "n3"]);
        await cluster.node("n2").uncordon();
        for (const each of at) await router.spreads(each, NODES);
      });
      assert.deepEqual(lost, [0, 0]);
      await remove();
    }),
  );

  it(
    "loses nothing when it is drained whose own pods were sent to: routers have heard of it before its last pod is gone",
    inBed(async (bed) => {
      const { cluster, router } = bed;
      const pods = await Promise.all(["n1", "n2"].map((node) => cluster.pods.start("drained", node)));
      const at = [`203.0.113.${ordinal()}`];
      const service = await cluster.service({ name: "drained", addresses: at, policy: "Local" });
      for (const each of at) await router.spreads(each, ["n1", "n2"]);
      const lost = await lostDuring(bed, at, async () => {
        await cluster.node("n2").cordon();
        await isGoing(bed, at, "n2");
        for (const each of at) await router.spreads(each, ["n1"]);
        await pods[1]?.say("terminating");
        // What was under way has ended by then.
        await pause(1_000);
        await pods[1]?.remove();
        await isWithdrawn(bed, at, "n2");
      });
      assert.deepEqual(lost, [0]);
      await cluster.node("n2").uncordon();
      await service.delete();
      await pods[0]?.remove();
    }),
  );

  it(
    "loses nothing when its kubelet shuts it down: the last resort first, then withdrawn, then the speaker ends",
    inBed(async (bed) => {
      const { cluster, router, speakers } = bed;
      const { at, delete: remove } = await routed(bed, "Cluster");
      for (const each of at) await router.spreads(each, NODES);
      const lost = await lostDuring(bed, at, async () => {
        await cluster.node("n3").shuttingDown();
        await isGoing(bed, at, "n3");
        for (const each of at) await router.spreads(each, ["n1", "n2"]);
        await isWithdrawn(bed, at, "n3");
        // Critical pods are told last.
        await speakers.on("n3").retire();
      });
      assert.deepEqual(lost, [0, 0]);
      await cluster.node("n3").ready();
      await speakers.on("n3").start();
      await router.established("n3", 60_000);
      for (const each of at) await router.spreads(each, NODES, 60_000);
      await remove();
    }),
  );
});

describe("a Service that routers are told of", () => {
  it(
    "loses nothing while all speakers are replaced in turn: the router has the other nodes, or keeps the routes",
    inBed(async (bed) => {
      const { cluster, router, speakers } = bed;
      const { at, delete: remove } = await routed(bed, "Cluster");
      for (const each of at) await router.spreads(each, NODES);
      const outages = await outagesDuring(cluster.farClient, at, async () => {
        for (const node of NODES) {
          await speakers.on(node).replace();
          await router.established(node);
          for (const each of at) await router.spreads(each, NODES);
        }
      });
      assert.deepEqual(
        outages.map(({ lost }) => lost),
        [0, 0],
      );
      await remove();
    }),
  );

  it(
    "loses nothing while the speaker of the only node that has its pod is replaced: BFD and the route outlast it",
    inBed(async (bed) => {
      const { cluster, router, speakers } = bed;
      const pod = await cluster.pods.start("alone", "n2");
      const number = ordinal();
      const at = [`203.0.113.${number}`, `fd0b::${number}`];
      const service = await cluster.service({ name: "alone", addresses: at, policy: "Local" });
      for (const each of at) await router.spreads(each, ["n2"]);
      const outages = await outagesDuring(cluster.farClient, at, async () => {
        await speakers.on("n2").replace();
        await router.established("n2");
        for (const each of at) await router.spreads(each, ["n2"]);
        await eventually("BFD to be up", 20_000, async () =>
          peerOf(await speakers.on("n2").status())?.bfd === "up" ? true : undefined,
        );
      });
      assert.deepEqual(
        outages.map(({ lost }) => lost),
        [0, 0],
      );
      await service.delete();
      await pod.remove();
    }),
  );
});

describe("the doctor, behind a router", () => {
  const MAIN = join(import.meta.dirname, "../../../dist/main.js");
  const RULES = [
    { apiGroups: ["apps"], resources: ["daemonsets", "deployments"], verbs: ["list"] },
    { apiGroups: ["metallb.io"], resources: ["*"], verbs: ["list"] },
    { apiGroups: [""], resources: ["nodes", "services"], verbs: ["list"] },
    { apiGroups: [""], resources: ["configmaps"], verbs: ["get"] },
  ];

  it(
    "sees on every node but the one that gets all whether the router spreads over nodes",
    inBed(async (bed) => {
      const { cluster, router, speakers } = bed;
      const { kubeconfig, api } = await cluster.plane.access({ type: "user", name: "doctor" }, [
        { rules: RULES },
      ]);
      api.close();
      const { at, name, delete: remove } = await routed(bed, "Cluster");
      for (const each of at) await router.spreads(each, NODES);
      const look = async (node: string): Promise<readonly Finding[]> => {
        const admin = `--admin=${speakers.on(node).socket}`;
        const options = [`--kubeconfig=${kubeconfig}`, `--namespace=${NAMESPACE}`, `--node=${node}`, admin];
        const command = [process.execPath, MAIN, "doctor", ...options, "--json"];
        const { stdout } = await cluster.node(node).host.run(command);
        const { findings, blind } = JSON.parse(stdout) as {
          readonly findings: readonly Finding[];
          readonly blind: readonly string[];
        };
        assert.ok(
          !blind.some((each) => /spreads/.test(each) && !/Try it on another node/.test(each)),
          blind.join(),
        );
        return findings.filter(({ code }) => code === "bgp-no-ecmp");
      };
      for (const node of NODES) assert.deepEqual(await look(node), [], node);
      await router.mergePaths("off");
      await eventually("one next hop", 20_000, async () =>
        (await router.nodesFor(at[0])).length === 1 ? true : undefined,
      );
      const [chosen] = await router.nodesFor(at[0]);
      for (const node of NODES) {
        const findings = await look(node);
        assert.deepEqual(
          findings.map(({ subject }) => subject),
          node === chosen ? [] : ["router"],
          node,
        );
        for (const { message } of findings) assert.match(message, new RegExp(`Service \\S+/${name}\\b`));
      }
      await router.mergePaths("on");
      for (const each of at) await router.spreads(each, NODES);
      await remove();
    }),
  );
});
