import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { ControllerStatus } from "#api/controller";
import { millis, seconds } from "#base/time";
import { fieldsOf, listOf } from "#core/kubernetes/read";
import { POOLS, SERVICES } from "#runtime/cluster/resources";
import { type ControllerBed, createBed } from "./test-bed.ts";

const conditionOf = (bed: ControllerBed, name: string) =>
  fieldsOf(
    listOf(fieldsOf(bed.get(name)?.status).conditions).find(
      (each) => fieldsOf(each).type === "steelyard.dev/Allocated",
    ),
  );

const settle = (bed: ControllerBed): Promise<void> => bed.time.advance(seconds(2));

describe("a controller that leads", () => {
  it("gives a Service its address with one write, and says so on the Service and in an Event", async () => {
    const bed = createBed();
    bed.pool("public", ["192.0.2.10-192.0.2.20"]);
    bed.service("web");
    const controller = bed.start();
    controller.lead();
    await settle(bed);
    assert.deepEqual(bed.addresses("web"), ["192.0.2.10"]);
    assert.equal(conditionOf(bed, "web").status, "True");
    const annotations = fieldsOf(fieldsOf(bed.get("web")?.metadata).annotations);
    assert.equal(annotations["metallb.io/ip-allocated-from-pool"], "public");
    const status = bed.writes().filter((write) => write === "patch services/status");
    const events = bed.writes().filter((write) => write === "create events");
    assert.deepEqual([status.length, events.length], [1, 1]);
    await controller.close();
  });

  it("writes nothing at rest, and nothing after a restart", async () => {
    const bed = createBed();
    bed.pool("public", ["192.0.2.0/24"]);
    for (let index = 0; index < 20; index += 1) bed.service(`web-${index}`);
    const first = bed.start();
    first.lead();
    await settle(bed);
    await bed.time.advance(seconds(60));
    const before = bed.writes().length;
    await bed.time.advance(seconds(600));
    await first.close();
    const second = bed.start({ identity: "replica-2" });
    second.lead();
    await bed.time.advance(seconds(600));
    assert.deepEqual(bed.writes().slice(before), []);
    await second.close();
  });

  it("says on the Service why it gets none, and gives one as soon as there is one", async () => {
    const bed = createBed();
    bed.pool("small", ["192.0.2.1/32"]);
    bed.service("first");
    const controller = bed.start();
    controller.lead();
    await settle(bed);
    bed.service("second");
    await settle(bed);
    assert.deepEqual(bed.addresses("second"), []);
    assert.equal(conditionOf(bed, "second").status, "False");
    assert.match(String(conditionOf(bed, "second").message), /small/);
    bed.cluster.remove(SERVICES, "shop/first");
    await settle(bed);
    assert.deepEqual(bed.addresses("second"), ["192.0.2.1"]);
    await controller.close();
  });

  it("keeps the last valid pools in force while the resources hold something that is refused", async () => {
    const bed = createBed();
    bed.pool("public", ["192.0.2.10/31"]);
    const controller = bed.start();
    controller.lead();
    await settle(bed);
    bed.pool("broken", ["192.0.2.9-192.0.2.1"]);
    bed.service("web");
    await settle(bed);
    assert.deepEqual(bed.addresses("web"), ["192.0.2.10"]);
    const status: ControllerStatus = controller.status();
    assert.equal(status.refused.length, 1);
    assert.match(controller.metrics(), /^steelyard_config_stale 1$/m);
    const state = bed.cluster.store.get(
      { group: "metallb.io", version: "v1beta1", plural: "configurationstates", namespaced: true },
      "metallb-system/controller",
    );
    assert.equal(fieldsOf(state?.status).result, "Invalid");
    bed.cluster.remove(POOLS, "metallb-system/broken");
    await settle(bed);
    assert.match(controller.metrics(), /^steelyard_config_stale 0$/m);
    await controller.close();
  });

  it("decides anew on the newer version when somebody else has changed the Service meanwhile", async () => {
    const bed = createBed();
    bed.pool("public", ["192.0.2.10-192.0.2.20"]);
    const controller = bed.start();
    controller.lead();
    await settle(bed);
    bed.cluster.disturb((request) => {
      if (request.verb !== "patch" || request.target.resource.plural !== "services") return undefined;
      bed.cluster.disturb(undefined);
      bed.service("web", { annotations: { "metallb.io/loadBalancerIPs": "192.0.2.15" } });
      return undefined;
    });
    bed.service("web");
    await settle(bed);
    assert.deepEqual(bed.addresses("web"), ["192.0.2.15"]);
    await controller.close();
  });

  it("tries again what the API server did not take, and asks no faster than it may", async () => {
    const bed = createBed();
    bed.pool("public", ["192.0.2.10-192.0.2.20"]);
    const controller = bed.start();
    controller.lead();
    await settle(bed);
    let refused = 0;
    bed.cluster.disturb(({ verb, target }) => {
      if (verb !== "patch" || target.resource.plural !== "services" || refused >= 5) return undefined;
      refused += 1;
      return { reason: "throttled", status: 429, message: "too many requests", retryAfter: 1_000 };
    });
    bed.service("web");
    await bed.time.advance(millis(900));
    assert.equal(refused, 1);
    await bed.time.advance(seconds(20));
    assert.equal(refused, 5);
    assert.deepEqual(bed.addresses("web"), ["192.0.2.10"]);
    await controller.close();
  });

  it("gives a lost answer's address to nobody else", async () => {
    const bed = createBed();
    bed.pool("public", ["192.0.2.10-192.0.2.11"]);
    const controller = bed.start();
    controller.lead();
    await settle(bed);
    let lost = 0;
    bed.cluster.disturb(({ verb, target }) => {
      if (verb !== "patch" || target.resource.plural !== "services" || lost > 0) return undefined;
      lost += 1;
      return "lost";
    });
    bed.service("a");
    bed.service("b");
    await settle(bed);
    assert.equal(lost, 1);
    assert.deepEqual([...bed.addresses("a"), ...bed.addresses("b")].sort(), ["192.0.2.10", "192.0.2.11"]);
    await controller.close();
  });
});

