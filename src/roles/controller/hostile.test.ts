import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { millis, seconds } from "#base/time";
import { fieldsOf } from "#core/kubernetes/read";
import type { Answer, ClusterPort, Failure } from "#drivers/kubernetes/port";
import { CONFIGURATION_STATES, NAMESPACES, POOLS, SERVICES } from "#runtime/cluster/resources";
import { createWrites } from "#runtime/cluster/writes";
import { type ControllerBed, createBed } from "./test-bed.ts";

const settle = (bed: ControllerBed): Promise<void> => bed.time.advance(seconds(2));

const INVALID: Failure = { reason: "invalid", status: 422, message: "no", retryAfter: undefined };
const CONFLICT: Failure = { reason: "conflict", status: 409, message: "no", retryAfter: undefined };

const patches = (bed: ControllerBed, name?: string): number =>
  bed.cluster.requests.filter(
    ({ verb, target }) =>
      verb === "patch" &&
      target.resource.plural === "services" &&
      (name === undefined || target.name === name),
  ).length;

/** Answers every patch of a Service with a failure. */
const refuse = (bed: ControllerBed, failure: Failure): void =>
  bed.cluster.disturb(({ verb, target }) =>
    verb === "patch" && target.resource.plural === "services" ? failure : undefined,
  );

const told = (bed: ControllerBed, type: string): number =>
  bed.tap.recent.all().filter(({ event }) => event.type === type).length;

const leading = async (bed: ControllerBed, ...parts: Parameters<ControllerBed["start"]>) => {
  bed.pool("public", ["192.0.2.0/24"]);
  const controller = bed.start(...parts);
  controller.lead();
  await settle(bed);
  return controller;
};

describe("a leader whose term is over before it hears of it", () => {
  it("sends none of the writes that wait, of no kind, and sends them if the term goes on after all", async () => {
    const bed = createBed();
    let holds = true;
    const controller = await leading(bed, {}, { mayWrite: () => holds });
    holds = false;
    const before = bed.writes().length;
    bed.service("web");
    bed.pool("broken", ["192.0.2.9-192.0.2.1"]);
    await bed.time.advance(seconds(30));
    assert.deepEqual(bed.writes().slice(before), []);
    holds = true;
    await bed.time.advance(seconds(30));
    assert.deepEqual(bed.addresses("web"), ["192.0.2.0"]);
    const state = bed.cluster.store.get(CONFIGURATION_STATES, "metallb-system/controller");
    assert.equal(fieldsOf(state?.status).result, "Invalid");
    await controller.close();
  });
});

describe("a leader that leads again", () => {
  it("reads Services only when the last write of its earlier term is over", async () => {
    const bed = createBed();
    const answers: (() => void)[] = [];
    let holdsBack = true;
    const slow = {
      ...bed.cluster,
      write: async (...[target, write, mayStill]: Parameters<typeof bed.cluster.write>): Promise<Answer> => {
        if (holdsBack && target.resource.plural === "services")
          await new Promise<void>((resolve) => void answers.push(resolve));
        return bed.cluster.write(target, write, mayStill);
      },
    };
    bed.pool("public", ["192.0.2.10/31"]);
    bed.service("a");
    const controller = bed.start({}, { cluster: slow });
    controller.lead();
    await settle(bed);
    assert.equal(answers.length, 1);
    void controller.standBy();
    // While the write of `a` is on its way, `0` comes first in the order of those who get addresses.
    holdsBack = false;
    bed.service("0");
    controller.lead();
    await settle(bed);
    assert.deepEqual([bed.addresses("a"), bed.addresses("0")], [[], []]);
    for (const answer of answers) answer();
    await settle(bed);
    assert.deepEqual([bed.addresses("a"), bed.addresses("0")], [["192.0.2.10"], ["192.0.2.11"]]);
    await controller.close();
  });
});

describe("a Service whose writes are refused for what they say", () => {
  it("is tried again less and less often, and not more often because its owner touches it", async () => {
    const bed = createBed();
    const controller = await leading(bed);
    refuse(bed, INVALID);
    for (let index = 0; index < 20; index += 1) {
      bed.service("web", { annotations: { "example.org/touched": `${index}` } });
      await bed.time.advance(millis(100));
    }
    const touched = patches(bed);
    await bed.time.advance(seconds(3_600));
    assert.ok(patches(bed) - touched > 5, `${patches(bed) - touched}`);
    assert.ok(patches(bed) - touched < 40, `${patches(bed) - touched}`);
    assert.equal(told(bed, "allocated"), 1);
    bed.cluster.disturb(undefined);
    await bed.time.advance(seconds(300));
    assert.deepEqual(bed.addresses("web"), ["192.0.2.0"]);
    await controller.close();
  });

  it("is decided about again even if what it meets is called a conflict and no other version comes", async () => {
    const bed = createBed();
    const controller = await leading(bed);
    refuse(bed, CONFLICT);
    bed.service("web");
    await settle(bed);
    bed.cluster.disturb(undefined);
    await bed.time.advance(seconds(10));
    assert.deepEqual(bed.addresses("web"), ["192.0.2.0"]);
    await controller.close();
  });

  it("is forgotten when it is gone", async () => {
    const bed = createBed();
    const controller = await leading(bed);
    refuse(bed, INVALID);
    bed.service("web");
    await settle(bed);
    bed.cluster.remove(SERVICES, "shop/web");
    const before = patches(bed);
    await bed.time.advance(seconds(3_600));
    assert.equal(patches(bed), before);
    await controller.close();
  });
});

