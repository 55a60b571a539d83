import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { parseMac } from "#base/mac";
import { parseInterfaceAddress } from "#base/prefix";
import { type Bench, netlinkContract } from "./contract.ts";
import { FakeNetlink } from "./fake.ts";
import type { Link, NetlinkChange } from "./port.ts";

const LOOPBACK: Link = { index: 1, name: "lo", mtu: 65536, up: true, carrier: true, loopback: true };

const ethernet = (): Link => {
  const mac = parseMac("02:00:00:00:00:0a");
  assert.ok(mac);
  return { index: 2, name: "edge0", mac, mtu: 1500, up: true, carrier: true, loopback: false };
};

const openBench = (): Bench => {
  const link = ethernet();
  const netlink = new FakeNetlink([LOOPBACK, link]);
  return {
    netlink,
    linkIndex: link.index,
    linkName: link.name,
    setUp: (up) => netlink.setLink({ ...link, up, carrier: up }),
    setCarrier: (carrier) => netlink.setLink({ ...link, carrier }),
    addForeign: (address) =>
      netlink.setAddress({
        ...address,
        linkIndex: link.index,
        tentative: address.address.includes(":"),
        duplicate: false,
      }),
    removeForeign: (address) => netlink.dropAddress({ linkIndex: link.index, address }),
    changeSetting: () => netlink.changeSetting(),
    deleteLink: () => netlink.removeLink(link.index),
    close: () => netlink.close(),
  };
};

netlinkContract("fake", openBench);

describe("the fake kernel's own levers", () => {
  it("prefers the longest route and says the gateway", () => {
    const netlink = new FakeNetlink([LOOPBACK, ethernet()]);
    const [any, some, gateway] = ["0.0.0.0/0", "198.51.100.0/24", "192.0.2.1"].map(parseInterfaceAddress);
    assert.ok(any && some && gateway);
    netlink.setRoute(any, { linkIndex: 1 });
    netlink.setRoute(some, { linkIndex: 2, gateway: gateway.address });
    const route = netlink.routeTo(some.address);
    assert.deepEqual(route, { ok: true, value: { linkIndex: 2, gateway: gateway.address } });
  });

  it("refuses changes with the errno it was told, until told otherwise", () => {
    const netlink = new FakeNetlink([ethernet()]);
    const address = parseInterfaceAddress("192.0.2.10/32");
    assert.ok(address);
    netlink.refuseChanges("EPERM");
    const refused = netlink.addAddress({ linkIndex: 2, address });
    assert.equal(!refused.ok && refused.error.code, "EPERM");
    netlink.refuseChanges(undefined);
    assert.deepEqual(netlink.addAddress({ linkIndex: 2, address }), { ok: true, value: "added" });
  });

  it("tells subscribers of an overrun", async () => {
    const netlink = new FakeNetlink();
    const seen: NetlinkChange[] = [];
    netlink.subscribe((change) => seen.push(change));
    netlink.overrun();
    assert.deepEqual(seen, []);
    await Promise.resolve();
    assert.deepEqual(seen, [{ type: "overrun" }]);
  });
});