describe("a controller that does not lead", () => {
  it("reads pools, is ready, and writes nothing", async () => {
    const bed = createBed();
    bed.pool("public", ["192.0.2.10/32"]);
    bed.service("web");
    const controller = bed.start();
    await settle(bed);
    assert.equal(controller.isReady, true);
    assert.deepEqual(bed.writes(), []);
    await controller.close();
  });

  it("forgets what it had not written when it ceases to lead, and moves nothing when another begins", async () => {
    const bed = createBed();
    bed.pool("public", ["192.0.2.10-192.0.2.20"]);
    bed.service("web");
    const first = bed.start();
    first.lead();
    await settle(bed);
    await first.standBy();
    bed.service("late");
    await settle(bed);
    assert.deepEqual(bed.addresses("late"), []);
    const second = bed.start({ identity: "replica-2" });
    second.lead();
    await settle(bed);
    assert.deepEqual([bed.addresses("web"), bed.addresses("late")], [["192.0.2.10"], ["192.0.2.11"]]);
    await first.close();
    await second.close();
  });
});

describe("a shadow", () => {
  it("writes nothing, and says where it would do otherwise, until it would not", async () => {
    const bed = createBed();
    bed.pool("public", ["192.0.2.10-192.0.2.20"]);
    bed.service("web");
    bed.service("vain", { spec: { loadBalancerIP: "198.51.100.1" } });
    const controller = bed.start({ shadow: true });
    controller.lead();
    await settle(bed);
    assert.deepEqual(bed.writes(), []);
    const [difference] = controller.status().differences;
    assert.equal(difference?.service, "shop/web");
    assert.match(difference?.detail ?? "", /has none, would get 192\.0\.2\.10 from pool public/);
    assert.match(controller.metrics(), /^steelyard_shadow_differences 1$/m);
    const web = bed.get("web") ?? {};
    bed.cluster.put(SERVICES, { ...web, status: { loadBalancer: { ingress: [{ ip: "192.0.2.12" }] } } });
    await settle(bed);
    assert.deepEqual(controller.status().differences, []);
    assert.deepEqual(bed.writes(), []);
    await controller.close();
  });
});

describe("a write that is not needed any more", () => {
  it("is not sent, and its address is free for the next", async () => {
    const bed = createBed();
    bed.pool("public", ["192.0.2.10/32"]);
    const controller = bed.start();
    controller.lead();
    await settle(bed);
    let isClosed = true;
    bed.cluster.disturb(({ verb, target }) =>
      isClosed && verb === "patch" && target.resource.plural === "services"
        ? { reason: "throttled", status: 429, message: "too many requests", retryAfter: 60_000 }
        : undefined,
    );
    bed.service("blocker");
    await bed.time.advance(millis(10));
    bed.service("web");
    await bed.time.advance(millis(10));
    bed.service("web", { spec: { type: "ClusterIP" } });
    bed.cluster.remove(SERVICES, "shop/blocker");
    await bed.time.advance(millis(10));
    isClosed = false;
    bed.service("next");
    await bed.time.advance(seconds(120));
    assert.deepEqual([bed.addresses("web"), bed.addresses("next")], [[], ["192.0.2.10"]]);
    await controller.close();
  });

  it("frees its address when the API server will not have it", async () => {
    const bed = createBed();
    bed.pool("public", ["192.0.2.10/32"]);
    const controller = bed.start();
    controller.lead();
    await settle(bed);
    bed.cluster.disturb(({ verb, target }) =>
      verb === "patch" && target.resource.plural === "services" && target.name === "web"
        ? { reason: "invalid", status: 422, message: "no", retryAfter: undefined }
        : undefined,
    );
    bed.service("web");
    await settle(bed);
    bed.service("web", { spec: { type: "ClusterIP" } });
    await settle(bed);
    bed.service("next");
    await settle(bed);
    assert.deepEqual(bed.addresses("next"), ["192.0.2.10"]);
    await controller.close();
  });
});
