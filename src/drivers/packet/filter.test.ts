import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { addressFromBytes, type IpAddress, isIpv4 } from "#base/address";
import { macFromBytes } from "#base/mac";
import { encode as encodeArp, gratuitous } from "#core/arp/packet";
import { encode as encodeNdp, unsolicited } from "#core/ndp/packet";
import { arpFilter, ndpFilter } from "./filter.ts";

/** Runs a program of the three instructions that the filters use, as the kernel would; gives the accepted bytes. */
const interpret = (program: Uint8Array, packet: Uint8Array): number => {
  const code = new DataView(program.buffer);
  const data = new DataView(packet.buffer, packet.byteOffset, packet.byteLength);
  let accumulator = 0;
  for (let at = 0; at < program.length; at += 8) {
    const constant = code.getUint32(at + 4, true);
    switch (code.getUint16(at, true)) {
      case 0x20:
        // The kernel ends the program with 0 when a load goes beyond the packet.
        if (constant + 4 > packet.length) return 0;
        accumulator = data.getUint32(constant);
        break;
      case 0x15:
        at += 8 * code.getUint8(at + (accumulator === constant ? 2 : 3));
        break;
      case 0x06:
        return constant;
      default:
        assert.fail("unknown instruction");
    }
  }
  return assert.fail("the program has no end");
};

const mac = macFromBytes(Uint8Array.of(2, 0, 0, 0, 0, 1));
const arpClaim = (address: IpAddress): Uint8Array => {
  assert.ok(isIpv4(address));
  return encodeArp(gratuitous("request", { mac, address }));
};
const ndpClaim = (address: IpAddress): Uint8Array => {
  const { message, context } = unsolicited({ mac, address, router: false });
  return encodeNdp(message, context);
};

/** Few values a byte, so that addresses often agree in some of their words. */
const addressOf = (length: 4 | 16) =>
  fc
    .array(fc.nat(1), { minLength: length, maxLength: length })
    .map((bits) => addressFromBytes(Uint8Array.from(bits)));

describe("filters", () => {
  for (const { name, length, filter, claim } of [
    { name: "ARP", length: 4, filter: arpFilter, claim: arpClaim },
    { name: "Neighbour Discovery", length: 16, filter: ndpFilter, claim: ndpClaim },
  ] as const) {
    it(`pass exactly the watched addresses in ${name}`, () => {
      fc.assert(
        fc.property(fc.array(addressOf(length), { maxLength: 12 }), addressOf(length), (watched, address) => {
          const accepted = interpret(filter(watched), claim(address));
          assert.equal(accepted > 0, watched.includes(address));
        }),
      );
    });

    it(`refuse truncated packets in ${name} and stay below the kernel's 4096 instructions`, () => {
      const many = Array.from({ length: 255 }, (_, index) => {
        const bytes = new Uint8Array(length);
        bytes[length - 1] = index;
        return addressFromBytes(bytes);
      });
      const program = filter(many);
      assert.ok(program.length / 8 <= 4_096);
      const [first] = many;
      assert.ok(first !== undefined);
      for (let size = 0; size < 8 + length; size += 1) {
        assert.equal(interpret(program, claim(first).slice(0, size)), 0);
      }
    });
  }
});
