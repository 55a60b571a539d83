import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type IpAddress, parseAddress } from "#base/address";
import { lonePriority, rankedPriority, UNKNOWN_PRIORITY } from "./ranks.ts";

const address = (text: string): IpAddress => parseAddress(text) ?? assert.fail(text);
const hosts = (count: number): readonly IpAddress[] =>
  Array.from({ length: count }, (_, index) => address(`192.0.2.${index + 1}`));

describe("rankedPriority", () => {
  it("follows the order of the addresses as numbers, not as text", () => {
    const peers = ["192.0.2.10", "192.0.2.9", "192.0.2.100"].map(address);
    assert.deepEqual(
      peers.map((own) => rankedPriority(own, peers)),
      [225, 250, 200],
    );
  });

  it("is the same whether or not a host lists itself, and in whichever order", () => {
    const [a = address(""), b = address(""), c = address("")] = hosts(3);
    assert.equal(rankedPriority(b, [a, b, c]), rankedPriority(b, [c, a]));
  });

  it("is another for each host, above that of a host that does not know itself, for as many as may be listed", () => {
    for (let count = 1; count <= 65; count += 1) {
      const all = hosts(count);
      const priorities = all.map((own) => rankedPriority(own, all));
      assert.equal(new Set(priorities).size, count);
      assert(Math.min(...priorities) > UNKNOWN_PRIORITY, String(count));
      assert(Math.max(...priorities) <= 254);
    }
  });

  it("does not change for the hosts before one that comes behind them, so that growing a cluster moves nothing", () => {
    const before = hosts(3);
    const after = hosts(5);
    for (const own of before) assert.equal(rankedPriority(own, before), rankedPriority(own, after));
  });
});

describe("lonePriority", () => {
  it("tells all hosts of a /24 apart", () => {
    const all = hosts(254).map(lonePriority);
    assert.equal(new Set(all).size, 254);
    assert(Math.min(...all) >= 1 && Math.max(...all) <= 254);
  });

  it("takes the end of an IPv6 address", () => {
    assert.notEqual(lonePriority(address("2001:db8::1")), lonePriority(address("2001:db8::2")));
    assert(lonePriority(address("2001:db8::ffff:ffff")) >= 1);
  });
});
