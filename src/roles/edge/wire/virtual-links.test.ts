import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { sentence } from "#core/observation/sentence";
import { FakeNetlink } from "#drivers/netlink/fake";
import { virtualRouter } from "#testing/values";
import { createVirtualLinks } from "./virtual-links.ts";

const ROUTER = virtualRouter({ virtualMacInterface: "vrrp.51" });

const bench = () => {
  const netlink = new FakeNetlink([
    { index: 2, name: "eth0", mtu: 1500, up: true, carrier: true, loopback: false },
  ]);
  const said: string[] = [];
  const links = createVirtualLinks({ netlink, emit: (event) => void said.push(sentence(event).text) });
  const names = (): readonly string[] => {
    const present = netlink.links();
    return present.ok ? present.value.map(({ name }) => name) : [];
  };
  return { netlink, links, names, said: () => said.splice(0) };
};

const MADE = "interface vrrp.51 with its virtual MAC address made (00:00:5e:00:01:33)";
const GONE = "interface vrrp.51 with its virtual MAC address removed";

describe("interfaces with virtual MAC addresses", () => {
  it("are made once, and removed with their router or the program", () => {
    const { links, names, said } = bench();
    assert.deepEqual([links.apply([ROUTER]), links.apply([ROUTER])], [true, false]);
    assert.deepEqual([names(), said()], [["eth0", "vrrp.51"], [MADE]]);
    assert.equal(links.apply([]), true);
    assert.deepEqual([names(), said()], [["eth0"], [GONE]]);
    links.apply([ROUTER]);
    links.remove();
    assert.deepEqual([names(), said()], [["eth0"], [MADE, GONE]]);
  });

  it("are made again when somebody removed them", () => {
    const { links, netlink, names } = bench();
    links.apply([ROUTER]);
    netlink.removeLink(3);
    links.apply([ROUTER]);
    assert.deepEqual(names(), ["eth0", "vrrp.51"]);
  });

  it("say once what keeps them from being made", () => {
    const { links, netlink, said } = bench();
    netlink.refuseChanges("EOPNOTSUPP");
    links.apply([ROUTER]);
    links.apply([ROUTER]);
    assert.deepEqual(said(), [
      "interface vrrp.51 with its virtual MAC address failed (EOPNOTSUPP, asked to make the macvlan vrrp.51)",
    ]);
    netlink.refuseChanges(undefined);
    links.apply([ROUTER]);
    assert.deepEqual(said(), [MADE]);
  });
});
