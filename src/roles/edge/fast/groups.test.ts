import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { millis } from "#base/time";
import type { VirtualRouterConfig } from "#core/vrrp/config";
import { address, virtualAddress, virtualRouter, vrid } from "#testing/values";
import { createBed, type Machine, settle } from "./bed.ts";

const INTERVAL = millis(100);
/** 3 intervals and the skew of priority 100, rounded up. */
const DOWN = millis(365);

const router = (overrides: Partial<VirtualRouterConfig> = {}): VirtualRouterConfig =>
  virtualRouter({ name: "front", advertisementInterval: INTERVAL, ...overrides });

const changes = (machine: Machine): readonly string[] =>
  machine.take("router-state").map(({ router: name, from, to, reason }) => `${name} ${from}>${to} ${reason}`);

describe("sync groups", () => {
  const members = (overrides: Partial<VirtualRouterConfig> = {}): readonly VirtualRouterConfig[] => [
    router({ name: "outer", syncGroup: "g", ...overrides }),
    router({
      ...{ name: "inner", syncGroup: "g", interface: "eth1", vrid: vrid(52) },
      ...{ addresses: [virtualAddress("198.51.100.100/24")], ...overrides },
    }),
  ];

  const twoLegs = (bed: ReturnType<typeof createBed>, host: number): Machine => {
    const machine = bed.add(host);
    machine.setLink({ index: 3, name: "eth1" });
    machine.netlink.setAddress({
      ...{ address: address(`192.0.2.${host}`), prefixLength: 25, linkIndex: 3 },
      ...{ tentative: false, duplicate: false },
    });
    return machine;
  };

  it("start together without flicker and become active together", async () => {
    const bed = createBed();
    const machine = twoLegs(bed, 1);
    await settle();
    machine.configure(...members());
    await bed.run(DOWN);
    assert.deepEqual(changes(machine), [
      "outer initialize>backup startup",
      "inner initialize>backup startup",
      "outer backup>active group-become-active",
      "inner backup>active group-become-active",
    ]);
  });

  it("leave together when one leg loses its link, and say which one is at fault", async () => {
    const bed = createBed();
    const machine = twoLegs(bed, 1);
    await settle();
    machine.configure(...members());
    await bed.run(DOWN);
    changes(machine);
    machine.setLink({ index: 3, name: "eth1", carrier: false });
    await settle();
    assert.deepEqual(changes(machine), [
      "inner active>fault tracking-fault",
      "outer active>fault group-hold",
    ]);
    machine.setLink({ index: 3, name: "eth1" });
    await settle();
    assert.deepEqual(changes(machine), [
      "inner fault>backup tracking-recovered",
      "outer fault>backup group-release",
    ]);
  });

  it("do not flicker when both legs fail and recover at once", async () => {
    const bed = createBed();
    const machine = twoLegs(bed, 1);
    await settle();
    const track = [{ subject: { kind: "check", name: "app" }, effect: { type: "fault" } }] as const;
    machine.configure(...members({ track }));
    machine.fleet.checkHealth("app", "healthy", machine.now());
    await bed.run(DOWN);
    changes(machine);
    machine.fleet.checkHealth("app", "failed", machine.now());
    assert.deepEqual(changes(machine), [
      "outer active>fault tracking-fault",
      "inner active>fault tracking-fault",
    ]);
    machine.fleet.checkHealth("app", "healthy", machine.now());
    assert.deepEqual(changes(machine), [
      "outer fault>backup tracking-recovered",
      "inner fault>backup tracking-recovered",
    ]);
  });

  it("let a router leave its group while it runs", async () => {
    const bed = createBed();
    const machine = twoLegs(bed, 1);
    await settle();
    machine.configure(...members());
    machine.setLink({ index: 3, name: "eth1", carrier: false });
    await settle();
    changes(machine);
    const [outer, inner] = members();
    assert.ok(outer !== undefined && inner !== undefined);
    const { syncGroup: _group, ...alone } = outer;
    machine.configure(alone, inner);
    assert.deepEqual(changes(machine), ["outer fault>backup reconfigured"]);
  });
});
