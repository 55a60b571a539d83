import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { parseMac } from "#base/mac";
import { millis, seconds } from "#base/time";
import { framesFor } from "#core/announce/frames";
import { STEELYARD_ADDRESS_PROTOCOL } from "#core/netlink/address";
import type { VirtualRouterConfig } from "#core/vrrp/config";
import { address, virtualAddress, virtualRouter } from "#testing/values";
import { type Bed, createBed, ETH0, type Machine, settle } from "./bed.ts";

const VIRTUAL = virtualAddress("192.0.2.100/24");
const DOWN = millis(365);

const router = (overrides: Partial<VirtualRouterConfig> = {}): VirtualRouterConfig =>
  virtualRouter({ name: "front", advertisementInterval: millis(100), ...overrides });

const said = (machine: Machine): readonly string[] =>
  machine
    .take("address")
    .map(({ address: which, device, change, detail }) =>
      [`${which} on ${device} ${change}`, detail].filter(Boolean).join(": "),
    );

/** As another program, or an earlier run of ours, left it. */
const present = (machine: Machine, text: string, protocol?: number): void =>
  machine.netlink.setAddress({
    ...virtualAddress(text),
    ...{ linkIndex: ETH0.index, tentative: false, duplicate: false },
    ...(protocol === undefined ? {} : { protocol }),
  });

const activeRouter = async (
  overrides: Partial<VirtualRouterConfig> = {},
): Promise<{ bed: Bed; machine: Machine }> => {
  const bed = createBed();
  const machine = bed.add(1);
  machine.configure(router(overrides));
  await bed.run(DOWN);
  machine.events.length = 0;
  return { bed, machine };
};

describe("addresses that somebody removes", () => {
  it("are put back, and it is said", async () => {
    const { bed, machine } = await activeRouter();
    machine.netlink.dropAddress({ linkIndex: ETH0.index, address: VIRTUAL });
    await bed.run(millis(20));
    assert.deepEqual(machine.carries(), ["192.0.2.100/24"]);
    assert.deepEqual(said(machine), ["192.0.2.100 on eth0 restored"]);
  });

  it("are put back although further ones are removed all the time", async () => {
    const { bed, machine } = await activeRouter({
      addresses: [VIRTUAL, virtualAddress("192.0.2.101/24"), virtualAddress("192.0.2.102/24")],
    });
    for (const text of ["192.0.2.100/24", "192.0.2.101/24", "192.0.2.102/24"]) {
      machine.netlink.dropAddress({ linkIndex: ETH0.index, address: virtualAddress(text) });
      await bed.run(millis(5));
    }
    assert.ok(machine.carries().includes("192.0.2.100/24"));
  });

  it("are put back at once a hundred times, and then once or twice a second: another program is not fought for ever", async () => {
    const { bed, machine } = await activeRouter();
    const enemy = machine.netlink.subscribe((change) => {
      if (change.type !== "address") return;
      machine.netlink.dropAddress({ linkIndex: ETH0.index, address: change.address });
    });
    assert.ok(enemy.ok);
    machine.netlink.dropAddress({ linkIndex: ETH0.index, address: VIRTUAL });
    await bed.run(millis(990));
    assert.ok(said(machine).length > 80);
    await bed.run(seconds(5));
    said(machine);
    await bed.run(seconds(5));
    const slow = said(machine).length;
    assert.ok(slow >= 4 && slow <= 11, `${slow} times`);
    enemy.value();
    await bed.run(seconds(2));
    assert.deepEqual(machine.carries(), ["192.0.2.100/24"]);
  });

  it("stay away when they are not held", async () => {
    const bed = createBed();
    const machine = bed.add(1);
    machine.configure(router());
    present(machine, "192.0.2.100/24");
    await settle();
    machine.netlink.dropAddress({ linkIndex: ETH0.index, address: VIRTUAL });
    await bed.run(millis(100));
    assert.deepEqual(machine.carries(), []);
  });

  it("are found missing when word of it was lost", async () => {
    const { bed, machine } = await activeRouter();
    const { networkChanged } = machine.fleet;
    machine.fleet.networkChanged = () => {};
    machine.netlink.dropAddress({ linkIndex: ETH0.index, address: VIRTUAL });
    await bed.run(millis(100));
    machine.fleet.networkChanged = networkChanged;
    assert.deepEqual(machine.carries(), []);
    machine.netlink.overrun();
    await bed.run(millis(20));
    assert.deepEqual(machine.carries(), ["192.0.2.100/24"]);
  });
});

