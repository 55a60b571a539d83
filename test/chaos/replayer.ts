/**
 * Somebody on the network who plays each advertisement again: `node replayer.ts INTERFACE COPIES DELAY_MS`.
 *
 * Copies go out byte for byte as they came, so they are duplicates when they are quick, and out of order when a later
 * advertisement overtakes them. It says `ready` and ends when its standard input does.
 */
import assert from "node:assert/strict";
import { openDoor } from "#native/door";

const AF_PACKET = 17;
const SOCK_RAW = 3;
const ETH_P_IP = 0x0800;
const PACKET_OUTGOING = 4;
const IPPROTO_VRRP = 112;
const SIOCGIFINDEX = 0x8933;

const [, , name = "eth0", copies = "1", delay = "0"] = process.argv;
const door = openDoor();
/** The protocol in network order, as packet(7) wants it. */
const fd = door.socket(AF_PACKET, SOCK_RAW, ((ETH_P_IP & 0xff) << 8) | (ETH_P_IP >>> 8));
assert(fd >= 0, `no packet socket: ${fd}`);
const request = Buffer.alloc(40);
request.write(name, 0, 15, "latin1");
assert(door.ioctl(fd, SIOCGIFINDEX, request) >= 0, `no interface ${name}`);
/** struct sockaddr_ll: family, protocol, interface. */
const address = Buffer.alloc(20);
address.writeUInt16LE(AF_PACKET, 0);
address.writeUInt16BE(ETH_P_IP, 2);
address.writeInt32LE(request.readInt32LE(16), 4);
assert(door.bind(fd, address) >= 0);

const PAYLOAD = 2_048;
const SLOT = PAYLOAD + 128 + 256;
const arena = Buffer.alloc(16 * SLOT);
const lengths = new Int32Array(16 * 4);
/** What we have sent comes back to us when a switch floods it; it must not come again without end. */
let pending = 0;

const replay = (frame: Buffer): void => {
  if (pending > 200) return;
  for (let copy = 0; copy < Number(copies); copy += 1) {
    pending += 1;
    setTimeout(() => {
      pending -= 1;
      door.send(fd, frame, address, 0);
    }, Math.random() * Number(delay));
  }
};

door.watch(fd, () => {
  for (;;) {
    const count = door.recvmmsg(fd, arena, PAYLOAD, lengths);
    if (count <= 0) return;
    for (let slot = 0; slot < count; slot += 1) {
      const length = lengths[slot * 4] ?? 0;
      const frame = arena.subarray(slot * SLOT, slot * SLOT + length);
      const kind = arena[slot * SLOT + PAYLOAD + 10];
      if (kind === PACKET_OUTGOING || frame[14 + 9] !== IPPROTO_VRRP) continue;
      replay(Buffer.from(frame));
    }
  }
});
process.stdin.resume().on("end", () => process.exit(0));
console.log("ready");
