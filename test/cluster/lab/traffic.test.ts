/** That what the bed promises is real: HTTP and UDP from outside, through a node, into pods. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { startUdpProbe } from "#lab/probe/start";
import { eventually } from "../eventually.ts";
import { sharedLabCluster } from "./bed.ts";
import { address } from "./plan.ts";
import { ask, lead } from "./traffic.ts";

const inLab = sharedLabCluster({ nodes: 3, pods: 3, minSyncMs: 100 });

const NODES = ["n1", "n2", "n3"];
const BOTH = ["10.2.0.100", "fd02::100"];

describe("a Service in the lab", () => {
  it(
    "is reached through any node, from the LAN and from behind the gateway, and answered by all pods",
    inLab(async (cluster) => {
      for (const node of NODES) await cluster.pods.start("web", node);
      await cluster.service({ name: "web", addresses: BOTH });
      for (const node of NODES) {
        await lead(cluster, { to: node, addresses: BOTH });
        const { client, farClient } = cluster;
        const questions = [client, farClient].flatMap((host) => BOTH.map((each) => ({ host, each })));
        const answers = await Promise.all(questions.map(({ host, each }) => ask(host, each)));
        for (const { pods, errors } of answers)
          assert.deepEqual([pods, errors], [["n1-a", "n2-a", "n3-a"], []], node);
      }
    }),
  );

  it(
    "answers datagrams too, each from the address that was asked",
    inLab(async (cluster) => {
      await lead(cluster, { to: "n1", addresses: BOTH });
      for (const each of BOTH) {
        const probe = await startUdpProbe(cluster.client, {
          ...{ address: address(each), port: 9000, interval: 10 },
        });
        await pause(700);
        const { sent, answers, byBackend } = await probe.finish();
        assert(answers.length >= sent - 2, `${answers.length} of ${sent} answered`);
        assert.deepEqual(Object.keys(byBackend).sort(), ["n1-a", "n2-a", "n3-a"]);
      }
    }),
  );

  it(
    "is answered by the pods of the node alone with the Local policy, and by nobody where there are none",
    inLab(async (cluster) => {
      for (const node of ["n1", "n2"]) await cluster.pods.start("near", node);
      const addresses = ["10.2.0.101", "fd02::101"];
      await cluster.service({ name: "near", addresses, policy: "Local" });
      for (const [node, expected] of [
        ["n1", ["n1-b"]],
        ["n2", ["n2-b"]],
        ["n3", []],
      ] as const) {
        await lead(cluster, { to: node, addresses });
        const asked = addresses.map((each) => ask(cluster.client, each, { timeout: 300 }));
        for (const { pods, errors } of await Promise.all(asked)) {
          assert.deepEqual(pods, expected, `through ${node}`);
          assert.equal(errors.length > 0, expected.length === 0, errors.join());
        }
      }
    }),
  );

  it(
    "follows its policy when that changes",
    inLab(async (cluster) => {
      const place = ["10.2.0.102"];
      const service = await cluster.service({ name: "moody", app: "web", addresses: place });
      await lead(cluster, { to: "n2", addresses: place });
      const answeredBy = (expected: readonly string[]) =>
        eventually(`answers of ${expected}`, 8_000, async () => {
          const { pods } = await ask(cluster.client, "10.2.0.102", { millis: 300 });
          return pods.join() === expected.join() ? true : undefined;
        });
      await answeredBy(["n1-a", "n2-a", "n3-a"]);
      await service.setPolicy("Local");
      await answeredBy(["n2-a"]);
      await service.setPolicy("Cluster");
      await answeredBy(["n1-a", "n2-a", "n3-a"]);
    }),
  );

  it(
    "is not reached any more at an address that was taken from it, and at its new one",
    inLab(async (cluster) => {
      const service = await cluster.service({ name: "moving", app: "web", addresses: ["10.2.0.103"] });
      await lead(cluster, { to: "n1", addresses: ["10.2.0.103", "10.2.0.104"] });
      assert.deepEqual((await ask(cluster.client, "10.2.0.103")).errors, []);
      await service.setAddresses(["10.2.0.104"]);
      await cluster.proxied("10.2.0.104");
      assert.deepEqual((await ask(cluster.client, "10.2.0.104")).errors, []);
      assert.deepEqual((await ask(cluster.client, "10.2.0.103", { timeout: 300 })).pods, []);
      assert.deepEqual(await service.addresses(), ["10.2.0.104"]);
      await service.delete();
      await cluster.unproxied("10.2.0.104");
    }),
  );
});

describe("a Service of IPv6 alone", () => {
  it(
    "is answered by all pods",
    inLab(async (cluster) => {
      await cluster.service({ name: "six", app: "web", addresses: ["fd02::105"] });
      await lead(cluster, { to: "n3", addresses: ["fd02::105"] });
      const { pods, errors } = await ask(cluster.client, "fd02::105");
      assert.deepEqual([pods, errors], [["n1-a", "n2-a", "n3-a"], []]);
    }),
  );
});

describe("pods in the lab", () => {
  it(
    "are followed by traffic: those that come, die, end, and leave",
    inLab(async (cluster) => {
      const [first, second] = [
        await cluster.pods.start("crowd", "n2"),
        await cluster.pods.start("crowd", "n3"),
      ];
      const addresses = ["10.2.0.106"];
      await cluster.service({ name: "crowd", addresses });
      await lead(cluster, { to: "n1", addresses });
      const answeredBy = (expected: readonly string[]) =>
        eventually(`answers of ${expected}`, 8_000, async () => {
          const { pods, errors } = await ask(cluster.client, "10.2.0.106", { millis: 300 });
          return pods.join() === expected.join() && errors.length === 0 ? true : undefined;
        });
      await answeredBy([first.name, second.name]);
      await first.kill();
      await answeredBy([second.name]);
      await first.restart();
      await answeredBy([first.name, second.name]);
      await second.say("terminating");
      await answeredBy([first.name]);
      // The last one that serves is better than none, although it ends.
      await first.say("unready");
      await answeredBy([second.name]);
      await first.say("ready");
      await second.remove();
      await answeredBy([first.name]);
      const third = await cluster.pods.start("crowd", "n3");
      assert.equal(third.name, second.name, "its place is free again");
      await answeredBy([first.name, third.name]);
    }),
  );
});
