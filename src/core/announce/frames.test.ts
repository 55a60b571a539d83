import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { addressFromBytes, parseAddress } from "#base/address";
import { parseMac } from "#base/mac";
import { decode as decodeArp } from "#core/arp/packet";
import { decode as decodeNdp } from "#core/ndp/packet";
import { framesFor } from "./frames.ts";

const mac = parseMac("02:00:00:00:00:01");
const v4 = parseAddress("192.0.2.10");
const v6 = parseAddress("2001:db8::10");
assert.ok(mac !== undefined && v4 !== undefined && v6 !== undefined);

describe("announcement frames", () => {
  it("are a broadcast request and a broadcast reply for IPv4", () => {
    const frames = framesFor({ address: v4, mac, router: true });
    const packets = frames.map(({ payload }) => decodeArp(payload));
    assert.deepEqual(
      packets.map((packet) => packet.ok && [packet.value.operation, packet.value.senderMac]),
      [
        ["request", mac],
        ["reply", mac],
      ],
    );
    assert.ok(
      packets.every((packet) => packet.ok && packet.value.senderAddress === packet.value.targetAddress),
    );
    assert.ok(frames.every(({ destination }) => destination === "ff:ff:ff:ff:ff:ff"));
  });

  it("are one advertisement to all nodes for IPv6, with the router flag as it was given (RFC 4861 §7.2.6)", () => {
    for (const router of [true, false]) {
      const frames = framesFor({ address: v6, mac, router });
      assert.deepEqual(
        frames.map(({ destination }) => destination),
        ["33:33:00:00:00:01"],
      );
      const packet = frames[0]?.payload ?? new Uint8Array(0);
      const message = decodeNdp(packet.subarray(40), {
        source: addressFromBytes(packet.subarray(8, 24)),
        destination: addressFromBytes(packet.subarray(24, 40)),
        hopLimit: packet[7] ?? 0,
      });
      assert.deepEqual(message, {
        ok: true,
        value: { type: "advertisement", target: v6, mac, router, solicited: false, override: true },
      });
    }
  });
});
