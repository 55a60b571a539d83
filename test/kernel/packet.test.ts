/** The real packet driver between two network namespaces. Needs root. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { closeSync, openSync, writeFileSync } from "node:fs";
import { describe, it } from "node:test";
import { type IpAddress, type Ipv4Address, isIpv4, parseAddress } from "#base/address";
import { BROADCAST_MAC, parseMac } from "#base/mac";
import { encode as encodeArp, gratuitous } from "#core/arp/packet";
import { ALL_NODES, groupMac } from "#core/ndp/group";
import { encodePacket, unsolicited } from "#core/ndp/packet";
import { type Lan, packetContract, type Station } from "#drivers/packet/contract";
import { openPacketPort } from "#drivers/packet/linux";
import type { PacketError, PacketPort } from "#drivers/packet/port";
import { openDoor } from "#native/door";

const CLONE_NEWNET = 0x4000_0000;
const door = openDoor();
const port = openPacketPort(door);
const run = (...command: readonly string[]): string => execFileSync("ip", command, { encoding: "utf8" });

const ip = (text: string): IpAddress => {
  const address = parseAddress(text);
  assert.ok(address !== undefined, text);
  return address;
};
const ipv4 = (text: string): Ipv4Address => {
  const address = ip(text);
  assert.ok(isIpv4(address));
  return address;
};
const mac = parseMac("02:00:00:00:00:99") ?? BROADCAST_MAC;

/** Calls `action` with this thread in the namespace; sockets made there stay there. */
const within = <Value>(namespace: string, action: () => Value): Value => {
  const home = openSync("/proc/thread-self/ns/net", "r");
  const there = openSync(`/run/netns/${namespace}`, "r");
  assert.equal(door.setns(there, CLONE_NEWNET), 0);
  try {
    return action();
  } finally {
    assert.equal(door.setns(home, CLONE_NEWNET), 0);
    closeSync(home);
    closeSync(there);
  }
};

let serial = 0;

type KernelLan = Lan & { readonly namespaces: readonly [string, string] };

const openLan = (): KernelLan => {
  serial += 1;
  const name = (end: string): string => `packet-${process.pid}-${serial}-${end}`;
  const namespaces = [name("l"), name("r")] as const;
  const [left, right] = namespaces;
  run("netns", "add", left);
  run("netns", "add", right);
  run("-n", left, "link", "add", "wire0", "type", "veth", "peer", "name", "wire0", "netns", right);
  const addresses = (host: number): readonly string[] => [
    `addr add 192.0.2.${host}/24 dev wire0`,
    `addr add 2001:db8::${host}/64 dev wire0 nodad`,
    "link set wire0 up",
  ];
  for (const [namespace, host] of [
    [left, 1],
    [right, 2],
  ] as const) {
    within(namespace, () => writeFileSync("/proc/sys/net/ipv6/conf/all/keep_addr_on_down", "1"));
    for (const command of addresses(host)) run("-n", namespace, ...command.split(" "));
  }
  const station = (namespace: string, host: number): Station => {
    const index = within(namespace, () => {
      const [line = ""] = run("-o", "link", "show", "wire0").split("\n");
      return Number.parseInt(line, 10);
    });
    const inside: PacketPort = {
      openVrrp: (request) => within(namespace, () => port.openVrrp(request)),
      openVrrpSender: (request) => within(namespace, () => port.openVrrpSender(request)),
      openNeighbour: (request) => within(namespace, () => port.openNeighbour(request)),
    };
    return {
      port: inside,
      link: { index, name: "wire0" },
      address: { IPv4: ip(`192.0.2.${host}`), IPv6: ip(`2001:db8::${host}`) },
      setLink: (up) => run("-n", namespace, "link", "set", "wire0", up ? "up" : "down"),
    };
  };
  return {
    left: station(left, 1),
    right: station(right, 2),
    settle: async (done) => {
      // The kernel may take a second to notice that a link came up (linkwatch).
      const end = door.monotonicMicros() + 5_000_000;
      while (!done() && door.monotonicMicros() < end) await new Promise((resolve) => setTimeout(resolve, 1));
    },
    quiet: () => new Promise((resolve) => setTimeout(resolve, 50)),
    close: () => {
      for (const namespace of namespaces) run("netns", "del", namespace);
    },
    namespaces,
  };
};

