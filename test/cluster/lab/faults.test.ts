/** That a fault of the bed is what its name says, as users, other nodes and the API see it. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { monotonicNow } from "#lab/probe/clock";
import { startHttpLoad, startUdpProbe } from "#lab/probe/start";
import { reaches } from "#test/kernel/lab-bed";
import type { KubeObject } from "../api.ts";
import { eventually } from "../eventually.ts";
import { type LabCluster, sharedLabCluster } from "./bed.ts";
import { address } from "./plan.ts";
import { urlAt } from "./services.ts";
import { ask, lead } from "./traffic.ts";

const inLab = sharedLabCluster({ nodes: 3, minSyncMs: 100 });

const WEB = "10.2.0.100";

/** A Service whose pods are on n2 and n3, so that n1 carries traffic for others; made by the first test that asks. */
const carry = async (cluster: LabCluster, through: string): Promise<void> => {
  if (cluster.pods.list().length === 0) {
    for (const node of ["n2", "n3"]) await cluster.pods.start("web", node);
    await cluster.service({ name: "web", addresses: [WEB] });
  }
  await lead(cluster, { to: through, addresses: [WEB] });
};

/** How many datagrams, one every 10 ms, were answered before a fault, while it was there for a while, and after it. */
const answered = async (
  cluster: LabCluster,
  { fault, recovery }: { readonly fault: () => Promise<void>; readonly recovery: () => Promise<void> },
): Promise<{ readonly before: number; readonly during: number; readonly after: number }> => {
  const probe = await startUdpProbe(cluster.client, { address: address(WEB), port: 9000, interval: 10 });
  await pause(300);
  const began = monotonicNow();
  await fault();
  const there = monotonicNow();
  await pause(700);
  const ends = monotonicNow();
  await recovery();
  const over = monotonicNow();
  await pause(1_000);
  const { answers } = await probe.finish();
  const count = (from: number, to: number): number => answers.filter((at) => at > from && at < to).length;
  return {
    before: count(0, began),
    during: count(there, ends),
    after: count(over, Number.POSITIVE_INFINITY),
  };
};

const backTo = (cluster: LabCluster, pods: readonly string[]): Promise<true> =>
  eventually(`answers of ${pods}`, 15_000, async () => {
    const seen = await ask(cluster.client, WEB, { millis: 300, timeout: 300 });
    return seen.pods.join() === pods.join() && seen.errors.length === 0 ? true : undefined;
  });

describe("a node of the lab", () => {
  it(
    "that stands still answers nothing, and goes on where it was",
    inLab(async (cluster) => {
      await carry(cluster, "n1");
      const n1 = cluster.node("n1");
      const seen = await answered(cluster, { fault: n1.freeze, recovery: n1.thaw });
      assert(seen.before > 10 && seen.after > 50, JSON.stringify(seen));
      assert.equal(seen.during, 0);
      assert.notEqual(n1.proxy.pid(), undefined);
    }),
  );

  it(
    "whose cable is pulled notices, keeps the API server, and is back when it is plugged in again",
    inLab(async (cluster) => {
      await carry(cluster, "n1");
      const n1 = cluster.node("n1");
      const carrier = async (): Promise<string> =>
        (await n1.host.expect(["cat", "/sys/class/net/eth0/carrier"])).trim();
      let whileDown = "";
      const seen = await answered(cluster, {
        fault: async () => {
          await n1.linkDown();
          whileDown = await carrier();
          assert(await reaches(cluster.lab, "n1", "10.9.0.10"), "the API server is on another network");
        },
        recovery: n1.linkUp,
      });
      assert(seen.before > 10 && seen.after > 50, JSON.stringify(seen));
      assert.deepEqual([seen.during, whileDown, await carrier()], [0, "0", "1"]);
    }),
  );

  it(
    "without power loses its programs and pods, and has them all again after it",
    inLab(async (cluster) => {
      await carry(cluster, "n2");
      const n2 = cluster.node("n2");
      await n2.host.expect(["ip", "address", "add", "10.2.0.150/32", "dev", "lo"]);
      await n2.kill();
      assert.equal(n2.proxy.pid(), undefined);
      assert.deepEqual((await ask(cluster.client, WEB, { timeout: 300 })).pods, []);
      await lead(cluster, { to: "n1", addresses: [WEB] });
      await n2.notReady();
      await backTo(cluster, ["n3-a"]);
      await n2.restart();
      await n2.ready();
      await lead(cluster, { to: "n2", addresses: [WEB] });
      await backTo(cluster, ["n2-a", "n3-a"]);
      const added = await n2.host.expect(["ip", "-o", "address", "show", "to", "10.2.0.150"]);
      assert.equal(added, "", "what was bound is not any more");
    }),
  );

  it(
    "is cut off from exactly those that a partition names",
    inLab(async (cluster) => {
      const n1 = cluster.node("n1");
      const seenFrom = async (targets: readonly string[]): Promise<readonly boolean[]> =>
        await Promise.all(targets.map((target) => reaches(cluster.lab, "n1", target)));
      const all = ["10.2.0.1", "10.2.0.2", "10.2.0.22", "10.2.0.23", "10.9.0.10"];
      await n1.partition(["n2", "gw"]);
      assert.deepEqual(await seenFrom(all), [false, true, false, true, true]);
      await n1.heal(["gw"]);
      await n1.partition();
      assert.deepEqual(await seenFrom(all), [false, false, false, false, true]);
      await n1.heal();
      // Whom it did not find a moment ago, its kernel asks for once a second.
      await eventually("everybody", 5_000, async () =>
        (await seenFrom(all)).every((seen) => seen) ? true : undefined,
      );
    }),
  );

  it(
    "without the API server goes on as it was, and catches up when it is there again",
    inLab(async (cluster) => {
      await carry(cluster, "n1");
      const n1 = cluster.node("n1");
      await n1.cutApi();
      assert(!(await reaches(cluster.lab, "n1", "10.9.0.10")));
      assert(await reaches(cluster.lab, "n2", "10.9.0.10"));
      const [, onN3] = cluster.pods.list();
      assert(onN3 !== undefined);
      await onN3.say("unready");
      await lead(cluster, { to: "n2", addresses: [WEB] });
      await backTo(cluster, ["n2-a"]);
      // It has not heard of it.
      await lead(cluster, { to: "n1", addresses: [WEB] });
      await backTo(cluster, ["n2-a", "n3-a"]);
      await n1.restoreApi();
      await backTo(cluster, ["n2-a"]);
      await onN3.say("ready");
      await backTo(cluster, ["n2-a", "n3-a"]);
    }),
  );
});

