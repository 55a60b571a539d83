/**
 * Datagrams that each look like a flow of their own, to fill a connection tracking table:
 * `filler.ts ADDRESS COUNT`. It sends at most that many, about a hundred thousand a second, and ends.
 */
import assert from "node:assert/strict";
import { openDoor } from "#native/door";

const AF_INET = 2;
const SOCK_RAW = 3;
const IPPROTO_RAW = 255;
const IPPROTO_UDP = 17;
/** Nobody listens there. */
const PORT = 7;
/** As many as a busy machine may let us send before it lets others run. */
const BURST = 4_000;

const [, , address = "127.0.0.1", count = "1000"] = process.argv;
const destination = address.split(".").map(Number);
const door = openDoor();
const fd = door.socket(AF_INET, SOCK_RAW, IPPROTO_RAW);
assert(fd >= 0, `no raw socket: ${fd}`);

/** struct sockaddr_in. */
const peer = Buffer.alloc(16);
peer.writeUInt16LE(AF_INET, 0);
Buffer.from(destination).copy(peer, 4);

/** An IPv4 header (the kernel fills in length, identification and checksum), a UDP header without checksum. */
const packet = Buffer.alloc(29);
packet.writeUInt8(0x45, 0);
packet.writeUInt8(64, 8);
packet.writeUInt8(IPPROTO_UDP, 9);
Buffer.from(destination).copy(packet, 16);
packet.writeUInt16BE(PORT, 22);
packet.writeUInt16BE(9, 24);

let sent = 0;
const send = (): void => {
  for (let burst = 0; burst < BURST; burst += 1, sent += 1) {
    if (sent >= Number(count)) process.exit(0);
    // 198.18.0.0/15 is for such tests (RFC 2544): a source and a port for each.
    packet.writeUInt32BE(0xc612_0000 + (sent >>> 14), 12);
    packet.writeUInt16BE(1_024 + (sent & 0x3fff), 20);
    door.send(fd, packet, peer, 0);
  }
  setTimeout(send, 1);
};
send();
