import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type MacAddress, parseMac } from "#base/mac";
import type { Link } from "#core/netlink/link";
import { virtualRouter, vrid } from "#testing/values";
import { planVirtualLinks, virtualMacOf } from "./virtual-mac.ts";

const mac = (text: string): MacAddress => parseMac(text) ?? assert.fail(text);

const ETH0: Link = { index: 2, name: "eth0", mtu: 1500, up: true, carrier: true, loopback: false };
const ROUTER = virtualRouter({ virtualMacInterface: "vrrp.51" });
const OURS: Link = {
  ...{ index: 7, name: "vrrp.51", mtu: 1500, up: false, carrier: true, loopback: false },
  ...{ kind: "macvlan", lower: 2, alias: "steelyard virtual router v51", mac: mac("00:00:5e:00:01:33") },
};

/** What a plan does, in words. */
const words = ({ remove, make, blocked }: ReturnType<typeof planVirtualLinks>): readonly string[] => [
  ...remove.map(({ index }) => `remove ${index}`),
  ...make.map(({ name, lower, mac: own }) => `make ${name} on ${lower} with ${own}`),
  ...blocked.map(({ name }) => `blocked ${name}`),
];

const MAKE = "make vrrp.51 on 2 with 00:00:5e:00:01:33";

describe("the interface of a virtual MAC address", () => {
  it("has the address of RFC 9568 §7.3", () => {
    assert.equal(virtualMacOf("IPv4", vrid(51)), "00:00:5e:00:01:33");
    assert.equal(virtualMacOf("IPv6", vrid(255)), "00:00:5e:00:02:ff");
  });

  for (const [title, routers, links, plan] of [
    ["is made when it is missing", [ROUTER], [ETH0], [MAKE]],
    ["stays when it is right, up or down", [ROUTER], [ETH0, { ...OURS, up: true }], []],
    ["is made when its router's interface appears, not before", [ROUTER], [], []],
    ["goes with its router", [], [ETH0, OURS], ["remove 7"]],
    ["goes when its router wants no more of it", [virtualRouter()], [ETH0, OURS], ["remove 7"]],
    [
      "is made anew on another interface",
      [ROUTER],
      [{ ...ETH0, index: 3 }, OURS],
      ["remove 7", MAKE.replace("on 2", "on 3")],
    ],
    [
      "is made anew when somebody changed its address",
      [ROUTER],
      [ETH0, { ...OURS, mac: mac("02:00:00:00:00:01") }],
      ["remove 7", MAKE],
    ],
    ["is left alone when it is not ours", [ROUTER], [ETH0, { ...OURS, alias: "mine" }], ["blocked vrrp.51"]],
    [
      "is left alone when it is no macvlan",
      [ROUTER],
      [ETH0, { ...OURS, kind: "bridge" }],
      ["blocked vrrp.51"],
    ],
  ] as const) {
    it(title, () => assert.deepEqual(words(planVirtualLinks(routers, links)), plan));
  }

  it("is planned once: after it was made there is nothing to do", () => {
    const [made] = planVirtualLinks([ROUTER], [ETH0]).make;
    assert.ok(made !== undefined);
    const { alias, lower } = made;
    assert.deepEqual(words(planVirtualLinks([ROUTER], [ETH0, { ...OURS, alias, lower, mac: made.mac }])), []);
  });
});
