import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { millis, seconds, wallTime } from "#base/time";
import { readService } from "#core/service/read";
import type { Service } from "#core/service/service";
import { createFakeLog } from "#drivers/log/fake";
import { DAEMON_SETS, NODES } from "#runtime/cluster/resources";
import { watchOtherBalancers } from "./other-balancers.ts";
import { createTap } from "./tap.ts";
import { createBed } from "./test-bed.ts";

const DAEMON_SET = { metadata: { name: "svclb-web-8bf2", namespace: "kube-system" } };
const NODE = {
  metadata: { name: "n1" },
  status: { addresses: [{ type: "InternalIP", address: "10.0.0.1" }] },
};
const LOOK = seconds(600);

const serviceAt = (ip: string): Service =>
  readService({
    metadata: { namespace: "shop", name: "web" },
    spec: { type: "LoadBalancer" },
    status: { loadBalancer: { ingress: [{ ip }] } },
  }) ?? assert.fail("no Service");

/** Looks at a cluster with these Services. */
const createWatch = (services: Service[]) => {
  const { cluster, time } = createBed();
  const log = createFakeLog();
  const tap = createTap({ log, withFields: false, now: () => wallTime(0) });
  cluster.put(NODES, NODE);
  const stop = watchOtherBalancers({ cluster, tap, clock: time, services: () => services });
  const told = (): readonly string[] =>
    tap.recent.all().flatMap(({ event }) => (event.type === "other-balancer" ? [event.state] : []));
  return { cluster, time, log, tap, stop, told };
};

describe("watching for ServiceLB", () => {
  it("says nothing where there is none, and asks every ten minutes", async () => {
    const { cluster, time, log, stop, told } = createWatch([serviceAt("192.0.2.1")]);
    await time.advance(millis(10));
    const first = cluster.requests.length;
    assert.equal(first, 2);
    await time.advance(LOOK);
    assert.equal(cluster.requests.length, 2 * first);
    assert.deepEqual([told(), log.lines], [[], []]);
    stop();
    await time.advance(LOOK);
    assert.equal(cluster.requests.length, 2 * first);
  });

  it("tells once that it runs, with what to do, and that it is gone", async () => {
    const services = [serviceAt("10.0.0.1")];
    const { cluster, time, log, tap, stop, told } = createWatch(services);
    cluster.put(DAEMON_SETS, DAEMON_SET);
    await time.advance(millis(10));
    assert.match(tap.view.otherBalancer ?? "", /ServiceLB of k3s is running.*--disable=servicelb/);
    await time.advance(LOOK);
    assert.deepEqual(told(), ["found"]);
    assert.deepEqual(
      log.lines.map(({ level }) => level),
      ["warning"],
    );
    assert.match(log.lines[0]?.message ?? "", /svclb-web-8bf2/);
    cluster.remove(DAEMON_SETS, "kube-system/svclb-web-8bf2");
    services[0] = serviceAt("192.0.2.1");
    await time.advance(LOOK);
    assert.deepEqual(told(), ["found", "gone"]);
    assert.equal(tap.view.otherBalancer, undefined);
    stop();
  });

  it("keeps its opinion while it may not read DaemonSets, and asks again", async () => {
    const { cluster, time, stop, told } = createWatch([]);
    cluster.put(DAEMON_SETS, DAEMON_SET);
    let isForbidden = true;
    cluster.disturb(({ target }) =>
      isForbidden && target.resource.plural === "daemonsets"
        ? { reason: "forbidden", status: 403, message: "no", retryAfter: undefined }
        : undefined,
    );
    await time.advance(millis(10));
    assert.deepEqual(told(), []);
    isForbidden = false;
    await time.advance(LOOK);
    assert.deepEqual(told(), ["found"]);
    stop();
  });

  it("is part of a controller's life: its status shows what was found", async () => {
    const bed = createBed();
    bed.pool("public", ["192.0.2.10-192.0.2.20"]);
    bed.cluster.put(NODES, NODE);
    bed.cluster.put(DAEMON_SETS, DAEMON_SET);
    const controller = bed.start();
    controller.lead();
    await bed.time.advance(seconds(1));
    assert.match(controller.status().otherBalancer ?? "", /ServiceLB of k3s is running/);
    await controller.close();
  });
});
