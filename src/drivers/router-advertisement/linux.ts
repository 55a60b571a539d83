/** Raw ICMPv6 sockets of the network namespace of the calling thread. */
import { constants } from "node:os";
import { addressBytes, addressFromBytes, parseAddress } from "#base/address";
import { assert } from "#base/assert";
import { concatBytes } from "#base/bytes";
import { ROUTER_ADVERTISEMENT } from "#core/ndp/router-advertisement";
import { type Door, errnoName, openDoor } from "#native/door";
import * as linux from "./constants.ts";
import type { AdvertisementPort, AdvertisementResult, AdvertisementSocket } from "./port.ts";

const SLOTS = 8;
const PAYLOAD_SIZE = 1_600;
const NAME_SIZE = 128;
const CONTROL_SIZE = 256;
const SLOT_SIZE = PAYLOAD_SIZE + NAME_SIZE + CONTROL_SIZE;
/** More wait for the next turn of the event loop. */
const BATCHES_PER_TURN = 4;
const ALL_NODES = "ff02::1";

const int32 = (value: number): Uint8Array => new Uint8Array(Int32Array.of(value).buffer);

/** `struct sock_filter`. */
const instruction = (code: number, k: number, skipIfNot = 0): Uint8Array => {
  const bytes = new Uint8Array(8);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, code, true);
  view.setUint8(3, skipIfNot);
  view.setUint32(4, k, true);
  return bytes;
};

const FILTER: Uint8Array = concatBytes(
  instruction(linux.BPF.loadByte, 0),
  instruction(linux.BPF.jumpIfEqual, ROUTER_ADVERTISEMENT, 3),
  instruction(linux.BPF.loadByte, linux.FROM_IPV6_HEADER + linux.HOP_LIMIT_AT),
  instruction(linux.BPF.jumpIfEqual, linux.HOP_LIMIT, 1),
  instruction(linux.BPF.return, 0x4_0000),
  instruction(linux.BPF.return, 0),
);

type Request = Parameters<AdvertisementPort["open"]>[0];

const allNodes = (linkIndex: number): Uint8Array => {
  const address = parseAddress(ALL_NODES);
  assert(address !== undefined, "not an address");
  const head = Uint8Array.of(linux.AF_INET6, 0, 0, 0, 0, 0, 0, 0);
  return concatBytes(head, addressBytes(address), int32(linkIndex));
};

/** A socket that hears nothing but advertisements of its link; a negative errno if one step is refused. */
const openSocket = (door: Door, { name, index }: Request["link"]): number => {
  const fd = door.socket(linux.AF_INET6, linux.SOCK_RAW, linux.IPPROTO_ICMPV6);
  if (fd < 0) return fd;
  const device = new TextEncoder().encode(`${name}\0`);
  const outcomes = [
    // First, so that nothing of other links or types gets in.
    door.attachFilter(fd, FILTER),
    door.setsockopt(fd, linux.SOL_SOCKET, linux.SO_BINDTODEVICE, device),
    door.setsockopt(fd, linux.SOL_IPV6, linux.IPV6_MULTICAST_IF, int32(index)),
    door.setsockopt(fd, linux.SOL_IPV6, linux.IPV6_MULTICAST_HOPS, int32(linux.HOP_LIMIT)),
    door.setsockopt(fd, linux.SOL_IPV6, linux.IPV6_MULTICAST_LOOP, int32(0)),
  ];
  const failed = outcomes.find((outcome) => outcome < 0);
  if (failed === undefined) return fd;
  door.close(fd);
  return failed;
};

const startReading = (door: Door, fd: number, request: Request): (() => void) | number => {
  const { onAdvertisement, onError } = request;
  const arena = new Uint8Array(SLOTS * SLOT_SIZE);
  const lengths = new Int32Array(SLOTS * 4);
  let stopped = false;
  const readBatch = (): number => {
    const count = door.recvmmsg(fd, arena, PAYLOAD_SIZE, lengths);
    if (count < 0) onError({ code: errnoName(count), operation: `hear routers on ${request.link.name}` });
    for (let slot = 0; slot < count && !stopped; slot += 1) {
      const start = slot * SLOT_SIZE;
      const name = arena.subarray(start + PAYLOAD_SIZE, start + PAYLOAD_SIZE + NAME_SIZE);
      const payload = arena.subarray(start, start + (lengths[slot * 4] ?? 0));
      onAdvertisement(payload, addressFromBytes(name.subarray(8, 24)));
    }
    return count;
  };
  const watching = door.watch(fd, () => {
    for (let batch = 0; batch < BATCHES_PER_TURN && !stopped; batch += 1) if (readBatch() < SLOTS) return;
  });
  if (typeof watching === "number") return watching;
  return () => {
    stopped = true;
    watching();
  };
};

const open = (door: Door, request: Request): AdvertisementResult<AdvertisementSocket> => {
  const operation = `hear routers on ${request.link.name}`;
  const fd = openSocket(door, request.link);
  const stop = fd < 0 ? fd : startReading(door, fd, request);
  if (typeof stop === "number") {
    if (fd >= 0) door.close(fd);
    return { ok: false, error: { code: errnoName(stop), operation } };
  }
  const destination = allNodes(request.link.index);
  let closed = false;
  return {
    ok: true,
    value: {
      send: (payload) => {
        const sent = closed ? -constants.errno.EBADF : door.send(fd, payload, destination, 0);
        if (sent >= 0) return { ok: true, value: undefined };
        return { ok: false, error: { code: errnoName(sent), operation: `be heard on ${request.link.name}` } };
      },
      close: () => {
        if (closed) return;
        closed = true;
        stop();
        door.close(fd);
      },
    },
  };
};

/** The real one; callbacks run on the event loop of this thread. */
export const openAdvertisementPort = (door: Door = openDoor()): AdvertisementPort => ({
  open: (request) => open(door, request),
});
