import assert from "node:assert/strict";
import { describe, it, mock } from "node:test";
import { millis, seconds, wallTime } from "#base/time";
import type { Event } from "#core/observation/event";
import { emptyView, project } from "#core/observation/view";
import type { VirtualRouterConfig } from "#core/vrrp/config";
import { FakeNetlink } from "#drivers/netlink/fake";
import { address, virtualAddress, virtualRouter, vrid } from "#testing/values";
import { createBed, ETH0, type Machine, settle, spoofer } from "./bed.ts";

const INTERVAL = millis(100);
/** 3 intervals and the skew of priority 100, rounded up. */
const DOWN = millis(365);

const router = (overrides: Partial<VirtualRouterConfig> = {}): VirtualRouterConfig =>
  virtualRouter({ name: "front", advertisementInterval: INTERVAL, ...overrides });

const changes = (machine: Machine): readonly string[] =>
  machine.take("router-state").map(({ router: name, from, to, reason }) => `${name} ${from}>${to} ${reason}`);

const waits = (machine: Machine): readonly string[] =>
  machine.take("router-waiting").map(({ state, detail }) => `${state}: ${detail}`);

const linkWords = (machine: Machine): readonly string[] =>
  machine.take("link").map(({ link, state }) => `${link} ${state}`);

describe("start", () => {
  it("listens first, takes over when nobody speaks, and says it in two events (RFC 9568 §6.4.1)", async () => {
    const bed = createBed();
    const machine = bed.add(1);
    machine.configure(router());
    await bed.run(millis(360));
    assert.deepEqual(machine.carries(), []);
    await bed.run(millis(10));
    assert.deepEqual(machine.carries(), ["192.0.2.100/24"]);
    assert.deepEqual(
      machine.events.map(({ type }) => type),
      ["router-state", "address", "router-state"],
    );
    assert.deepEqual(changes(machine), [
      "front initialize>backup startup",
      "front backup>active active-down-timer",
    ]);
  });

  it("does not flicker when a tracked check is not known yet: it is at fault once, then backup", async () => {
    const bed = createBed();
    const machine = bed.add(1);
    machine.configure(
      router({ track: [{ subject: { kind: "check", name: "app" }, effect: { type: "fault" } }] }),
    );
    await bed.run(DOWN);
    assert.deepEqual(changes(machine), ["front initialize>fault tracking-fault"]);
    machine.fleet.checkHealth("app", "healthy", machine.now());
    machine.fleet.checkHealth("app", "healthy", machine.now());
    assert.deepEqual(changes(machine), ["front fault>backup tracking-recovered"]);
    machine.fleet.checkHealth("app", "failed", machine.now());
    assert.deepEqual(changes(machine), ["front backup>fault tracking-fault"]);
  });

  it("knows the verdicts that came before the routers", async () => {
    const machine = createBed().add(1);
    machine.fleet.checkHealth("app", "healthy", machine.now());
    machine.configure(
      router({ track: [{ subject: { kind: "check", name: "app" }, effect: { type: "fault" } }] }),
    );
    assert.deepEqual(changes(machine), ["front initialize>backup startup"]);
    assert.deepEqual(machine.take("router-priority"), []);
  });

  it("hears of an interface that is made right after its first look", async () => {
    const bed = createBed();
    const netlink = new FakeNetlink();
    const read = netlink.links.bind(netlink);
    const late = { ...ETH0, up: true, carrier: true, loopback: false, mtu: 1500 };
    mock.method(
      netlink,
      "links",
      () => {
        const links = read();
        netlink.setLink(late);
        return links;
      },
      { times: 1 },
    );
    const machine = bed.add(1, { netlink });
    machine.configure(router());
    await settle();
    assert.deepEqual(waits(machine).slice(-1), ["begun: eth0 has no IPv4 address to speak from"]);
  });

  it("waits for an interface that does not exist, says so once, and starts when it appears", async () => {
    const bed = createBed();
    const machine = bed.add(1);
    machine.configure(router({ interface: "eth1", addresses: [virtualAddress("198.51.100.9/24")] }));
    for (let count = 0; count < 5; count += 1) machine.setLink({ mtu: 1400 + count });
    await settle();
    assert.deepEqual(waits(machine), ["begun: interface eth1 does not exist; it starts when it appears"]);
    assert.deepEqual(linkWords(machine), ["eth1 absent"]);
    machine.setLink({ index: 7, name: "eth1" });
    await settle();
    assert.deepEqual(waits(machine), ["begun: eth1 has no IPv4 address to speak from"]);
    machine.netlink.setAddress({
      ...{ address: address("198.51.100.1"), prefixLength: 24, linkIndex: 7 },
      ...{ tentative: false, duplicate: false },
    });
    await settle();
    assert.deepEqual(waits(machine), ["ended: eth1 has no IPv4 address to speak from"]);
    assert.deepEqual(linkWords(machine), ["eth1 up"]);
    await bed.run(DOWN);
    assert.deepEqual(machine.carries(7), ["198.51.100.1/24", "198.51.100.9/24"]);
  });

  it("speaks over IPv6 from the smallest link-local address, never from a virtual one (RFC 9568 §5.1.2.1)", async () => {
    const bed = createBed();
    const machine = bed.add(5);
    const own = virtualAddress("fe80::5/64");
    const usable = { linkIndex: 2, tentative: false, duplicate: false };
    machine.netlink.dropAddress({ linkIndex: 2, address: own });
    machine.netlink.setAddress({ ...virtualAddress("fe80::7/64"), ...usable });
    machine.netlink.setAddress({ ...own, ...usable });
    const virtual = virtualAddress("fe80::2/64");
    machine.netlink.setAddress({ ...virtual, linkIndex: 2, tentative: false, duplicate: false });
    machine.netlink.setAddress({
      ...{ address: address("fe80::3"), prefixLength: 64, linkIndex: 2 },
      ...{ tentative: true, duplicate: false },
    });
    await settle();
    machine.configure(
      router({ family: "IPv6", addresses: [virtual] }),
      router({ name: "four", addresses: [virtualAddress("192.0.2.99/24")] }),
    );
    await bed.run(DOWN);
    assert.deepEqual(machine.counts, new Map(), "each was sent from an address of the fake host");
    assert.deepEqual(
      changes(machine)
        .filter((text) => text.includes("active "))
        .sort(),
      ["four backup>active active-down-timer", "front backup>active active-down-timer"],
    );
  });

  it("says which source address is missing", async () => {
    const machine = createBed().add(1);
    machine.configure(router({ sourceAddress: address("192.0.2.77") }));
    assert.deepEqual(waits(machine), ["begun: eth0 does not have the source address 192.0.2.77"]);
  });

  it("tries a socket again that could not be opened", async () => {
    const bed = createBed();
    const machine = bed.add(1);
    machine.refuseSockets(true);
    machine.configure(router());
    await bed.run(seconds(2));
    assert.deepEqual(waits(machine), ["begun: cannot open the socket: EMFILE"]);
    machine.refuseSockets(false);
    await bed.run(seconds(2));
    assert.deepEqual(waits(machine), ["ended: cannot open the socket: EMFILE"]);
    assert.deepEqual(machine.carries(), ["192.0.2.100/24"]);
  });
});