describe("addresses that cannot be set", () => {
  it("are said once, tried again every second, and said when it works", async () => {
    const bed = createBed();
    const machine = bed.add(1);
    machine.netlink.refuseChanges("ENOBUFS");
    machine.configure(router());
    await bed.run(seconds(4));
    assert.deepEqual(said(machine), ["192.0.2.100 on eth0 failed: ENOBUFS"]);
    machine.netlink.refuseChanges(undefined);
    await bed.run(seconds(1));
    assert.deepEqual(said(machine), ["192.0.2.100 on eth0 added"]);
  });

  it("wait for their interface, which may be another than the router's", async () => {
    const { bed, machine } = await activeRouter({ addresses: [{ ...VIRTUAL, device: "dummy0" }] });
    machine.setLink({ index: 9, name: "dummy0" });
    await bed.run(millis(1_100));
    assert.deepEqual(machine.carries(9), ["192.0.2.100/24"]);
    machine.netlink.removeLink(9);
    machine.setLink({ index: 10, name: "dummy0" });
    await bed.run(millis(1_100));
    assert.deepEqual(machine.carries(10), ["192.0.2.100/24"]);
  });

  it("are removed later when they cannot be removed now", async () => {
    const { bed, machine } = await activeRouter();
    machine.netlink.refuseChanges("EPERM");
    machine.configure();
    await bed.run(seconds(3));
    assert.deepEqual(said(machine), ["192.0.2.100 on eth0 failed: it is still on the interface: EPERM"]);
    machine.netlink.refuseChanges(undefined);
    await bed.run(seconds(1));
    assert.deepEqual(said(machine), ["192.0.2.100 on eth0 removed"]);
    assert.deepEqual(machine.carries(), []);
  });
});

it("an address that is put back is reported with who removed it, as far as is known", async () => {
  const bed = createBed();
  const machine = bed.add(1);
  machine.configure(router());
  await bed.run(DOWN);
  machine.take("address");
  const address = { linkIndex: ETH0.index, address: VIRTUAL };
  for (const by of ["process 7 (ip)", undefined]) {
    machine.netlink.dropAddress(address);
    const gone = { ...VIRTUAL, linkIndex: ETH0.index, tentative: false, duplicate: false };
    const change = { type: "address-gone", address: gone, ...(by === undefined ? {} : { by }) } as const;
    machine.fleet.networkChanged(change, machine.now());
    await bed.run(millis(20));
  }
  assert.deepEqual(
    machine.take("address").map(({ change, detail }) => [change, detail]),
    [
      ["restored", "removed by process 7 (ip)"],
      ["restored", undefined],
    ],
  );
});

describe("an interface that changes", () => {
  const active = async () => {
    const bed = createBed();
    const machine = bed.add(1);
    machine.configure(router());
    await bed.run(DOWN);
    assert.deepEqual(machine.carries(), ["192.0.2.100/24"]);
    return { bed, machine };
  };

  it("keeps nothing of ours when it is renamed", async () => {
    const { machine } = await active();
    machine.setLink({ name: "lan0" });
    await settle();
    assert.deepEqual(machine.carries(), []);
  });

  it("carries nothing while it belongs to a bridge, and says so; a VRF is no obstacle", async () => {
    const { bed, machine } = await active();
    machine.setLink({ master: 9, masterKind: "bridge" });
    await settle();
    assert.deepEqual(machine.carries(), []);
    assert.deepEqual(
      machine.take("router-waiting").map(({ detail }) => detail),
      ["interface eth0 belongs to a bridge: use that instead"],
    );
    await bed.run(millis(500));
    assert.deepEqual(machine.carries(), []);
    machine.setLink({ master: 9, masterKind: "vrf" });
    await settle();
    await bed.run(DOWN);
    assert.deepEqual(machine.carries(), ["192.0.2.100/24"]);
  });
});