describe("the packet driver of Linux", () => {
  packetContract(openLan);

  it("reports the links it cannot open, by errno and in words", () => {
    const callbacks = { onPacket: () => undefined, onMessage: () => undefined, onError: () => undefined };
    const link = { index: 4_711, name: "absent0" };
    for (const family of ["IPv4", "IPv6"] as const) {
      const vrrp = port.openVrrp({ link, family, ...callbacks });
      assert.deepEqual(vrrp, { ok: false, error: { code: "ENODEV", operation: "bind to absent0" } });
      const neighbour = port.openNeighbour({ link, family, ...callbacks });
      assert.equal(neighbour.ok ? "opened" : neighbour.error.code, "ENODEV");
    }
  });

  it("reports when the link of a neighbour socket goes down, and hears again when it is up", async () => {
    const lan = openLan();
    try {
      const errors: PacketError[] = [];
      let heard = 0;
      const claim = {
        destination: BROADCAST_MAC,
        payload: encodeArp(gratuitous("reply", { mac, address: ipv4("192.0.2.100") })),
      };
      const open = (station: Station) => {
        const onMessage = () => {
          heard += 1;
        };
        const opened = station.port.openNeighbour({
          ...{ link: station.link, family: "IPv4", onMessage, onError: (error) => errors.push(error) },
        });
        assert.ok(opened.ok);
        return opened.value;
      };
      const [left, right] = [open(lan.left), open(lan.right)];
      assert.ok(right.watch([ip("192.0.2.100")]).ok);
      lan.right.setLink(false);
      await lan.settle(() => errors.length > 0);
      assert.deepEqual(errors.at(-1), { code: "ENETDOWN", operation: "receive" });
      lan.right.setLink(true);
      await lan.settle(() => left.send(claim).ok && heard > 0);
      assert.ok(heard > 0);
      for (const socket of [left, right]) socket.close();
    } finally {
      lan.close();
    }
  });

  it("takes no claim from another VLAN of the same wire, nor one sent to another host", async () => {
    const lan = openLan();
    const claimants: string[] = [];
    const opened = lan.left.port.openNeighbour({
      link: lan.left.link,
      family: "IPv4",
      onMessage: ({ payload }) => claimants.push(Buffer.from(payload.subarray(8, 14)).toString("hex")),
      onError: () => undefined,
    });
    assert.ok(opened.ok);
    try {
      const address = ipv4("192.0.2.50");
      assert.ok(opened.value.watch([address]).ok);
      run("-n", lan.namespaces[0], "link", "set", "wire0", "promisc", "on");
      const frame = (destination: string, tag: string, sender: string): Uint8Array => {
        const claim = gratuitous("reply", { mac: parseMac(sender) ?? mac, address });
        const header = Buffer.from(`${destination}020000000099${tag}0806`, "hex");
        return Buffer.concat([header, encodeArp(claim)]);
      };
      const sender = within(lan.namespaces[1], () => door.socket(17, 3, 0));
      const wire = new Uint8Array(20);
      new DataView(wire.buffer).setUint16(0, 17, true);
      new DataView(wire.buffer).setInt32(4, lan.right.link.index, true);
      for (const bytes of [
        frame("ffffffffffff", "8100004d", "02:00:00:00:00:77"),
        frame("060000000042", "", "02:00:00:00:00:42"),
        frame("ffffffffffff", "", "02:00:00:00:00:99"),
      ]) {
        await lan.settle(() => door.send(sender, bytes, wire, 0) === bytes.length);
      }
      await lan.settle(() => claimants.includes("020000000099"));
      assert.deepEqual(claimants, ["020000000099"]);
      door.close(sender);
    } finally {
      opened.value.close();
      lan.close();
    }
  });

  it("fails to send once the link is gone for good, and can be opened anew on its successor", async () => {
    const lan = openLan();
    const [left, right] = lan.namespaces;
    try {
      const heard: number[] = [];
      const open = (station: Station, index: number) => {
        const opened = station.port.openVrrp({
          link: { index, name: "wire0" },
          family: "IPv4",
          onPacket: ({ payload }) => heard.push(payload[0] ?? -1),
          onError: () => undefined,
        });
        assert.ok(opened.ok);
        return opened.value;
      };
      const old = open(lan.left, lan.left.link.index);
      run("-n", left, "link", "del", "wire0");
      const message = { source: ip("192.0.2.1"), destination: ip("224.0.0.18") };
      assert.equal(old.send({ ...message, payload: Uint8Array.of(1) }).ok, false);
      old.close();
      run(
        ...["-n", left, "link", "add", "wire0", "index", "77", "type", "veth"],
        ...["peer", "name", "wire0", "index", "78", "netns", right],
      );
      for (const [namespace, host] of [[left, 1] as const, [right, 2] as const]) {
        run("-n", namespace, "addr", "add", `192.0.2.${host}/24`, "dev", "wire0");
        run("-n", namespace, "link", "set", "wire0", "up");
      }
      const sockets = [open(lan.left, 77), open(lan.right, 78)] as const;
      await lan.settle(
        () => sockets[0].send({ ...message, payload: Uint8Array.of(2) }).ok && heard.length > 0,
      );
      assert.equal(heard[0], 2);
      for (const socket of sockets) socket.close();
    } finally {
      lan.close();
    }
  });

  it("makes a peer store the new place of an address: gratuitous ARP and unsolicited advertisements", async () => {
    const lan = openLan();
    const [, right] = lan.namespaces;
    try {
      const stored = (address: string): string => run("-n", right, "neigh", "show", address, "dev", "wire0");
      const open = (family: "IPv4" | "IPv6") => {
        const opened = lan.left.port.openNeighbour({
          ...{ link: lan.left.link, family, onMessage: () => undefined, onError: () => undefined },
        });
        assert.ok(opened.ok);
        return opened.value;
      };
      for (const address of ["192.0.2.100", "192.0.2.101", "2001:db8::100"]) {
        const old = ["lladdr", "02:00:00:00:00:01", "dev", "wire0", "nud", "reachable"];
        run("-n", right, "neigh", "replace", address, ...old);
      }
      // The kernel ignores changes within locktime, one second for IPv4, of the last (arp.c).
      within(right, () => writeFileSync("/proc/sys/net/ipv4/neigh/wire0/locktime", "0"));
      const arp = open("IPv4");
      for (const [operation, address] of [
        ["request", "192.0.2.100"],
        ["reply", "192.0.2.101"],
      ] as const) {
        const payload = encodeArp(gratuitous(operation, { mac, address: ipv4(address) }));
        assert.ok(arp.send({ destination: BROADCAST_MAC, payload }).ok);
        await lan.settle(() => stored(address).includes(mac));
        assert.match(stored(address), new RegExp(mac));
      }
      const ndp = open("IPv6");
      const { message, context } = unsolicited({ mac, address: ip("2001:db8::100"), router: false });
      assert.ok(ndp.send({ destination: groupMac(ALL_NODES), payload: encodePacket(message, context) }).ok);
      await lan.settle(() => stored("2001:db8::100").includes(mac));
      assert.match(stored("2001:db8::100"), new RegExp(mac));
      for (const socket of [arp, ndp]) socket.close();
    } finally {
      lan.close();
    }
  });
});
