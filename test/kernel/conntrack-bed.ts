/**
 * A network namespace with a connection tracking table that a test fills: by real UDP flows through a translation, or by
 * the tens of thousands through ctnetlink.
 */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { closeSync, openSync } from "node:fs";
import { openConntrack } from "#drivers/conntrack/linux";
import type { ConntrackPort } from "#drivers/conntrack/port";
import { type Door, openDoor } from "#native/door";

const CLONE_NEWNET = 0x4000_0000;
const SOCK_RAW = 3;
const AF_NETLINK = 16;
const NETLINK_NETFILTER = 12;
const VIRTUAL = "192.0.2.10";
const VIRTUAL_NUMBER = 0xc000020a;
const AF_INET = 2;
const SOCK_DGRAM = 2;

const attribute = (type: number, value: Buffer): Buffer => {
  const bytes = Buffer.alloc(4 + ((value.length + 3) & ~3));
  bytes.writeUInt16LE(4 + value.length, 0);
  bytes.writeUInt16LE(type, 2);
  value.copy(bytes, 4);
  return bytes;
};
const nest = (type: number, ...parts: readonly Buffer[]): Buffer =>
  attribute(type | 0x8000, Buffer.concat(parts));
const u16 = (value: number): Buffer => Buffer.from([value >>> 8, value & 0xff]);
const u32 = (value: number): Buffer => Buffer.from([value >>> 24, value >>> 16, value >>> 8, value]);

type End = { readonly address: number; readonly port: number };

const tuple = (type: number, from: End, to: End): Buffer =>
  nest(
    type,
    nest(1, attribute(1, u32(from.address)), attribute(2, u32(to.address))),
    nest(2, attribute(1, Buffer.from([17])), attribute(2, u16(from.port)), attribute(3, u16(to.port))),
  );

/** The order to the kernel to make an entry: a UDP flow of `client` to `server` that `backend` answers. */
const creation = (client: End, server: End, backend: End): Buffer => {
  const attributes = Buffer.concat([
    tuple(1, client, server),
    tuple(2, backend, client),
    attribute(7, u32(600)),
  ]);
  const message = Buffer.alloc(20 + attributes.length);
  message.writeUInt32LE(message.length, 0);
  message.writeUInt16LE(0x0100, 4);
  message.writeUInt16LE(0x0401, 6);
  message[16] = 2;
  attributes.copy(message, 20);
  return message;
};

export class ConntrackBed {
  readonly #name = `sy-ct-${process.pid}-${performance.now()}`;
  readonly #home = openSync("/proc/thread-self/ns/net", "r");
  readonly #door: Door = openDoor();
  readonly conntrack: ConntrackPort;
  readonly #sockets: number[] = [];

  constructor(door: Door = openDoor()) {
    execFileSync("ip", ["netns", "add", this.#name]);
    this.inside("ip link set lo up");
    for (const host of [1, 10, 21, 22]) this.inside(`ip addr add 192.0.2.${host}/32 dev lo`);
    const opened = this.#within(() => openConntrack(door));
    assert.ok(opened.ok, JSON.stringify(opened));
    this.conntrack = opened.value;
  }

  inside(command: string): string {
    return execFileSync("ip", ["netns", "exec", this.#name, "sh", "-ec", command], { encoding: "utf8" });
  }

  #within<Value>(work: () => Value): Value {
    const other = openSync(`/run/netns/${this.#name}`, "r");
    try {
      assert.equal(this.#door.setns(other, CLONE_NEWNET), 0);
      return work();
    } finally {
      assert.equal(this.#door.setns(this.#home, CLONE_NEWNET), 0);
      closeSync(other);
    }
  }

  /** Opens UDP flows to a port of the virtual address, which one host answers on its port 8000 + its number. */
  async open(port: number, host: number, count: number): Promise<void> {
    const rule = `ip daddr ${VIRTUAL} udp dport ${port} dnat to 192.0.2.${host}:${8000 + host}`;
    const hook = "{ type nat hook output priority -100; }";
    this.inside(
      `nft 'add table ip t; add chain ip t o ${hook}; flush chain ip t o; add rule ip t o ${rule}'`,
    );
    const to = Buffer.alloc(16);
    to.writeUInt16LE(AF_INET, 0);
    to.writeUInt16BE(port, 2);
    to.writeUInt32BE(VIRTUAL_NUMBER, 4);
    for (let index = 0; index < count; index += 1) {
      const fd = this.#within(() => this.#door.socket(AF_INET, SOCK_DGRAM, 0));
      assert.equal(this.#door.send(fd, Buffer.from("x"), to, 0), 1);
      // Kept open, so that no two flows have the same port.
      this.#sockets.push(fd);
    }
  }

  /** Puts `count` flows into the table: to port 80, answered by hosts 21 and 22 in turn. */
  fill(count: number): void {
    const fd = this.#within(() => this.#door.socket(AF_NETLINK, SOCK_RAW, NETLINK_NETFILTER));
    assert.ok(fd >= 0);
    const virtual = { address: VIRTUAL_NUMBER, port: 80 };
    let batch: Buffer[] = [];
    for (let index = 0; index < count; index += 1) {
      const client = { address: 0x0a000000 + (index >>> 14), port: 1_024 + (index & 0x3fff) };
      const host = 21 + (index & 1);
      batch.push(creation(client, virtual, { address: 0xc0000200 + host, port: 8_000 + host }));
      if (batch.length < 400 && index < count - 1) continue;
      assert.ok(this.#door.send(fd, Buffer.concat(batch), new Uint8Array(0), 0) > 0);
      batch = [];
    }
    this.#door.close(fd);
  }

  async close(): Promise<void> {
    this.conntrack.close();
    for (const fd of this.#sockets) this.#door.close(fd);
    execFileSync("ip", ["netns", "del", this.#name]);
    closeSync(this.#home);
  }
}
