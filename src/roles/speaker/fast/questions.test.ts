import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { IpAddress } from "#base/address";
import type { MacAddress } from "#base/mac";
import { decode as decodeArp, isProbe } from "#core/arp/packet";
import { decodePacket } from "#core/ndp/packet";
import { macOf, parsed } from "./bed.ts";
import { questionTo } from "./questions.ts";

const V4 = parsed("192.0.2.100");
const V6 = parsed("2001:db8::100");
const own = macOf(1);
const asked = (address: IpAddress, linkLocal?: IpAddress, to?: MacAddress) =>
  questionTo(address, { own, linkLocal, to });

describe("the question whether anybody has an address", () => {
  it("is a probe in ARP, so that nobody learns the asker's address wrongly (RFC 5227 §2.1.1)", () => {
    const { destination, payload } = asked(V4, parsed("fe80::1"));
    const packet = decodeArp(payload);
    assert.ok(packet.ok && isProbe(packet.value));
    assert.equal(destination, "ff:ff:ff:ff:ff:ff");
  });

  it("comes from the link's own address in Neighbour Discovery, and says where the answer is to go", () => {
    const { destination, payload } = asked(V6, parsed("fe80::1"));
    const packet = decodePacket(payload);
    assert.ok(packet.ok);
    assert.deepEqual(packet.value.message, { type: "solicitation", target: V6, mac: own });
    assert.equal(packet.value.context.source, "fe80::1");
    assert.equal(destination, "33:33:ff:00:01:00");
  });

  it("comes from nowhere while the link has no address yet that may be used (RFC 4862 §5.4.2)", () => {
    const packet = decodePacket(asked(V6).payload);
    assert.ok(packet.ok);
    assert.deepEqual(packet.value.message, { type: "solicitation", target: V6, mac: undefined });
    assert.equal(packet.value.context.source, "::");
  });

  it("goes to one machine alone if it is meant for it", () => {
    for (const address of [V4, V6])
      assert.equal(asked(address, parsed("fe80::1"), macOf(7)).destination, macOf(7));
  });
});
