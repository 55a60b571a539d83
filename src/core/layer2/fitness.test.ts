import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { IpAddress } from "#base/address";
import { parseInterfaceAddress } from "#base/prefix";
import { address } from "#testing/values";
import { type Fitness, Networks, networksOf } from "./fitness.ts";

const link = (name: string, ...texts: readonly string[]): Fitness["links"][number] => ({
  name,
  addresses: texts.flatMap((text) => parseInterfaceAddress(text) ?? []),
});

describe("networks of nodes", () => {
  const eth0 = link("eth0", "192.0.2.11/24", "2001:db8::b/64");
  const eth1 = link("eth1", "192.0.2.129/25", "203.0.113.7/32", "2001:db8:1::1/128");
  const networks = new Networks([{ links: [eth0] }, { links: [eth1] }]);
  const around = (text: string): readonly string[] => networks.around(address(text));

  it("are found around an address, the narrower and the wider", () => {
    assert.equal(around("192.0.2.200").length, 2);
    assert.deepEqual(around("192.0.2.5"), [networksOf(eth0)[0]]);
    assert.deepEqual(around("2001:db8::ffff"), [networksOf(eth0)[1]]);
    assert.deepEqual(around("192.0.3.5"), []);
    assert.deepEqual(around("2001:db8:0:1::1"), []);
  });

  it("do not include an address that an interface has to itself, as one that we bound would be", () => {
    assert.deepEqual(around("203.0.113.7"), []);
    assert.deepEqual(around("2001:db8:1::1"), []);
    assert.equal(networksOf(eth1).length, 1);
  });

  it("are the same for every address of them", () => {
    const key = around("192.0.2.1").join();
    for (let host = 0; host < 128; host += 1) assert.equal(around(`192.0.2.${host}`).join(), key);
  });

  it("are none while nothing is reported", () => {
    assert.deepEqual(new Networks([]).around("192.0.2.1" as IpAddress), []);
  });
});
