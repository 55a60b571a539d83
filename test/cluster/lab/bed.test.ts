/** That a cluster in the lab comes up whatever it is asked for, and that nothing of it stays. */
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { it } from "node:test";
import { topologyProblems } from "#lab/topology";
import { emptied, namespaceOf, processesOf } from "#test/kernel/lab-bed";
import { openLabCluster } from "./bed.ts";
import { planCluster } from "./plan.ts";
import { ask, lead } from "./traffic.ts";

it("a plan can be built with every choice", () => {
  for (const nodes of [1, 5, 9])
    for (const pods of [1, 9])
      for (const api of ["lan", "management"] as const)
        assert.deepEqual(topologyProblems(planCluster({ nodes, pods, api }).topology), []);
});

it("a cluster whose kube-proxies write iptables carries traffic of both families", async () => {
  const cluster = await openLabCluster({ nodes: 2, pods: 1, proxyMode: "iptables" });
  try {
    await cluster.pods.start("web", "n2");
    const addresses = ["10.2.0.100", "fd02::100"];
    await cluster.service({ name: "web", addresses });
    await lead(cluster, { to: "n1", addresses });
    for (const address of addresses) {
      const { pods, errors } = await ask(cluster.client, address);
      assert.deepEqual([pods, errors], [["n2-a"], []], address);
    }
  } finally {
    await cluster.close();
  }
});

it("a cluster of five nodes and of IPv4 alone carries traffic, and leaves nothing behind", async () => {
  const cluster = await openLabCluster({ nodes: 5, pods: 1, families: "ipv4", minSyncMs: 100 });
  const namespace = namespaceOf(cluster.lab.pid);
  try {
    await cluster.pods.start("web", "n5");
    await cluster.service({ name: "web", addresses: ["10.2.0.100"] });
    await lead(cluster, { to: "n3", addresses: ["10.2.0.100"] });
    const { pods, errors } = await ask(cluster.client, "10.2.0.100");
    assert.deepEqual([pods, errors], [["n5-a"], []]);
    assert(processesOf(namespace).length > 20);
    await assert.rejects(cluster.pods.start("web", "n5"), /n5 has no room/);
    assert.throws(() => cluster.node("n6"), /no node n6/);
  } finally {
    await cluster.close();
  }
  await emptied(namespace);
  assert(!existsSync(cluster.plane.folder));
});