describe("addresses left by a killed predecessor", () => {
  const restarted = async (overrides: Partial<VirtualRouterConfig> = {}) => {
    const bed = createBed();
    const machine = bed.add(1);
    present(machine, "192.0.2.100/24", STEELYARD_ADDRESS_PROTOCOL);
    await settle();
    machine.configure(router(overrides));
    return { bed, machine };
  };

  it("stay and are adopted, untouched, when nobody else is active", async () => {
    const { bed, machine } = await restarted();
    let changes = 0;
    machine.netlink.subscribe(({ type }) => {
      if (type !== "link") changes += 1;
    });
    await bed.run(DOWN);
    assert.deepEqual(said(machine), ["192.0.2.100 on eth0 adopted"]);
    assert.deepEqual(machine.carries(), ["192.0.2.100/24"]);
    assert.equal(changes, 0);
  });

  it("go when another router is heard to be active", async () => {
    const { bed, machine } = await restarted();
    const peer = bed.add(2);
    peer.configure(router({ priority: 200 }));
    await bed.run(millis(200));
    assert.deepEqual(machine.carries(), ["192.0.2.100/24"], "the peer still listens");
    await bed.run(millis(200));
    assert.deepEqual([machine.carries(), peer.carries()], [[], ["192.0.2.100/24"]]);
    assert.deepEqual(said(machine), ["192.0.2.100 on eth0 removed"]);
  });

  it("go also while the router is at fault", async () => {
    const { bed, machine } = await restarted({
      track: [{ subject: { kind: "check", name: "app" }, effect: { type: "fault" } }],
    });
    const peer = bed.add(2);
    peer.configure(router());
    await bed.run(millis(500));
    assert.deepEqual([machine.carries(), peer.carries()], [[], ["192.0.2.100/24"]]);
  });

  it("go when the program stops", async () => {
    const { machine } = await restarted();
    machine.fleet.stop(machine.now(), () => {});
    assert.deepEqual(machine.carries(), []);
  });

  it("are never what a router speaks from", async () => {
    const bed = createBed();
    const machine = bed.add(1);
    machine.netlink.dropAddress({ linkIndex: 2, address: virtualAddress("192.0.2.1/24") });
    present(machine, "192.0.2.200/24", STEELYARD_ADDRESS_PROTOCOL);
    await settle();
    machine.configure(router());
    assert.equal(machine.take("router-waiting").length, 1);
  });
});

describe("addresses of an earlier run that nobody wants any more", () => {
  it("are removed at the start, those of others are not", async () => {
    const bed = createBed();
    const machine = bed.add(1);
    present(machine, "192.0.2.101/24", STEELYARD_ADDRESS_PROTOCOL);
    present(machine, "192.0.2.100/24", STEELYARD_ADDRESS_PROTOCOL);
    present(machine, "192.0.2.99/24");
    await settle();
    machine.configure(router());
    assert.deepEqual(machine.carries(), ["192.0.2.100/24", "192.0.2.99/24"]);
    assert.deepEqual(
      machine.take("process").map(({ detail }) => detail),
      ["took 192.0.2.101/24 off eth0: an earlier run left it there"],
    );
    present(machine, "192.0.2.102/24", STEELYARD_ADDRESS_PROTOCOL);
    await settle();
    machine.configure(router({ priority: 9 }));
    assert.ok(machine.carries().includes("192.0.2.102/24"), "only at the start");
  });
});

describe("the owner of the addresses (priority 255, RFC 9568 §6.1)", () => {
  const OWN = router({ priority: 255, addresses: [virtualAddress("192.0.2.1/24")] });

  it("is active at once, speaks from its own address, and keeps it when it leaves", async () => {
    const bed = createBed();
    const machine = bed.add(1);
    machine.configure(OWN);
    assert.deepEqual(said(machine), ["192.0.2.1 on eth0 adopted"]);
    machine.configure();
    assert.deepEqual(said(machine), ["192.0.2.1 on eth0 kept: the owner's interface had it before"]);
    const addresses = machine.netlink.addresses();
    assert.ok(addresses.ok && addresses.value.some((one) => one.address === address("192.0.2.1")));
  });

  it("takes away what it had to add itself, also in an earlier run", async () => {
    const bed = createBed();
    const machine = bed.add(1);
    machine.configure({ ...OWN, addresses: [VIRTUAL] });
    machine.configure();
    assert.deepEqual(said(machine), ["192.0.2.100 on eth0 added", "192.0.2.100 on eth0 removed"]);
    present(machine, "192.0.2.100/24", STEELYARD_ADDRESS_PROTOCOL);
    machine.configure({ ...OWN, addresses: [VIRTUAL] });
    machine.configure();
    assert.deepEqual(machine.carries(), []);
  });

  it("does not lose its own address because another owner is heard while it is at fault", async () => {
    const bed = createBed();
    const machine = bed.add(1);
    const track = [{ subject: { kind: "check", name: "app" }, effect: { type: "fault" } }] as const;
    machine.configure({ ...OWN, track });
    const peer = bed.add(2);
    peer.configure({ ...OWN, priority: 100 });
    await bed.run(millis(500));
    const addresses = machine.netlink.addresses();
    assert.ok(addresses.ok && addresses.value.some((one) => one.address === address("192.0.2.1")));
  });
});

