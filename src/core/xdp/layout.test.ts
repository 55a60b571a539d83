import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { toHex } from "#base/bytes";
import { parseMac } from "#base/mac";
import { address } from "#testing/values";
import {
  encodeBackend,
  encodeServer,
  encodeService,
  encodeSettings,
  MAPS,
  readCounter,
  serviceMap,
  writeSlot,
} from "./layout.ts";

const mac = parseMac("02:00:00:00:00:0b");
const own = parseMac("02:00:00:00:00:01");

// That the program reads them so is seen in test/kernel/balance-frames.test.ts.
describe("the elements of the maps", () => {
  it("have the services in the order of the wire", () => {
    const web = { address: address("192.0.2.10"), protocol: "tcp", port: 80 } as const;
    assert.equal(toHex(encodeService(web)), "c000020a00500600");
    assert.equal(serviceMap(web), "servers4");
    const name = { address: address("2001:db8::a"), protocol: "udp", port: 53 } as const;
    assert.equal(toHex(encodeService(name)), "20010db800000000000000000000000a00351100");
    assert.equal(serviceMap(name), "servers6");
  });

  it("have numbers in the order of the CPU", () => {
    const entry = { number: 1, firstSlot: 2, slotCount: 1021, byAddressAlone: true, idleSeconds: 900 };
    assert.equal(toHex(encodeServer(entry)), "0100000002000000fd0300000100000084030000");
  });

  it("have a backend's flags and Ethernet address in one word, and none without a way", () => {
    assert.ok(mac && own);
    const link = { index: 7, mac: own, mtu: 1500 };
    assert.equal(
      toHex(encodeBackend({ id: 0x1234, mac, serving: true, link })),
      "02000000000b0300020000000001000007000000ea0500003412000000000000",
    );
    for (const lost of [
      { mac: undefined, link },
      { mac, link: undefined },
    ])
      assert.equal(
        toHex(encodeBackend({ id: 0x1234, serving: true, ...lost })),
        "00000000000002000000000000000000000000000000000034120000".padEnd(64, "0"),
      );
    const dead = encodeBackend({ id: 1, mac, serving: false, link: { ...link, mtu: 100_000 } });
    assert.deepEqual([dead[6], dead[20], dead[21]], [1, 0xff, 0xff]);
  });

  it("have two owners and flags in one word", () => {
    const part = fc.nat(0xff_ffff);
    fc.assert(
      fc.property(part, part, fc.nat(3), (owner, former, flags) => {
        const words = new Uint32Array(4);
        writeSlot(words, 1, { owner, former, flags });
        const word = (BigInt(words[3] ?? 0) << 32n) | BigInt(words[2] ?? 0);
        assert.equal(word, BigInt(owner) | (BigInt(former) << 24n) | (BigInt(flags) << 48n));
        assert.deepEqual([...words.subarray(0, 2)], [0, 0]);
      }),
    );
  });

  it("have their stated size", () => {
    assert.ok(own);
    assert.equal(
      toHex(encodeSettings({ mac: own, index: 7, places: 64, mayRedirect: true })),
      "020000000001000007000000400000000100000000000000",
    );
    assert.equal(MAPS.settings.valueSize, 24);
    const counter = Uint8Array.of(1, 0, 0, 0, 2, 0, 0, 0);
    assert.equal(readCounter(counter, 0), 2 * 2 ** 32 + 1);
  });
});
