/** The real BFD driver between two network namespaces. Needs root. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { closeSync, openSync, writeFileSync } from "node:fs";
import { after, before, describe, it } from "node:test";
import { type IpAddress, parseAddress } from "#base/address";
import { ECHO_PORT, PORT } from "#core/bfd/constants";
import { type BfdLan, type BfdStation, bfdContract } from "#drivers/bfd/contract";
import { sockaddr } from "#drivers/bfd/layout";
import { openBfdPort } from "#drivers/bfd/linux";
import type { BfdListener, BfdPort } from "#drivers/bfd/port";
import { openDoor } from "#native/door";

const CLONE_NEWNET = 0x4000_0000;
const AF_INET = 2;
const SOCK_DGRAM = 2;
const IPPROTO_UDP = 17;
const IP_TTL = 2;

const door = openDoor();
const run = (...command: readonly string[]): string => execFileSync("ip", command, { encoding: "utf8" });

const ip = (text: string): IpAddress => {
  const address = parseAddress(text);
  assert.ok(address !== undefined, text);
  return address;
};

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

type KernelLan = BfdLan & { readonly namespaces: readonly [string, string] };

const openLan = (): KernelLan => {
  serial += 1;
  const name = (end: string): string => `bfd-${process.pid}-${serial}-${end}`;
  const namespaces = [name("l"), name("r")] as const;
  const [left, right] = namespaces;
  run("netns", "add", left);
  run("netns", "add", right);
  run("-n", left, "link", "add", "wire0", "type", "veth", "peer", "name", "wire0", "netns", right);
  for (const [namespace, host] of [
    [left, 1],
    [right, 2],
  ] as const) {
    within(namespace, () => writeFileSync("/proc/sys/net/ipv6/conf/all/keep_addr_on_down", "1"));
    for (const command of [
      "link set wire0 addrgenmode none",
      `addr add 192.0.2.${host}/24 dev wire0`,
      `addr add 2001:db8::${host}/64 dev wire0 nodad`,
      `addr add fe80::${host}/64 dev wire0 nodad`,
      "link set wire0 up",
    ]) {
      run("-n", namespace, ...command.split(" "));
    }
  }
  const station = (namespace: string, host: number): BfdStation => {
    const index = within(namespace, () => Number.parseInt(run("-o", "link", "show", "wire0"), 10));
    const port = openBfdPort(door);
    const inside: BfdPort = {
      listen: (request) => within(namespace, () => port.listen(request)),
      openReflector: (request) => within(namespace, () => port.openReflector(request)),
      openSender: (request) => within(namespace, () => port.openSender(request)),
    };
    return {
      port: inside,
      link: { index, name: "wire0" },
      address: {
        IPv4: ip(`192.0.2.${host}`),
        IPv6: ip(`2001:db8::${host}`),
        "link-local": ip(`fe80::${host}`),
      },
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

/** Sends datagrams to the right-hand side with any hop limit, as a stranger on the left could. */
const throwAt = (namespace: string, port: number, hops: number, payloads: readonly Uint8Array[]): void => {
  const fd = within(namespace, () => door.socket(AF_INET, SOCK_DGRAM, IPPROTO_UDP));
  assert.ok(fd >= 0);
  assert.equal(door.setsockopt(fd, 0, IP_TTL, new Uint8Array(Int32Array.of(hops).buffer)), 0);
  for (const payload of payloads) {
    assert.equal(door.send(fd, payload, sockaddr(ip("192.0.2.2"), port, 0), 0), payload.length);
  }
  door.close(fd);
};

const packet = (mark: number): Uint8Array => Uint8Array.of(0x20, 0, 0, 24, ...new Uint8Array(19), mark);

const SO_TIMESTAMPNS_NEW = 64;

