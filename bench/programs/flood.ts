/**
 * Sends TCP segments of many flows to one address as fast as it can, and prints what one of them costs, in nanoseconds: JSON.
 *
 *     flood.ts LINK MAC ADDRESS PORT
 *
 * Where the receiving end handles a packet at once on the same processor, as between namespaces, that is the cost of the whole way.
 * It asks for real time, so that what else the machine does falls between bursts.
 */
import { readFileSync } from "node:fs";
import { addressBytes, parseAddress } from "#base/address";
import { assert } from "#base/assert";
import { concatBytes, writeU16 } from "#base/bytes";
import { internetChecksum } from "#base/checksum";
import { macBytes, parseMac } from "#base/mac";
import { openDoor } from "#native/door";

const AF_PACKET = 17;
const SOCK_RAW = 3;
const SOL_PACKET = 263;
const PACKET_QDISC_BYPASS = 20;
const SCHED_FIFO = 1;
const PRIORITY = 50;

const FLOWS = 256;
const BURSTS = 800;
/** The kernel takes all time from a real-time program that never rests: a pause after so many bursts. */
const BURSTS_AT_ONCE = 16;

const [link = "", macText = "", addressText = "", port = ""] = process.argv.slice(2);
const mac = parseMac(macText);
const address = parseAddress(addressText);
assert(mac !== undefined && address !== undefined, "usage: flood.ts LINK MAC ADDRESS PORT");

/** An acknowledgement of the `index`th flow. */
const segment = (index: number): Uint8Array => {
  const ip = new Uint8Array(20);
  ip.set([0x45, 0, 0, 40, 0, 0, 0x40, 0, 64, 6, 0, 0, 198, 18, 0, 1]);
  ip.set(addressBytes(address), 16);
  writeU16(ip, 10, internetChecksum(ip));
  const tcp = new Uint8Array(20);
  writeU16(tcp, 0, 20_000 + 7 * index);
  writeU16(tcp, 2, Number(port));
  tcp.set([0x50, 0x10, 0xff, 0xff], 12);
  return concatBytes(macBytes(mac), Uint8Array.of(2, 0, 0, 0, 0, 9, 0x08, 0x00), ip, tcp);
};

const door = openDoor();
const fd = door.socket(AF_PACKET, SOCK_RAW, 0);
assert(fd >= 0, "a packet socket", { fd });
const target = new Uint8Array(20);
const view = new DataView(target.buffer);
view.setUint16(0, AF_PACKET, true);
view.setUint16(2, 0x0800, false);
view.setInt32(4, Number(readFileSync(`/sys/class/net/${link}/ifindex`, "latin1")), true);
assert(door.bind(fd, target) === 0, "bound");
door.setsockopt(fd, SOL_PACKET, PACKET_QDISC_BYPASS, Uint8Array.of(1, 0, 0, 0));
door.setScheduler(SCHED_FIFO, PRIORITY);

const segments = Array.from({ length: FLOWS }, (_, index) => segment(index));
const nobody = new Uint8Array(0);

const burst = (): number => {
  const began = process.hrtime.bigint();
  for (const bytes of segments) assert(door.send(fd, bytes, nobody, 0) > 0, "sent");
  return Number(process.hrtime.bigint() - began) / FLOWS;
};

const times: number[] = [];
const next = (): void => {
  for (let count = 0; count < BURSTS_AT_ONCE; count += 1) times.push(burst());
  if (times.length < BURSTS) setTimeout(next, 2);
  else {
    times.sort((left, right) => left - right);
    console.log(JSON.stringify({ nanoseconds: times[times.length >> 2] }));
    door.close(fd);
  }
};
next();