describe("links", () => {
  it("that go down are a fault, and their return is announced", async () => {
    const { bed, machine } = await activeRouter();
    machine.setLink({ carrier: false });
    await settle();
    assert.deepEqual(machine.carries(), []);
    assert.deepEqual(
      machine.take("router-state").map(({ to, reason }) => `${to} ${reason}`),
      ["fault tracking-fault"],
    );
    machine.setLink({});
    await bed.run(DOWN);
    assert.deepEqual(machine.carries(), ["192.0.2.100/24"]);
    assert.deepEqual(
      machine.take("link").map(({ state }) => state),
      ["down", "up"],
    );
  });

  it("that are made anew under the old name get a new socket and the addresses", async () => {
    const { bed, machine } = await activeRouter();
    machine.netlink.removeLink(ETH0.index);
    await settle();
    assert.deepEqual(said(machine), ["192.0.2.100 on eth0 removed"]);
    machine.setLink({ index: 12 });
    machine.netlink.setAddress({
      ...{ address: address("192.0.2.1"), prefixLength: 24, linkIndex: 12 },
      ...{ tentative: false, duplicate: false },
    });
    await bed.run(DOWN);
    assert.equal(machine.opened(), 2);
    assert.deepEqual(machine.carries(12), ["192.0.2.100/24"]);
  });

  it("that lose their last address make the router wait", async () => {
    const { machine } = await activeRouter();
    machine.netlink.dropAddress({ linkIndex: ETH0.index, address: virtualAddress("192.0.2.1/24") });
    await settle();
    assert.deepEqual(machine.carries(), []);
    assert.deepEqual(
      machine.take("router-state").map(({ to, reason }) => `${to} ${reason}`),
      ["initialize address-lost"],
    );
    assert.equal(machine.take("router-waiting").length, 1);
  });

  it("that do not concern a router cause no announcements", async () => {
    const track = [
      { subject: { kind: "interface", name: "eth9" }, effect: { type: "weight", weight: 10 } },
    ] as const;
    const { bed, machine } = await activeRouter({ track });
    await bed.run(seconds(7));
    const before = machine.station.announced.length;
    machine.setLink({ index: 9, name: "eth9" });
    await bed.run(millis(100));
    assert.equal(machine.station.announced.length, before);
    assert.deepEqual(
      machine.take("router-priority").map(({ priority, failed }) => ({ priority, failed })),
      [{ priority: 100, failed: [] }],
    );
  });

  it("that get another Ethernet address, as a bond does, are announced with it", async () => {
    const { bed, machine } = await activeRouter();
    await bed.run(seconds(7));
    const before = machine.station.announced.length;
    const theirs = bed.add(9).netlink.links();
    assert.ok(theirs.ok);
    const [another] = theirs.value;
    assert.ok(another?.mac !== undefined);
    machine.setLink({ mac: another.mac });
    await bed.run(millis(1_100));
    const [frame] = machine.station.announced.slice(before);
    assert.deepEqual([...(frame?.payload.subarray(8, 14) ?? [])], [2, 0, 0, 0, 0, 9]);
  });
});

describe("somebody else who claims an address", () => {
  it("is answered, and reported when it goes on (RFC 5227 §2.4)", async () => {
    const { bed, machine } = await activeRouter();
    const thief = bed.add(7);
    thief.configure(router({ transport: { type: "unicast", peers: [address("192.0.2.250")] } }));
    await bed.run(seconds(7));
    const duplicates = machine.take("duplicate-address");
    assert.deepEqual(
      duplicates.map(({ address: which, mac }) => `${which} ${mac}`),
      ["192.0.2.100 02:00:00:00:00:07"],
    );
  });

  it("is not suspected for claims from before and after somebody else's term", async () => {
    const { bed, machine } = await activeRouter();
    const thief = bed.segment.addStation({ link: ETH0, addresses: new Set() });
    const socket = thief.port.openNeighbour({
      ...{ link: ETH0, family: "IPv4" as const },
      ...{ onMessage: () => {}, onError: () => {} },
    });
    const mac = parseMac("02:00:00:00:00:66");
    assert.ok(socket.ok && mac !== undefined);
    const claim = (): void => {
      for (const frame of framesFor({ address: VIRTUAL.address, mac, router: false }))
        socket.value.send(frame);
      bed.segment.settle();
    };
    claim();
    machine.fleet.pause(true, machine.now());
    await bed.run(seconds(2));
    machine.fleet.pause(false, machine.now());
    await bed.run(DOWN);
    claim();
    assert.deepEqual(machine.take("duplicate-address"), []);
    await bed.run(seconds(2));
    claim();
    assert.equal(machine.take("duplicate-address").length, 1);
  });
});
