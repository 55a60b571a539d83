/** Datagrams between two network namespaces of our own. Needs root. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { closeSync, openSync } from "node:fs";
import { after, before, describe, it } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { type IpAddress, parseAddress } from "#base/address";
import { describeDatagrams } from "#drivers/datagram/contract";
import { openDatagrams } from "#drivers/datagram/linux";
import type { DatagramPort } from "#drivers/datagram/port";
import { openDoor } from "#native/door";

const CLONE_NEWNET = 0x4000_0000;
const PORT = 3781;
const SPACES = { near: `sy-dg-a-${process.pid}`, far: `sy-dg-b-${process.pid}` } as const;
type Side = keyof typeof SPACES;

const address = (text: string): IpAddress => {
  const parsed = parseAddress(text);
  assert.ok(parsed, text);
  return parsed;
};
const ip = (...words: readonly string[]): string => execFileSync("ip", words, { encoding: "utf8" });

/** Sockets belong to the namespace that the thread is in when they are opened. */
const inSpace = <Value>(side: Side, work: () => Value): Value => {
  const door = openDoor();
  const [own, other] = [
    openSync("/proc/thread-self/ns/net", "r"),
    openSync(`/var/run/netns/${SPACES[side]}`, "r"),
  ];
  assert.equal(door.setns(other, CLONE_NEWNET), 0);
  try {
    return work();
  } finally {
    assert.equal(door.setns(own, CLONE_NEWNET), 0);
    closeSync(own);
    closeSync(other);
  }
};

const portIn = (side: Side): DatagramPort => ({
  open: (path, onDatagram) => inSpace(side, () => openDatagrams().open(path, onDatagram)),
});

const ADDRESSES = {
  IPv4: { near: "198.51.100.1", far: "198.51.100.2", stranger: "198.51.100.3" },
  IPv6: { near: "fd07::1", far: "fd07::2", stranger: "fd07::3" },
} as const;

/** Sends one datagram to the near side, as anybody could who is on the link. */
const SEND = `
const [family, from, port, hops, text] = process.argv.slice(1);
const socket = require("node:dgram").createSocket(family === "IPv4" ? "udp4" : "udp6");
socket.bind(Number(port), from, () => {
  socket.setTTL(Number(hops));
  socket.send(text, ${PORT}, family === "IPv4" ? "198.51.100.1" : "fd07::1", () => socket.close());
});
`;

describe("a link between two boxes", () => {
  before(() => {
    for (const space of Object.values(SPACES)) ip("netns", "add", space);
    ip("link", "add", "eth1", "netns", SPACES.near, "type", "veth", "peer", "eth1", "netns", SPACES.far);
    for (const [side, space] of [
      ["near", SPACES.near],
      ["far", SPACES.far],
    ] as const) {
      for (const { [side]: own, stranger } of Object.values(ADDRESSES)) {
        const bits = own.includes(":") ? "/64" : "/24";
        for (const each of side === "far" ? [own, stranger] : [own]) {
          const late = own.includes(":") ? ["nodad"] : [];
          ip("-n", space, "addr", "add", `${each}${bits}`, "dev", "eth1", ...late);
        }
      }
      ip("-n", space, "link", "set", "eth1", "up");
    }
  });
  after(() => {
    for (const space of Object.values(SPACES)) ip("netns", "del", space);
  });

  for (const family of ["IPv4", "IPv6"] as const) {
    const [near, far] = [address(ADDRESSES[family].near), address(ADDRESSES[family].far)];
    const common = { interface: "eth1", port: PORT };
    const nearPath = { ...common, address: near, peer: far };

    describe(family, () => {
      describeDatagrams(() => ({
        near: { path: nearPath, port: portIn("near") },
        far: { path: { ...common, address: far, peer: near }, port: portIn("far") },
        settle: () => pause(150),
      }));

      it("takes nothing from another address, another port, or over a router", async () => {
        const heard: string[] = [];
        const socket = portIn("near").open(
          nearPath,
          (bytes) => void heard.push(new TextDecoder().decode(bytes)),
        );
        assert.ok(typeof socket !== "string", String(socket));
        const send = (from: string, port: number, hops: number, text: string): void => {
          const words = [SPACES.far, "node", "-e", SEND, family, from, `${port}`, `${hops}`, text];
          execFileSync("ip", ["netns", "exec", ...words]);
        };
        send(ADDRESSES[family].stranger, PORT, 255, "a stranger");
        send(far, PORT + 1, 255, "another program");
        send(far, PORT, 254, "from behind a router");
        send(far, PORT, 255, "the peer");
        await pause(150);
        socket.close();
        assert.deepEqual(heard, ["the peer"]);
      });
    });
  }

  it("says why it cannot be opened, and leaves no socket", () => {
    const path = {
      interface: "eth7",
      address: address("198.51.100.1"),
      peer: address("198.51.100.2"),
      port: PORT,
    };
    assert.match(String(portIn("near").open(path, () => undefined)), /eth7: ENODEV/);
    const absent = { ...path, interface: "eth1", address: address("198.51.100.77") };
    assert.match(String(portIn("near").open(absent, () => undefined)), /EADDRNOTAVAIL/);
    assert.equal(execFileSync("ip", ["netns", "exec", SPACES.near, "ss", "-Huna"], { encoding: "utf8" }), "");
  });
});
