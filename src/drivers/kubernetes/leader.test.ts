import assert from "node:assert/strict";
import { describe } from "node:test";
import { millis, seconds } from "#base/time";
import { DEFAULT_LEASE_TIMES } from "#core/lease/config";
import { type FakeCluster, fakeCluster } from "./fake.ts";
import { fieldsOf } from "./json.ts";
import { runLeader } from "./leader.ts";
import { ManualTime } from "./test-server.ts";
import { on } from "./test-watch.ts";

const LEASES = { group: "coordination.k8s.io", version: "v1", plural: "leases", namespaced: true };

const replica = (cluster: FakeCluster, identity: string, time: ManualTime) => {
  const told: string[] = [];
  let [release, isDraining] = [(): void => undefined, false];
  const leader = runLeader({
    cluster,
    namespace: "lb",
    name: "controller",
    config: { ...DEFAULT_LEASE_TIMES, identity },
    time,
    onLead: () => told.push("lead"),
    onLost: (reason) => {
      told.push(`lost ${reason}`);
      if (!isDraining) return undefined;
      return new Promise((resolve) => {
        release = resolve;
      });
    },
    onTrouble: (failure) => told.push(failure === undefined ? "fine" : `trouble ${failure.reason}`),
  });
  return {
    leader,
    told,
    drainSlowly: () => {
      isDraining = true;
    },
    drained: () => release(),
  };
};

const pass = async (cluster: FakeCluster, time: ManualTime, length: number): Promise<void> => {
  for (let passed = 0; passed < length; passed += 0.25) {
    time.pass(millis(250));
    await cluster.settled();
  }
};

const specOf = (cluster: FakeCluster) => fieldsOf(cluster.store.get(LEASES, "lb/controller")?.spec);

describe("a leader on a cluster", () => {
  on("is the first who comes, and the other follows when it stops", async () => {
    const [cluster, time] = [fakeCluster(), new ManualTime()];
    const a = replica(cluster, "a", time);
    await pass(cluster, time, 1);
    const b = replica(cluster, "b", time);
    await pass(cluster, time, 30);
    assert.deepEqual([a.leader.leads, b.leader.leads, b.leader.holder], [true, false, "a"]);
    assert.deepEqual([a.told, b.told], [["lead"], []]);
    assert.match(`${specOf(cluster).renewTime}`, /^2026-01-01T00:00:(29|30)\.\d{3}000Z$/);
    const stopped = a.leader.stop();
    assert.equal(a.leader.leads, false);
    await pass(cluster, time, 2.5);
    await stopped;
    assert.deepEqual([b.leader.leads, b.told, a.told], [true, ["lead"], ["lead", "lost stopped"]]);
    assert.deepEqual([specOf(cluster).holderIdentity, specOf(cluster).leaseTransitions], ["b", 1]);
  });

  on("keeps what others wrote into the Lease", async () => {
    const [cluster, time] = [fakeCluster(), new ManualTime()];
    cluster.put(LEASES, { metadata: { namespace: "lb", name: "controller", labels: { of: "others" } } });
    const a = replica(cluster, "a", time);
    await pass(cluster, time, 5);
    assert.equal(a.leader.leads, true);
    const metadata = fieldsOf(cluster.store.get(LEASES, "lb/controller")?.metadata);
    assert.deepEqual(metadata.labels, { of: "others" });
  });

  on("gives up when the API server is gone, before the other one may take over", async () => {
    const [cluster, time] = [fakeCluster(), new ManualTime()];
    const a = replica(cluster, "a", time);
    await pass(cluster, time, 1);
    const b = replica(cluster, "b", time);
    await pass(cluster, time, 10);
    const gone = { reason: "unreachable", status: 0, message: "gone", retryAfter: undefined } as const;
    cluster.disturb(() => gone);
    await pass(cluster, time, 12);
    assert.deepEqual([...new Set(a.told)], ["lead", "trouble unreachable", "lost renew-deadline"]);
    assert.equal(a.leader.leads, false);
    assert.equal(b.leader.leads, false);
    cluster.disturb(undefined);
    await pass(cluster, time, 10);
    assert.equal(Number(a.leader.leads) + Number(b.leader.leads), 1);
    assert.ok(a.told.includes("fine"));
  });

  on("releases only when what it had begun has ended", async () => {
    const [cluster, time] = [fakeCluster(), new ManualTime()];
    const a = replica(cluster, "a", time);
    await pass(cluster, time, 3);
    a.drainSlowly();
    const stopped = a.leader.stop();
    await pass(cluster, time, 3);
    assert.equal(specOf(cluster).holderIdentity, "a");
    a.drained();
    await stopped;
    assert.equal(specOf(cluster).holderIdentity, "");
  });

  on("ends although nobody answers, within the renew deadline", async () => {
    const [cluster, time] = [fakeCluster(), new ManualTime()];
    const a = replica(cluster, "a", time);
    await pass(cluster, time, 3);
    cluster.disturb(() => "lost");
    const stopped = a.leader.stop();
    const beganAt = time.now();
    let isOver = false;
    void stopped.then(() => {
      isOver = true;
    });
    while (!isOver) await pass(cluster, time, 0.25);
    assert.ok(time.now() - beganAt <= seconds(10.5));
  });
});
