import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { millis, seconds } from "#base/time";
import type { VirtualRouterConfig } from "#core/vrrp/config";
import { virtualAddress, virtualRouter, vrid } from "#testing/values";
import { createBed, ETH0, type Machine } from "./bed.ts";

/** 3 intervals and the skew of priority 100 are 361 ms, that of priority 200 are 322 ms. */
const INTERVAL = millis(100);
const VIP = ["192.0.2.100/24"];

const router = (overrides: Partial<VirtualRouterConfig> = {}): VirtualRouterConfig =>
  virtualRouter({ name: "front", advertisementInterval: INTERVAL, priority: 200, ...overrides });

const changes = (machine: Machine): readonly string[] =>
  machine.take("router-state").map(({ router: name, from, to, reason }) => `${name} ${from}>${to} ${reason}`);

/** Machine 1 active with this router and machine 2 its backup; then 1 is killed. */
const killed = async (config: VirtualRouterConfig, peer: VirtualRouterConfig = router({ priority: 100 })) => {
  const bed = createBed();
  const [first, second] = [bed.add(1), bed.add(2)];
  first.configure(config);
  await bed.run(millis(400));
  second.configure(peer);
  await bed.run(millis(525));
  assert.deepEqual([first.carries(), second.carries()], [VIP, []]);
  changes(second);
  first.kill();
  return { bed, first, second };
};

describe("a program that is killed and started again", () => {
  for (const [how, overrides] of [
    ["", {}],
    [" without preemption", { preempt: false }],
    [" with a preempt delay", { preemptDelay: seconds(60) }],
    [" with equal priorities", { priority: 100 }],
  ] as const) {
    it(`goes on where it was${how}, and nothing moves`, async () => {
      const { bed, first, second } = await killed(router(overrides));
      await bed.run(millis(250));
      const again = bed.restart(1, first);
      again.configure(router(overrides));
      assert.deepEqual(changes(again), ["front initialize>active resumed"]);
      await bed.run(seconds(1));
      assert.deepEqual([again.carries(), second.carries(), changes(second)], [VIP, [], []]);
      assert.deepEqual(
        again.take("address").map(({ change }) => change),
        ["adopted"],
      );
    });
  }

  it("goes on a second time", async () => {
    const { bed, first, second } = await killed(router());
    const again = bed.restart(1, first);
    again.configure(router());
    await bed.run(millis(555));
    again.kill();
    await bed.run(millis(200));
    const third = bed.restart(1, again);
    third.configure(router());
    assert.deepEqual(changes(third), ["front initialize>active resumed"]);
    await bed.run(millis(500));
    assert.deepEqual(changes(second), []);
  });

  it("listens like any other when its peer may have taken over, and does not preempt if it must not", async () => {
    const { bed, first, second } = await killed(router({ preempt: false }));
    await bed.run(millis(400));
    assert.deepEqual(changes(second), ["front backup>active active-down-timer"]);
    const again = bed.restart(1, first);
    again.configure(router({ preempt: false }));
    await bed.run(seconds(1));
    assert.deepEqual([again.carries(), second.carries()], [[], VIP]);
    assert.deepEqual(changes(again), ["front initialize>backup startup"]);
  });

  it("yields within an interval to a better router that has taken over after all", async () => {
    const better = router({ priority: 250, preempt: false });
    const { bed, first, second } = await killed(router(), better);
    await bed.run(millis(310));
    assert.deepEqual(second.carries(), VIP);
    const again = bed.restart(1, first);
    again.configure(router());
    assert.deepEqual(changes(again), ["front initialize>active resumed"]);
    await bed.run(INTERVAL);
    assert.deepEqual([again.carries(), second.carries()], [[], VIP]);
  });

  for (const [what, change] of [
    ["its addresses are gone", ({ netlink }: Machine) => void netlink.dropAddress(ON_ETH0)],
    [
      "the machine was started anew",
      ({ record }: Machine) => void record.replace(() => record.text().replace("this boot", "another")),
    ],
    [
      "its interface was made anew",
      ({ record }: Machine) =>
        void record.replace(() => record.text().replace('"linkIndex":2', '"linkIndex":3')),
    ],
    [
      "its record is half written",
      ({ record }: Machine) => void record.replace(() => record.text().slice(0, -9)),
    ],
    [
      "it has another virtual router id",
      ({ record }: Machine) => void record.replace(() => record.text().replace('"vrid":51', '"vrid":52')),
    ],
  ] as const) {
    it(`listens first when ${what}`, async () => {
      const { bed, first } = await killed(router());
      change(first);
      const again = bed.restart(1, first);
      again.configure(router());
      assert.deepEqual(changes(again), ["front initialize>backup startup"]);
    });
  }

  it("leaves no record of a router that is backup, nor after an orderly stop", async () => {
    const bed = createBed();
    const machine = bed.add(1);
    machine.configure(router());
    await bed.run(millis(300));
    assert.doesNotMatch(machine.record.text(), /front/);
    await bed.run(millis(300));
    assert.match(machine.record.text(), /front/);
    machine.fleet.stop(machine.now(), () => {});
    await bed.run(millis(500));
    assert.equal(machine.record.text(), "");
  });

  it("takes a check that was healthy for healthy until it is asked again", async () => {
    const config = router({
      track: [{ subject: { kind: "check", name: "app" }, effect: { type: "fault" } }],
    });
    const bed = createBed();
    const first = bed.add(1);
    first.fleet.checkHealth("app", "healthy", first.now());
    first.configure(config);
    await bed.run(millis(600));
    first.kill();
    const again = bed.restart(1, first);
    again.fleet.checkHealth("app", "unknown", again.now());
    again.fleet.configure([config], again.now(), "resuming");
    assert.deepEqual(changes(again), ["front initialize>active resumed"]);
    again.fleet.checkHealth("app", "failed", again.now());
    assert.deepEqual(changes(again), ["front active>fault tracking-fault"]);
  });

  it("starts no other router before its forwarding is in place", async () => {
    const { bed, first } = await killed(router());
    const other = router({ name: "other", vrid: vrid(52), addresses: [virtualAddress("192.0.2.101/24")] });
    const again = bed.restart(1, first);
    again.fleet.configure([router(), other], again.now(), "resuming");
    await bed.run(seconds(1));
    assert.deepEqual(again.carries(), VIP);
    again.configure(router(), other);
    await bed.run(seconds(1));
    assert.deepEqual(again.carries(), ["192.0.2.100/24", "192.0.2.101/24"]);
  });

  it("goes on with a sync group as a whole or not at all", async () => {
    const members = [
      router({ syncGroup: "g" }),
      router({
        name: "inner",
        syncGroup: "g",
        vrid: vrid(52),
        addresses: [virtualAddress("192.0.2.101/24")],
      }),
    ];
    const bed = createBed();
    const first = bed.add(1);
    first.configure(...members);
    await bed.run(millis(600));
    first.kill();
    const both = bed.restart(1, first);
    both.configure(...members);
    assert.deepEqual(changes(both), ["front initialize>active resumed", "inner initialize>active resumed"]);
    await bed.run(millis(600));
    both.kill();
    both.netlink.dropAddress({ linkIndex: ETH0.index, address: virtualAddress("192.0.2.101/24") });
    const one = bed.restart(1, both);
    one.configure(...members);
    assert.deepEqual(changes(one), ["front initialize>backup startup", "inner initialize>backup startup"]);
  });
});