describe("a cluster without its API server", () => {
  it(
    "carries traffic on without an error, and learns what became of its pods when the server is back",
    inLab(async (cluster) => {
      await carry(cluster, "n1");
      await backTo(cluster, ["n2-a", "n3-a"]);
      const load = await startHttpLoad(cluster.client, { url: urlAt(WEB), clients: 4, rate: 50 });
      await cluster.stopApi();
      await pause(1_500);
      const { requests } = await load.finish();
      assert(requests.length > 100);
      assert.deepEqual(
        requests.flatMap(({ error }) => error ?? []),
        [],
      );
      const [first] = cluster.pods.list();
      await first?.kill();
      assert((await ask(cluster.client, WEB, { timeout: 300 })).errors.length > 0, "nobody can know yet");
      await cluster.startApi();
      await backTo(cluster, ["n3-a"]);
      await first?.restart();
      await backTo(cluster, ["n2-a", "n3-a"]);
    }),
  );
});

type NodeObject = KubeObject & {
  readonly spec: {
    readonly unschedulable?: boolean;
    readonly podCIDRs?: readonly string[];
    readonly taints?: readonly { readonly key: string; readonly effect: string }[];
  };
  readonly status: {
    readonly addresses: readonly { readonly type: string; readonly address: string }[];
    readonly conditions: readonly { readonly type: string; readonly status: string }[];
  };
};

describe("the Node of a node", () => {
  it(
    "says where it is, and what a test says of it",
    inLab(async (cluster) => {
      const { admin } = cluster.plane;
      const n3 = cluster.node("n3");
      const read = (): Promise<NodeObject> => admin.get<NodeObject>("/api/v1/nodes/n3");
      const plain = await read();
      assert.deepEqual(
        plain.status.addresses.map((each) => each.address),
        ["10.2.0.23", "fd02::23", "n3"],
      );
      assert.deepEqual(plain.spec, {
        podCIDR: "10.244.3.0/24",
        podCIDRs: ["10.244.3.0/24", "fd00:244:3::/64"],
      });
      await n3.cordon();
      await n3.taint({ key: "example.com/maintenance", effect: "NoSchedule" });
      await n3.label({ "node.kubernetes.io/exclude-from-external-load-balancers": "" });
      await n3.condition("NetworkUnavailable", "True");
      await n3.notReady();
      const changed = await read();
      assert.equal(changed.spec.unschedulable, true);
      assert.deepEqual(changed.status.conditions.map(({ type, status }) => `${type}=${status}`).sort(), [
        "NetworkUnavailable=True",
        "Ready=Unknown",
      ]);
      assert(changed.spec.taints?.some(({ key }) => key === "example.com/maintenance"));
      assert.equal(changed.spec.taints?.filter(({ key }) => key.endsWith("/unreachable")).length, 2);
      assert("node.kubernetes.io/exclude-from-external-load-balancers" in (changed.metadata.labels ?? {}));
      await n3.ready();
      await n3.condition("NetworkUnavailable", "False");
      await n3.label({ "node.kubernetes.io/exclude-from-external-load-balancers": null });
      await n3.untaint("example.com/maintenance");
      await n3.uncordon();
      const again = await read();
      assert.deepEqual([again.spec, again.metadata.labels], [plain.spec, plain.metadata.labels]);
    }),
  );
});
