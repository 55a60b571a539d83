import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type MacAddress, parseMac } from "#base/mac";
import { millis } from "#base/time";
import type { VirtualRouterConfig } from "#core/vrrp/config";
import { virtualAddress, virtualRouter } from "#testing/values";
import { createBed, ETH0, type Machine, settle } from "./bed.ts";

const INTERVAL = millis(100);
const DOWN = millis(365);
const VRRP51 = 3;
const MAC: MacAddress = parseMac("00:00:5e:00:01:33") ?? assert.fail();

const router = (overrides: Partial<VirtualRouterConfig> = {}): VirtualRouterConfig =>
  virtualRouter({
    ...{ name: "front", advertisementInterval: INTERVAL, virtualMacInterface: "vrrp.51" },
    addresses: [{ ...virtualAddress("192.0.2.100/24"), device: "vrrp.51" }],
    ...overrides,
  });

/** As the main thread makes it. */
const make = ({ netlink }: Machine): void => {
  const made = netlink.addMacvlan({
    name: "vrrp.51",
    lower: ETH0.index,
    mac: MAC,
    alias: "steelyard virtual router",
  });
  assert.ok(made.ok && made.value === VRRP51);
};

const isUp = ({ netlink }: Machine): boolean | undefined => {
  const links = netlink.links();
  return links.ok ? links.value.find(({ name }) => name === "vrrp.51")?.up : undefined;
};

const waits = (machine: Machine): readonly string[] =>
  machine.take("router-waiting").map(({ state, detail }) => `${state}: ${detail}`);

describe("a router with a virtual MAC address", () => {
  it("waits for its interface, is down while it is backup and up while it serves", async () => {
    const bed = createBed();
    const machine = bed.add(1);
    machine.configure(router());
    assert.deepEqual(waits(machine), [
      "begun: interface vrrp.51 with its virtual MAC address does not exist yet",
    ]);
    make(machine);
    await settle();
    assert.deepEqual(waits(machine), [
      "ended: interface vrrp.51 with its virtual MAC address does not exist yet",
    ]);
    assert.equal(isUp(machine), false);
    await bed.run(DOWN);
    assert.deepEqual(
      [isUp(machine), machine.carries(VRRP51), machine.carries()],
      [true, ["192.0.2.100/24"], []],
    );
    assert.deepEqual(machine.take("link"), [], "its ups and downs are nobody's worry");
    machine.fleet.pause(true, machine.now());
    assert.deepEqual([isUp(machine), machine.carries(VRRP51)], [false, []]);
  });

  it("advertises through it from the address of its own interface, and announces there", async () => {
    const bed = createBed();
    const machine = bed.add(1);
    make(machine);
    machine.configure(router());
    await bed.run(DOWN);
    assert.deepEqual(new Set(machine.station.sentThrough), new Set(["vrrp.51"]));
    assert.ok(machine.station.announced.length > 0);
    assert.deepEqual(machine.counts, new Map());
    const [first] = machine.station.announced;
    assert.deepEqual([...(first?.payload.subarray(8, 14) ?? [])], [0, 0, 0x5e, 0, 1, 0x33]);
  });

  it("speaks to unicast peers from its own interface, through which they are reached", async () => {
    const bed = createBed();
    const machine = bed.add(1);
    make(machine);
    const [peer] = [virtualAddress("192.0.2.2/24").address];
    machine.configure(router({ transport: { type: "unicast", peers: [peer] } }));
    await bed.run(DOWN);
    assert.deepEqual([machine.station.sentThrough, machine.carries(VRRP51)], [[], ["192.0.2.100/24"]]);
  });

  it("puts its interface up again when somebody took it down, and begins anew when it was removed", async () => {
    const bed = createBed();
    const machine = bed.add(1);
    make(machine);
    machine.configure(router());
    await bed.run(DOWN);
    machine.netlink.setUp(VRRP51, false);
    await bed.run(millis(20));
    assert.equal(isUp(machine), true);
    machine.netlink.removeLink(VRRP51);
    await settle();
    make(machine);
    await bed.run(DOWN);
    assert.deepEqual([isUp(machine), machine.carries(VRRP51)], [true, ["192.0.2.100/24"]]);
  });

  it("takes an interface down that an earlier run left up without addresses", async () => {
    const bed = createBed();
    const machine = bed.add(1);
    make(machine);
    machine.netlink.setUp(VRRP51, true);
    await settle();
    machine.configure(router());
    await settle();
    assert.equal(isUp(machine), false);
  });
});