describe("two machines", () => {
  const pair = async () => {
    const bed = createBed();
    const [left, right] = [bed.add(1), bed.add(2)];
    left.configure(router({ priority: 200 }));
    right.configure(router());
    await bed.run(seconds(1));
    assert.deepEqual([left.carries(), right.carries()], [["192.0.2.100/24"], []]);
    changes(left);
    changes(right);
    return { bed, left, right };
  };

  it("hand over to the backup when the active one falls silent, 3 intervals and a skew later", async () => {
    const { bed, left, right } = await pair();
    left.kill();
    await bed.run(millis(250));
    assert.deepEqual(right.carries(), []);
    await bed.run(millis(130));
    assert.deepEqual(right.carries(), ["192.0.2.100/24"]);
    assert.deepEqual(changes(right), ["front backup>active active-down-timer"]);
  });

  it("serve without a gap on a clean stop: the old one lets go when it hears the new one (priority 0)", async () => {
    const { bed, left, right } = await pair();
    left.fleet.stop(left.now(), () => {});
    assert.deepEqual(left.carries(), ["192.0.2.100/24"], "it goes on serving");
    await bed.run(millis(70));
    assert.deepEqual(right.carries(), ["192.0.2.100/24"]);
    assert.deepEqual(left.carries(), []);
    assert.deepEqual(changes(right), ["front backup>active priority-zero-received"]);
    assert.deepEqual(changes(left), ["front active>initialize shutdown"]);
  });

  it("are gone only when clients have followed the announcements of the new one", async () => {
    const { bed, left } = await pair();
    let stopped = 0;
    left.fleet.stop(left.now(), () => {
      stopped += 1;
    });
    await bed.run(millis(299));
    assert.deepEqual([stopped, left.carries()], [0, []]);
    await bed.run(millis(70));
    assert.equal(stopped, 1);
  });

  it("are not talked out of serving by a packet that counts for nothing", async () => {
    const { bed, left, right } = await pair();
    right.kill();
    const send = spoofer(bed, "192.0.2.66");
    left.fleet.stop(left.now(), () => {});
    send({ centiseconds: 0 });
    assert.deepEqual(left.carries(), ["192.0.2.100/24"]);
    send({});
    assert.deepEqual(left.carries(), []);
  });

  it("do not take another router that leaves for a successor (priority 0)", async () => {
    const { bed, left, right } = await pair();
    right.kill();
    const send = spoofer(bed, "192.0.2.66");
    left.fleet.stop(left.now(), () => {});
    send({ priority: 0 });
    assert.deepEqual(left.carries(), ["192.0.2.100/24"]);
    send({ priority: 1 });
    assert.deepEqual(left.carries(), []);
  });

  it("do not wait for a successor that does not exist", async () => {
    const { bed, left, right } = await pair();
    right.kill();
    let stopped = 0;
    left.fleet.stop(left.now(), () => {
      stopped += 1;
    });
    await bed.run(millis(299));
    assert.deepEqual([stopped, left.carries()], [0, ["192.0.2.100/24"]]);
    await bed.run(millis(5));
    assert.deepEqual([stopped, left.carries()], [1, []]);
  });

  it("stop at once when there is nothing to hand over", async () => {
    const { right } = await pair();
    let stopped = false;
    right.fleet.stop(right.now(), () => {
      stopped = true;
    });
    assert.ok(stopped);
  });

  it("share the work with two routers of mirrored priorities", async () => {
    const bed = createBed();
    const [left, right] = [bed.add(1), bed.add(2)];
    const second = { name: "back", vrid: vrid(52), addresses: [virtualAddress("192.0.2.101/24")] };
    left.configure(router({ priority: 150 }), router({ ...second, priority: 100 }));
    right.configure(router({ priority: 100 }), router({ ...second, priority: 150 }));
    await bed.run(seconds(1));
    assert.deepEqual([left.carries(), right.carries()], [["192.0.2.100/24"], ["192.0.2.101/24"]]);
    right.kill();
    await bed.run(seconds(1));
    assert.deepEqual(left.carries(), ["192.0.2.100/24", "192.0.2.101/24"]);
  });

  it("keep routers of both families with one virtual router id apart", async () => {
    const { bed, left, right } = await pair();
    const six = router({ name: "six", family: "IPv6", addresses: [virtualAddress("2001:db8::100/64")] });
    left.configure(router({ priority: 200 }), six);
    right.configure(router(), { ...six, priority: 200 });
    await bed.run(seconds(1));
    assert.deepEqual([left.carries(), right.carries()], [["192.0.2.100/24"], ["2001:db8::100/64"]]);
    assert.deepEqual(left.take("router-conflict"), []);
  });

  it("give up when nobody vouches for the process, and take part again afterwards", async () => {
    const { bed, left, right } = await pair();
    left.fleet.pause(true, left.now());
    assert.deepEqual(left.carries(), []);
    await bed.run(millis(70));
    assert.deepEqual(right.carries(), ["192.0.2.100/24"]);
    const third = router({ name: "third", vrid: vrid(53), addresses: [virtualAddress("192.0.2.103/24")] });
    left.configure(router({ priority: 210 }), third);
    await bed.run(seconds(1));
    assert.deepEqual(left.carries(), [], "a reload does not wake it, nor start another");
    left.configure(router({ priority: 210 }));
    left.fleet.pause(false, left.now());
    await bed.run(seconds(1));
    assert.deepEqual([left.carries(), right.carries()], [["192.0.2.100/24"], []]);
  });
});

