import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { parseAddress } from "#base/address";
import { contains, formatInterfaceAddress, networkOf } from "#base/prefix";
import { numberToAddress, parseBlocks, sizeOf } from "#core/ipam/block";
import { readConfiguration } from "#core/metallb/read";
import { bgp, peer, pool } from "#core/metallb/test-objects";
import { acceptedBy, prefixesOf } from "./prefixes.ts";

const prefixes = (text: string): readonly string[] => {
  const read = parseBlocks(text);
  assert.ok(read.ok);
  return read.blocks.flatMap(prefixesOf).map(formatInterfaceAddress);
};

const accepted = (
  objects: readonly unknown[],
  families: readonly ("IPv4" | "IPv6")[] = ["IPv4"],
): readonly string[] => {
  const read = readConfiguration({ objects, namespaces: new Map() });
  assert.ok(read.ok);
  return acceptedBy(read.configuration, { peer: "tor", families }).map(
    ({ network, length }) => `${formatInterfaceAddress(network)} ${length}`,
  );
};

describe("the prefixes of a block", () => {
  it("are the fewest that hold its addresses and no others", () => {
    assert.deepEqual(prefixes("192.0.2.0/24"), ["192.0.2.0/24"]);
    assert.deepEqual(prefixes("192.0.2.10-192.0.2.20"), [
      "192.0.2.10/31",
      "192.0.2.12/30",
      "192.0.2.16/30",
      "192.0.2.20/32",
    ]);
    assert.deepEqual(prefixes("2001:db8::1-2001:db8::1"), ["2001:db8::1/128"]);
    assert.deepEqual(prefixes("0.0.0.0-255.255.255.255"), ["0.0.0.0/0"]);
    assert.equal(prefixes("::1-ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffe").length, 254);
  });

  it("hold as many addresses as the block, side by side", () => {
    const byte = fc.integer({ min: 0, max: 2 ** 32 - 1 });
    fc.assert(
      fc.property(byte, byte, (one, other) => {
        const [first, last] = [BigInt(Math.min(one, other)), BigInt(Math.max(one, other))];
        const block = { family: "IPv4", first, last } as const;
        const found = prefixesOf(block);
        const total = found.reduce((sum, { prefixLength }) => sum + (1n << BigInt(32 - prefixLength)), 0n);
        assert.equal(total, sizeOf(block));
        assert.equal(found[0]?.address, numberToAddress("IPv4", first));
        for (const prefix of found) assert.deepEqual(networkOf(prefix), prefix);
      }),
    );
  });
});

describe("what a router accepts", () => {
  it("is each length that an advertisement has, of the pools that it means", () => {
    const objects = [
      pool("web"),
      pool("other", { addresses: ["198.51.100.0/24"] }),
      bgp("hosts", { ipAddressPools: ["web"] }),
      bgp("halves", { ipAddressPools: ["web"], aggregationLength: 25 }),
      peer("tor"),
    ];
    assert.deepEqual(accepted(objects), ["192.0.2.0/24 25", "192.0.2.0/24 32"]);
  });

  it("is nothing of advertisements for other peers, nor of families that the session does not carry", () => {
    const objects = [
      pool("web", { addresses: ["192.0.2.0/24", "2001:db8::/64"] }),
      bgp("others", { peers: ["another"] }),
      peer("tor"),
    ];
    assert.deepEqual(accepted(objects), []);
    const all = [...objects, bgp("all")];
    assert.deepEqual(accepted(all, ["IPv6"]), ["2001:db8::/64 128"]);
    assert.deepEqual(accepted(all, ["IPv4", "IPv6"]), ["192.0.2.0/24 32", "2001:db8::/64 128"]);
  });

  it("holds the announcement of every address of a range, at its edges too", () => {
    const objects = [
      pool("web", { addresses: ["192.0.2.10-192.0.2.200"] }),
      bgp("all", { aggregationLength: 28 }),
      peer("tor"),
    ];
    const found = accepted(objects).map((text) => text.split(" "));
    for (let last = 10; last <= 200; last += 1) {
      const address = parseAddress(`192.0.2.${last}`);
      assert.ok(address !== undefined);
      const isAccepted = found.some(([network = "", length]) => {
        const [base = "", bits] = network.split("/");
        const parsed = parseAddress(base);
        return (
          parsed !== undefined &&
          contains({ address: parsed, prefixLength: Number(bits) }, address) &&
          length === "28"
        );
      });
      assert.ok(isAccepted, address);
    }
  });
});
