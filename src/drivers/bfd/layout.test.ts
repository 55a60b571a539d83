import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { concatBytes, toHex } from "#base/bytes";
import { isRoutine } from "#core/bfd/packet";
import { address } from "#testing/values";
import {
  addressOfSockaddr,
  listenerFilter,
  NOTHING,
  ROUTINE_SELECTOR,
  readArrival,
  sockaddr,
} from "./layout.ts";

const UDP_HEADER = new Uint8Array(8);
const NETWORK_HEADER = 0xfff0_0000;

/** Runs a filter over a UDP datagram with this hop limit, as the kernel would; gives whether it passes. */
const passes = (program: Uint8Array, payload: Uint8Array, ip: { hops: number; at: number }): boolean =>
  run(program, concatBytes(UDP_HEADER, payload), ip) > 0;

/** What a program returns for these bytes. */
const run = (
  program: Uint8Array,
  datagram: Uint8Array,
  { hops, at }: { hops: number; at: number },
): number => {
  const code = new DataView(program.buffer, program.byteOffset);
  let accumulator = 0;
  for (let pc = 0; pc < program.length; pc += 8) {
    const constant = code.getUint32(pc + 4, true);
    const jump = (holds: boolean) => {
      pc += 8 * code.getUint8(pc + (holds ? 2 : 3));
    };
    switch (code.getUint16(pc, true)) {
      case 0x80:
        accumulator = datagram.length;
        break;
      case 0x30: {
        const byte = constant === NETWORK_HEADER + at ? hops : datagram[constant];
        // The kernel ends the program with 0 when a load goes beyond the packet.
        if (byte === undefined) return 0;
        accumulator = byte;
        break;
      }
      case 0x54:
        accumulator &= constant;
        break;
      case 0x74:
        accumulator >>>= constant;
        break;
      case 0x15:
        jump(accumulator === constant);
        break;
      case 0x35:
        jump(accumulator >= constant);
        break;
      case 0x06:
        return constant;
      default:
        assert.fail("unknown instruction");
    }
  }
  return assert.fail("the program has no end");
};

describe("the filter of a listener", () => {
  const anyPayload = fc.uint8Array({ maxLength: 60 });
  for (const [family, at] of [
    ["IPv4", 8],
    ["IPv6", 7],
  ] as const) {
    it(`passes what may be BFD from a neighbour, and nothing else, over one hop of ${family} (RFC 5881 §5)`, () => {
      fc.assert(
        fc.property(anyPayload, fc.constantFrom(255, 254, 64, 0), (payload, hops) => {
          const isBfd = payload.length >= 24 && (payload[0] ?? 0) >> 5 === 1;
          const passed = passes(listenerFilter(family, "single-hop"), payload, { hops, at });
          assert.equal(passed, isBfd && hops === 255);
          assert.equal(passes(listenerFilter(family, "multihop"), payload, { hops, at }), isBfd);
        }),
      );
      const packet = Uint8Array.of(0x20, ...new Uint8Array(23));
      assert.ok(passes(listenerFilter(family, "single-hop"), packet, { hops: 255, at }));
      assert.ok(!passes(listenerFilter(family, "single-hop"), packet, { hops: 254, at }));
      assert.ok(!passes(NOTHING, packet, { hops: 255, at }));
    });
  }
});

describe("the selector of two sockets of one port", () => {
  it("has what says nothing new wait in the second one", () => {
    const select = (payload: Uint8Array): number => run(ROUTINE_SELECTOR, payload, { hops: 255, at: 8 });
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), (payload) => {
        assert.equal(select(payload), isRoutine(payload) ? 1 : 0);
      }),
    );
    // Up; up with a poll, with an answer to one; init, down, leaving.
    const seconds = [0xc0, 0xc4, 0xe0, 0xd0, 0x80, 0x40, 0x00];
    assert.deepEqual(
      seconds.map((second) => select(Uint8Array.of(0x20, second, ...new Uint8Array(22)))),
      [1, 1, 0, 0, 0, 0, 0],
    );
  });
});

/** A `struct cmsghdr` of a 64-bit system with its data. */
const record = (level: number, type: number, data: readonly number[]): Uint8Array => {
  const bytes = new Uint8Array(16 + Math.ceil(data.length / 8) * 8);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, 16 + data.length, true);
  view.setInt32(8, level, true);
  view.setInt32(12, type, true);
  bytes.set(data, 16);
  return bytes;
};

describe("ancillary data", () => {
  const v4 = concatBytes(
    record(0, 8, [3, 0, 0, 0, 192, 0, 2, 9, 192, 0, 2, 1]),
    record(0, 2, [254, 0, 0, 0]),
  );
  const v6 = concatBytes(
    record(41, 52, [255, 0, 0, 0]),
    record(41, 50, [0x20, 1, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 4, 1, 0, 0]),
  );

  it("says to which address, by which link and with how many hops a packet came", () => {
    const at = undefined;
    const [one, other] = [readArrival(v4, "IPv4"), readArrival(v6, "IPv6")];
    assert.deepEqual(one, { destination: "192.0.2.1", linkIndex: 3, hopLimit: 254, at });
    assert.deepEqual(other, { destination: "2001:db8::1", linkIndex: 260, hopLimit: 255, at });
  });

  it("says when the kernel took a packet in, in milliseconds", () => {
    // 2^32 + 1 seconds, which is in the year 2106, and half a second.
    const stamp = record(1, 64, [1, 0, 0, 0, 1, 0, 0, 0, 0, 0x65, 0xcd, 0x1d, 0, 0, 0, 0]);
    assert.equal(readArrival(concatBytes(stamp, v4), "IPv4")?.at, (2 ** 32 + 1) * 1_000 + 500);
    assert.equal(readArrival(concatBytes(v4, record(1, 64, [1, 0, 0, 0])), "IPv4")?.at, undefined);
  });

  it("is nothing when cut anywhere, of the other family, or arbitrary", () => {
    for (let length = 0; length < v4.length - 4; length += 1) {
      assert.equal(readArrival(v4.subarray(0, length), "IPv4"), undefined);
    }
    assert.equal(readArrival(v4, "IPv6"), undefined);
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 120 }), fc.boolean(), (bytes, is4) => {
        readArrival(bytes, is4 ? "IPv4" : "IPv6");
      }),
    );
  });
});

describe("socket addresses", () => {
  it("are laid out as the kernel has them, and read back", () => {
    const one = sockaddr(address("192.0.2.1"), 3784, 7);
    assert.equal(toHex(one), "02000ec8c00002010000000000000000");
    assert.equal(addressOfSockaddr(one, "IPv4"), "192.0.2.1");
    const other = sockaddr(address("fe80::1"), 4784, 7);
    assert.equal(toHex(other), "0a0012b000000000fe80000000000000000000000000000107000000");
    assert.equal(addressOfSockaddr(other, "IPv6"), "fe80::1");
    assert.equal(addressOfSockaddr(one, "IPv6"), undefined);
  });
});