describe("an API server that fails many writes", () => {
  it("is told of in a few lines, and counted in full", async () => {
    const bed = createBed();
    const controller = await leading(bed, { metallbMetrics: true });
    bed.cluster.disturb(({ verb, target }) =>
      verb === "patch" && target.resource.plural === "services" ? INVALID : undefined,
    );
    for (let index = 0; index < 100; index += 1) bed.service(`web-${index}`);
    await settle(bed);
    assert.equal(told(bed, "write-failed"), 20);
    assert.match(controller.metrics(), /^metallb_k8s_client_update_errors_total 100$/m);
    await controller.close();
  });

  it("is told of again when the same happens again to a Service that was written in between", async () => {
    const bed = createBed();
    const controller = await leading(bed);
    for (const round of [1, 2]) {
      refuse(bed, INVALID);
      bed.service("web", { spec: { ports: [{ port: 80 + round, protocol: "TCP" }] } });
      if (round === 2) bed.pool("public", ["198.51.100.0/24"]);
      await settle(bed);
      assert.equal(told(bed, "write-failed"), round);
      bed.cluster.disturb(undefined);
      await bed.time.advance(seconds(10));
    }
    await controller.close();
  });
});

describe("an API server that does not know pools yet", () => {
  it("costs no Service its address", async () => {
    const bed = createBed();
    bed.pool("public", ["192.0.2.10/31"]);
    bed.service("web");
    const first = bed.start();
    first.lead();
    await settle(bed);
    await first.close();
    const failure: Failure = { reason: "not-found", status: 404, message: "no", retryAfter: undefined };
    const cluster: ClusterPort = {
      ...bed.cluster,
      watch: (options, sink) => {
        if (options.resource !== POOLS) return bed.cluster.watch(options, sink);
        queueMicrotask(() => sink.trouble({ failure, again: 500 }));
        return { items: new Map(), isSynced: false, close: () => undefined };
      },
    };
    const second = bed.start({ identity: "replica-2" }, { cluster });
    second.lead();
    await bed.time.advance(seconds(60));
    assert.equal(second.isReady, false);
    assert.deepEqual(bed.addresses("web"), ["192.0.2.10"]);
    await second.close();
  });
});

describe("changes of namespaces that no pool speaks of", () => {
  it("are no change of the configuration", async () => {
    const bed = createBed();
    const controller = await leading(bed);
    const before = told(bed, "pools-applied");
    const requests = bed.cluster.requests.length;
    for (let index = 0; index < 50; index += 1) {
      bed.cluster.put(NAMESPACES, { metadata: { name: `job-${index}`, labels: { run: `${index}` } } });
      await bed.time.advance(millis(100));
    }
    assert.equal(told(bed, "pools-applied"), before);
    assert.equal(bed.cluster.requests.length, requests);
    await controller.close();
  });
});

describe("the latency of allocations", () => {
  it("does not count the time in which another replica led", async () => {
    const bed = createBed();
    const controller = await leading(bed);
    refuse(bed, INVALID);
    bed.service("web");
    await settle(bed);
    await controller.standBy();
    bed.cluster.disturb(undefined);
    await bed.time.advance(seconds(7_200));
    controller.lead();
    await settle(bed);
    assert.deepEqual(bed.addresses("web"), ["192.0.2.0"]);
    assert.match(controller.metrics(), /^steelyard_allocation_seconds_bucket\{le="1"\} 1$/m);
    await controller.close();
  });
});

describe("a writer that forgets", () => {
  it("does not call a write unsent that runs in this term because one of an earlier term has ended", async () => {
    const bed = createBed();
    const answers: (() => void)[] = [];
    const writes = createWrites({
      pace: "single",
      cluster: {
        write: () =>
          new Promise<Answer>((resolve) => {
            answers.push(() => resolve({ ok: true, status: 200, body: {} }));
          }),
      },
      clock: bed.time,
      mayWrite: () => true,
      onEnd: () => undefined,
    });
    const planned = {
      request: () =>
        ({
          target: { resource: SERVICES, namespace: "shop", name: "web" },
          write: { verb: "update", body: {} },
        }) as const,
    };
    writes.put("shop/web", planned);
    await settle(bed);
    void writes.clear();
    writes.put("shop/web", planned);
    await settle(bed);
    assert.equal(answers.length, 2);
    answers[0]?.();
    await settle(bed);
    writes.put("shop/web", planned);
    assert.equal(writes.drop("shop/web"), false);
    writes.close();
  });
});
