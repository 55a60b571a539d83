import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { macFromBytes } from "#base/mac";
import { parseInterfaceAddress } from "#base/prefix";
import { STEELYARD_ADDRESS_PROTOCOL } from "#core/netlink/address";
import { FakeNetlink } from "#drivers/netlink/fake";
import type { Link, LinkAddress } from "#drivers/netlink/port";
import { address } from "#testing/values";
import { Places } from "./probes-links.ts";

const link = (index: number, more: Partial<Link> = {}): Link => ({
  ...{ index, name: `eth${index}`, mac: macFromBytes(Uint8Array.of(2, 0, 0, 0, 0, index)), mtu: 1500 },
  ...{ up: true, carrier: true, loopback: false },
  ...more,
});

const own = (linkIndex: number, text: string, more: Partial<LinkAddress> = {}): LinkAddress => ({
  ...(parseInterfaceAddress(text) ?? assert.fail(text)),
  ...{ linkIndex, tentative: false, duplicate: false },
  ...more,
});

const placesOf = (links: readonly Link[], addresses: readonly LinkAddress[]) => {
  const netlink = new FakeNetlink(links);
  for (const each of addresses) netlink.setAddress(each);
  const places = new Places(netlink);
  assert.ok(places.look());
  const from = (text: string): string => {
    const place = places.of(address(text));
    return place === undefined ? "nowhere" : `${place.link.name} ${place.source}`;
  };
  return { netlink, places, from };
};

describe("where an address is asked for", () => {
  it("is the link that carries its network, by the longest prefix, from this node's address there", () => {
    const { from } = placesOf(
      [link(1), link(2)],
      [own(1, "10.0.0.1/8"), own(2, "10.1.0.1/16"), own(2, "2001:db8::1/64"), own(1, "fe80::1/64")],
    );
    assert.equal(from("10.1.2.3"), "eth2 10.1.0.1");
    assert.equal(from("10.2.2.3"), "eth1 10.0.0.1");
    assert.equal(from("2001:db8::9"), "eth2 2001:db8::1");
    assert.equal(from("2001:db8:1::9"), "nowhere");
    assert.equal(from("192.0.2.1"), "nowhere");
  });

  it("is not from an address that is not this node's for sure, or of our making, or alone in its network", () => {
    for (const more of [
      { tentative: true },
      { duplicate: true },
      { protocol: STEELYARD_ADDRESS_PROTOCOL },
      { prefixLength: 32 },
    ]) {
      assert.equal(placesOf([link(1)], [own(1, "192.0.2.1/24", more)]).from("192.0.2.9"), "nowhere");
    }
    // What this node has itself it does not ask for.
    assert.equal(placesOf([link(1)], [own(1, "192.0.2.1/24")]).from("192.0.2.1"), "nowhere");
  });

  it("is no link that cannot speak", () => {
    for (const more of [
      { up: false },
      { carrier: false },
      { loopback: true },
      { master: 7, masterKind: "bridge" },
      { kind: "dummy" },
    ]) {
      assert.equal(placesOf([link(1, more)], [own(1, "192.0.2.1/24")]).from("192.0.2.9"), "nowhere");
    }
    const { mac: _, ...tunnel } = link(1);
    assert.equal(placesOf([tunnel], [own(1, "192.0.2.1/24")]).from("192.0.2.9"), "nowhere");
  });

  it("is the link of the default route for an address in no network of this node", () => {
    const { netlink, places, from } = placesOf(
      [link(1), link(2)],
      [own(1, "192.0.2.1/24"), own(2, "198.18.0.1/15"), own(2, "198.18.0.2/15")],
    );
    assert.equal(from("203.0.113.9"), "nowhere");
    const everywhere = parseInterfaceAddress("0.0.0.0/0") ?? assert.fail();
    netlink.setRoute(everywhere, {
      linkIndex: 2,
      gateway: address("198.18.0.254"),
      source: address("198.18.0.2"),
    });
    assert.ok(places.look());
    assert.equal(from("203.0.113.9"), "eth2 198.18.0.2");
    assert.equal(from("192.0.2.9"), "eth1 192.0.2.1");
    assert.ok(places.has({ index: 2, name: "eth2" }) && !places.has({ index: 2, name: "eth3" }));
  });

  it("stays what it was while the kernel does not answer", () => {
    const { netlink, places, from } = placesOf([link(1)], [own(1, "192.0.2.1/24")]);
    netlink.links = () => ({ ok: false, error: { code: "timeout", request: "list links" } });
    assert.equal(places.look(), false);
    assert.equal(from("192.0.2.9"), "eth1 192.0.2.1");
  });
});