describe("the BFD driver of Linux", () => {
  // The kernel notes when packets come from a moment after somebody has asked for it, until nobody does any more.
  let asking = -1;
  before(async () => {
    asking = door.socket(AF_INET, SOCK_DGRAM, IPPROTO_UDP);
    assert.equal(door.setsockopt(asking, 1, SO_TIMESTAMPNS_NEW, new Uint8Array(Int32Array.of(1).buffer)), 0);
    await new Promise((resolve) => setTimeout(resolve, 500));
  });
  after(() => door.close(asking));

  bfdContract(openLan);

  it("says for how long a packet that was held back has waited", async () => {
    const lan = openLan();
    const waited: number[] = [];
    const listener = lan.right.port.listen({
      ...{ family: "IPv4", path: "single-hop", onRead: () => undefined },
      onError: (error) => assert.fail(error.code),
      onDatagram: (datagram) => waited.push(datagram.waited),
    });
    try {
      assert.ok(listener.ok);
      listener.value.holdBack(true);
      const upPacket = packet(1).with(1, 0xc0);
      let passed = 0;
      for (let attempt = 0; attempt < 20 && (waited[0] ?? 0) === 0; attempt += 1) {
        waited.length = 0;
        const sentAt = door.monotonicMicros();
        throwAt(lan.namespaces[0], PORT["single-hop"], 255, [upPacket]);
        await new Promise((resolve) => setTimeout(resolve, 300));
        assert.deepEqual(waited, []);
        assert.equal(listener.value.drain(), 1);
        passed = door.monotonicMicros() - sentAt;
      }
      // Both clocks are read in whole milliseconds or better.
      assert.ok(
        (waited[0] ?? 0) > 290_000 && (waited[0] ?? 0) <= passed + 2_000,
        `${waited[0]} of ${passed}`,
      );
    } finally {
      if (listener.ok) listener.value.close();
      lan.close();
    }
  });

  const withListener = async (
    path: "single-hop" | "multihop",
    test: (lan: KernelLan, listener: BfdListener, heard: readonly string[]) => Promise<void>,
  ): Promise<void> => {
    const lan = openLan();
    const heard: string[] = [];
    const listener = lan.right.port.listen({
      ...{ family: "IPv4", path, onError: (error) => assert.fail(error.code) },
      onRead: () => undefined,
      onDatagram: ({ payload, hopLimit }) => heard.push(`${payload[23]} with ${hopLimit}`),
    });
    try {
      assert.ok(listener.ok);
      await test(lan, listener.value, heard);
    } finally {
      if (listener.ok) listener.value.close();
      lan.close();
    }
  };

  it("keeps what was forwarded, and what is no BFD, out of the buffer, and counts it as dropped", () =>
    withListener("single-hop", async ({ namespaces: [left] }, listener, heard) => {
      throwAt(
        left,
        PORT["single-hop"],
        254,
        Array.from({ length: 5_000 }, () => packet(1)),
      );
      throwAt(left, PORT["single-hop"], 255, [Uint8Array.of(0x20), new Uint8Array(200).fill(0x40)]);
      throwAt(left, PORT["single-hop"], 255, [packet(2)]);
      assert.equal(listener.drain(), 1);
      assert.deepEqual(heard, ["2 with 255"]);
      assert.deepEqual(listener.counters(), { received: 1, dropped: 5_002 });
    }));

  it("tells the hop limit of what came over several hops", () =>
    withListener("multihop", async ({ namespaces: [left] }, listener, heard) => {
      throwAt(left, PORT.multihop, 250, [packet(3)]);
      assert.equal(listener.drain(), 1);
      assert.deepEqual(heard, ["3 with 250"]);
    }));

  for (const family of ["IPv4", "IPv6", "link-local"] as const) {
    it(`sends echo packets of peers over ${family} back once, with the address that they came to`, async () => {
      const lan = openLan();
      const [left] = lan.namespaces;
      const own = lan.left.address[family];
      const there = lan.right.address[family];
      const asked: unknown[] = [];
      let mayHave = true;
      const opened = lan.right.port.openReflector({
        family: family === "IPv4" ? "IPv4" : "IPv6",
        isPeer: ({ source, destination, linkIndex }) => {
          asked.push([source, destination, linkIndex]);
          return mayHave;
        },
        onError: (error) => assert.fail(error.code),
      });
      assert.ok(opened.ok);
      const { index } = lan.left.link;
      const fd = within(left, () => {
        const made = door.socket(family === "IPv4" ? AF_INET : 10, SOCK_DGRAM, IPPROTO_UDP);
        assert.equal(door.bind(made, sockaddr(own, ECHO_PORT, index)), 0);
        return made;
      });
      const [level, name] = family === "IPv4" ? [0, IP_TTL] : [41, 16];
      const send = (hops: number, payload: Uint8Array): void => {
        assert.equal(door.setsockopt(fd, level, name, new Uint8Array(Int32Array.of(hops).buffer)), 0);
        assert.equal(door.send(fd, payload, sockaddr(there, ECHO_PORT, index), 0), payload.length);
      };
      const heard: number[] = [];
      const buffer = new Uint8Array(300);
      const stop = door.watch(fd, () => {
        for (let length = door.recv(fd, buffer, 0); length >= 0; length = door.recv(fd, buffer, 0))
          heard.push(length);
      });
      try {
        // One that a router has forwarded, then two of a neighbour, then one of somebody else.
        send(254, new Uint8Array(50));
        send(255, new Uint8Array(60));
        send(255, new Uint8Array(8));
        await lan.settle(() => heard.length === 2);
        mayHave = false;
        send(255, new Uint8Array(20));
        await lan.settle(() => opened.value.counters().refused > 0);
        await lan.quiet();
        assert.deepEqual([heard, opened.value.counters()], [[60, 8], { reflected: 2, refused: 1 }]);
        assert.deepEqual(asked[0], [own, there, lan.right.link.index]);
      } finally {
        if (typeof stop === "function") stop();
        door.close(fd);
        opened.value.close();
        lan.close();
      }
    });
  }

  it("says what it could not open, by errno and in words, and leaves no socket", () => {
    const lan = openLan();
    try {
      const { port, address } = lan.left;
      const path = { type: "single-hop", link: { index: 4_711, name: "absent0" } } as const;
      const request = { path, localAddress: address.IPv4, peer: lan.right.address.IPv4 };
      assert.deepEqual(port.openSender(request), {
        ok: false,
        error: { code: "ENODEV", operation: "send from 192.0.2.1 to 192.0.2.2 through absent0" },
      });
      const [left] = lan.namespaces;
      assert.equal(execFileSync("ip", ["netns", "exec", left, "ss", "-Huna"], { encoding: "utf8" }), "");
    } finally {
      lan.close();
    }
  });
});