const ON_ETH0 = { linkIndex: ETH0.index, address: virtualAddress("192.0.2.100/24") };

describe("a program that is told to leave all in place", () => {
  it("asks for patience, says nothing of leaving, keeps its addresses, and the next run goes on", async () => {
    const bed = createBed();
    const [first, second] = [bed.add(1), bed.add(2)];
    first.configure(router());
    await bed.run(millis(400));
    second.configure(router({ priority: 100 }));
    await bed.run(millis(490));
    changes(second);
    let left = false;
    first.fleet.abandon(first.now(), () => {
      left = true;
    });
    await bed.run(millis(20));
    assert.ok(left);
    first.kill();
    await bed.run(millis(5_500));
    const again = bed.restart(1, first);
    again.configure(router());
    await bed.run(seconds(1));
    assert.deepEqual([again.carries(), second.carries(), changes(second)], [VIP, [], []]);
    assert.deepEqual(second.take("router-conflict"), []);
  });

  it("is not waited for longer than that, and does not resume then", async () => {
    const bed = createBed();
    const [first, second] = [bed.add(1), bed.add(2)];
    first.configure(router());
    await bed.run(millis(400));
    second.configure(router({ priority: 100 }));
    await bed.run(millis(500));
    changes(second);
    first.fleet.abandon(first.now(), () => first.kill());
    // Three intervals of 2 s and the skew of priority 100.
    await bed.run(millis(7_200));
    assert.deepEqual(changes(second), []);
    await bed.run(millis(100));
    assert.deepEqual(changes(second), ["front backup>active active-down-timer"]);
    await bed.run(millis(700));
    const again = bed.restart(1, first);
    again.configure(router());
    await bed.run(seconds(1));
    assert.deepEqual(changes(again), ["front initialize>backup startup", "front backup>active preemption"]);
    assert.deepEqual([again.carries(), second.carries()], [VIP, []]);
  });
});

describe("a router that is retired", () => {
  it("serves until its successor is heard, and the others stay", async () => {
    const bed = createBed();
    const [left, right] = [bed.add(1), bed.add(2)];
    const other = router({ name: "other", vrid: vrid(52), addresses: [virtualAddress("192.0.2.101/24")] });
    left.configure(router(), other);
    right.configure(router({ priority: 100 }));
    await bed.run(millis(600));
    changes(left);
    let gone = 0;
    left.fleet.retire(["front"], left.now(), () => {
      gone += 1;
    });
    assert.deepEqual([[...left.carries()].sort(), gone], [["192.0.2.100/24", "192.0.2.101/24"], 0]);
    while (gone === 0) {
      await bed.run(millis(1));
      assert.ok([...left.carries(), ...right.carries()].includes("192.0.2.100/24"), "nobody holds it");
    }
    left.configure(other);
    await bed.run(millis(200));
    assert.deepEqual([left.carries(), right.carries(), gone], [["192.0.2.101/24"], VIP, 1]);
    assert.deepEqual(changes(left), ["front active>initialize shutdown"]);
  });

  it("waits no longer than an interval and some for a successor that does not exist", async () => {
    const bed = createBed();
    const machine = bed.add(1);
    machine.configure(router());
    await bed.run(millis(600));
    let gone = 0;
    machine.fleet.retire(["front"], machine.now(), () => {
      gone += 1;
    });
    await bed.run(millis(290));
    assert.deepEqual([gone, machine.carries()], [0, VIP]);
    await bed.run(millis(20));
    assert.deepEqual([gone, machine.carries()], [1, []]);
  });

  it("ends at once when a new configuration does not wait", async () => {
    const bed = createBed();
    const machine = bed.add(1);
    machine.configure(router());
    await bed.run(millis(600));
    machine.fleet.retire(["front"], machine.now(), () => {});
    machine.configure(router());
    assert.deepEqual(machine.carries(), []);
    await bed.run(millis(600));
    assert.deepEqual(machine.carries(), VIP);
  });
});
