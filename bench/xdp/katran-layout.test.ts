import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { addressBytes } from "#base/address";
import { concatBytes, toHex } from "#base/bytes";
import { encapsulatedFor, KATRAN_MAPS, realValue, vipKey, vipValue, writeFlowKey } from "./katran-layout.ts";
import { backendAddress, type Family, frame } from "./packets.ts";

const bytes = (hex: string): Uint8Array => Uint8Array.from(Buffer.from(hex.replaceAll(" ", ""), "hex"));

describe("what Katran's maps hold", () => {
  it("names a virtual address by address, port and protocol, in network order", () => {
    assert.equal(toHex(vipKey("IPv4", 80)), `0a020064${"00".repeat(12)}0050 0600`.replaceAll(" ", ""));
    assert.equal(toHex(vipKey("IPv6", 80)), `fd02${"00".repeat(12)}01000050 0600`.replaceAll(" ", ""));
  });

  it("tells by a flag whether connections are remembered", () => {
    assert.equal(toHex(vipValue(1, "remembers")), "0000000001000000");
    assert.equal(toHex(vipValue(1, "bypasses")), "0200000001000000");
  });

  it("marks the backends that have an IPv6 address", () => {
    const [four, six] = (["IPv4", "IPv6"] as const).map((family) =>
      realValue(family, backendAddress(family, 3)),
    );
    assert.deepEqual([four?.[16], six?.[16], six?.length], [0, 1, KATRAN_MAPS.reals.valueSize]);
  });

  it("finds a connection by client, virtual address, ports and protocol", () => {
    const key = new Uint8Array(2 * 40);
    writeFlowKey(key, 40, { family: "IPv4", port: 80, flow: 257 });
    assert.equal(toHex(key.subarray(0, 40)), "00".repeat(40));
    const expected = [
      "0a010001",
      "00".repeat(12),
      "0a020064",
      "00".repeat(12),
      "0401",
      "0050",
      "06",
      "000000",
    ];
    assert.equal(toHex(key.subarray(40)), expected.join(""));
  });
});

describe("a frame that Katran sent", () => {
  const outer = {
    IPv4: `4500 003c 0000 0000 4004 c361 ac10 0400 0a02 0105`,
    IPv6: `6000 0000 003c 2940 0100 ${"0000 ".repeat(7)} fd02 ${"0000 ".repeat(5)} 0001 0005`,
  } as const;
  const encapsulate = (family: Family, router = "02000000000b"): Uint8Array => {
    const sent = frame({ family, port: 80, bits: 0 });
    const type = family === "IPv4" ? "0800" : "86dd";
    return concatBytes(bytes(`${router} 020000000001 ${type} ${outer[family]}`), sent.subarray(14));
  };

  for (const family of ["IPv4", "IPv6"] as const) {
    const sent = frame({ family, port: 80, bits: 0 });

    it(`goes to the router, with the whole packet in one for the backend, ${family}`, () => {
      const target = encapsulatedFor(encapsulate(family), sent, family);
      assert.deepEqual(target, addressBytes(backendAddress(family, 5)));
    });

    it(`is nothing else: not the packet as it came, nor one for somebody else, ${family}`, () => {
      assert.equal(encapsulatedFor(sent, sent, family), undefined);
      assert.equal(encapsulatedFor(encapsulate(family, "02000000000c"), sent, family), undefined);
      const foreign = encapsulate(family);
      foreign[foreign.length - 21] = 0xff;
      assert.equal(encapsulatedFor(foreign, sent, family), undefined);
    });
  }
});