describe("reload", () => {
  const active = async (overrides: Partial<VirtualRouterConfig> = {}) => {
    const bed = createBed();
    const machine = bed.add(1);
    machine.configure(router(overrides));
    await bed.run(DOWN);
    assert.deepEqual(machine.carries(), ["192.0.2.100/24"]);
    machine.events.length = 0;
    return { bed, machine };
  };

  it("does nothing for the same configuration", async () => {
    const { machine } = await active();
    const announced = machine.station.announced.length;
    machine.configure(router());
    assert.deepEqual(machine.events, []);
    assert.equal(machine.station.announced.length, announced);
  });

  it("changes priority, interval and policy in place, without leaving", async () => {
    const { bed, machine } = await active();
    machine.configure(
      router({
        priority: 150,
        advertisementInterval: millis(50),
        gratuitous: { repeat: 1, interval: millis(10), delay: millis(0), refresh: millis(0) },
      }),
    );
    await bed.run(seconds(1));
    assert.deepEqual(changes(machine), []);
    assert.deepEqual(
      machine.take("router-priority").map(({ priority }) => priority),
      [150],
    );
    assert.deepEqual(machine.events, []);
    assert.equal(machine.opened(), 1);
  });

  it("changes addresses in place: what stays is not touched", async () => {
    const { machine } = await active();
    machine.configure(
      router({ addresses: [virtualAddress("192.0.2.100/24"), virtualAddress("192.0.2.200/24")] }),
    );
    assert.deepEqual(
      machine.take("address").map(({ address: which, change }) => `${which} ${change}`),
      ["192.0.2.200 added"],
    );
    machine.configure(router({ addresses: [virtualAddress("192.0.2.200/24")] }));
    assert.deepEqual(
      machine.take("address").map(({ address: which, change }) => `${which} ${change}`),
      ["192.0.2.100 removed"],
    );
    assert.deepEqual(machine.carries(), ["192.0.2.200/24"]);
    assert.deepEqual(changes(machine), []);
  });

  it("makes a new router of another virtual router id", async () => {
    const { bed, machine } = await active();
    machine.configure(router({ vrid: vrid(9) }));
    assert.deepEqual(machine.carries(), []);
    await bed.run(DOWN);
    assert.deepEqual(changes(machine), [
      "front active>initialize shutdown",
      "front initialize>backup startup",
      "front backup>active active-down-timer",
    ]);
  });

  /** What status shows of the router, told in the order in which an edge hears it. */
  const shownAfterReloads = (machine: Machine, ...configs: readonly VirtualRouterConfig[]) => {
    const view = emptyView();
    const see = (event: Event): void =>
      project(view, { sequence: view.sequence + 1, at: wallTime(0), event });
    for (const event of machine.events.splice(0)) see(event);
    const { front: first } = view.routers;
    const shown = [[first?.priority, first?.failed, first?.waiting]];
    for (const config of configs) {
      const changed = [{ kind: "VirtualRouter", name: "front" } as const];
      see({ type: "config-applied", generation: 1, added: [], changed, removed: [] });
      machine.configure(config);
      for (const event of machine.events.splice(0)) see(event);
      const { front } = view.routers;
      shown.push([front?.priority, front?.failed, front?.waiting]);
    }
    return shown;
  };

  it("to another interface and back shows what is in force, not what was", async () => {
    const machine = createBed().add(1);
    machine.configure(router());
    const elsewhere = router({ interface: "eth9" });
    const waiting = "interface eth9 does not exist; it starts when it appears";
    assert.deepEqual(
      shownAfterReloads(machine, elsewhere, router(), elsewhere, { ...elsewhere, priority: 120 }, router()),
      [
        [undefined, [], undefined],
        ["fault", ["interface eth9 failed"], waiting],
        [100, [], undefined],
        ["fault", ["interface eth9 failed"], waiting],
        ["fault", ["interface eth9 failed"], waiting],
        [100, [], undefined],
      ],
    );
  });

  it("shows another priority in place and in a new router, and says nothing of the configured one", async () => {
    const machine = createBed().add(1);
    machine.configure(router());
    assert.deepEqual(
      shownAfterReloads(machine, router({ priority: 120 }), router({ vrid: vrid(9), priority: 120 })),
      [
        [undefined, [], undefined],
        [120, [], undefined],
        [undefined, [], undefined],
      ],
    );
  });

  it("tells the machine of a router anew what counts against it, though it was said before", async () => {
    const bed = createBed();
    const machine = bed.add(1);
    const track = [{ subject: { kind: "check", name: "app" }, effect: { type: "fault" } }] as const;
    machine.configure(router({ track }));
    changes(machine);
    machine.configure(router({ track, vrid: vrid(9) }));
    await bed.run(DOWN);
    assert.deepEqual(changes(machine), ["front initialize>fault tracking-fault"]);
  });

  it("removes what is no longer configured and forgets its timers", async () => {
    const { bed, machine } = await active();
    machine.configure();
    assert.deepEqual(machine.carries(), []);
    machine.events.length = 0;
    await bed.run(seconds(2));
    machine.setLink({ carrier: false });
    await settle();
    assert.deepEqual(machine.events, []);
  });
});

describe("a large edge", () => {
  it("asks the kernel nothing for each of a thousand address changes", async () => {
    const bed = createBed();
    const machine = bed.add(1);
    const configs = Array.from({ length: 50 }, (_, index) =>
      router({
        ...{ name: `r${index}`, vrid: vrid(index + 1) },
        addresses: Array.from({ length: 20 }, (_unused, host) =>
          virtualAddress(`10.${index}.0.${host + 1}/32`),
        ),
      }),
    );
    machine.configure(...configs);
    let asked = 0;
    const addresses = machine.netlink.addresses.bind(machine.netlink);
    machine.netlink.addresses = () => {
      asked += 1;
      return addresses();
    };
    await bed.run(DOWN);
    assert.equal(machine.carries().length, 1_000);
    assert.equal(asked, 1, "by this test");
  });
});
