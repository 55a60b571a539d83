import assert from "node:assert/strict";
import { describe, it, mock } from "node:test";
import type { VirtualServer } from "#core/balance/model";
import { onePort } from "#core/balance/ports";
import { FakeNetlink } from "#drivers/netlink/fake";
import { peerWord, routeWord } from "#testing/bgp-words";
import { address, virtualAddress, virtualRouter } from "#testing/values";
import { createPaths } from "./paths.ts";

const link = (index: number, name: string) => ({
  ...{ index, name, mtu: 1500, up: true, carrier: true, loopback: false },
});

const kernel = (): FakeNetlink => {
  const netlink = new FakeNetlink([link(2, "eth0"), link(3, "eth1")]);
  const usable = { tentative: false, duplicate: false };
  netlink.setAddress({ ...virtualAddress("192.0.2.1/24"), linkIndex: 2, ...usable });
  netlink.setAddress({ ...virtualAddress("198.51.100.1/24"), linkIndex: 3, ...usable });
  netlink.setRoute(virtualAddress("203.0.113.0/24"), { linkIndex: 3, gateway: address("198.51.100.254") });
  return netlink;
};

const settle = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve));

describe("paths", () => {
  it("come in where a router holds the address, else where its network is", () => {
    const paths = createPaths(kernel(), () => {});
    const routers = [
      virtualRouter({ interface: "eth1", addresses: [virtualAddress("192.0.2.100/24")] }),
      virtualRouter({ interface: "gone", addresses: [virtualAddress("192.0.2.101/24")] }),
    ];
    assert.deepEqual(paths.ingress(address("192.0.2.100"), routers), ["eth1"]);
    assert.deepEqual(paths.ingress(address("192.0.2.101"), routers), [], "its interface does not exist");
    assert.deepEqual(paths.ingress(address("192.0.2.102"), routers), ["eth0"]);
    assert.deepEqual(paths.ingress(address("10.0.0.1"), routers), []);
  });

  it("lead to connected neighbours only; through a gateway only the settings follow them", () => {
    const paths = createPaths(kernel(), () => {});
    assert.equal(paths.egress(address("198.51.100.7")), "eth1");
    assert.equal(paths.egress(address("203.0.113.7")), undefined);
    assert.equal(paths.egress(address("10.0.0.1")), undefined);
    assert.equal(paths.host([]).egress(address("203.0.113.7")), "eth1");
    assert.deepEqual(paths.host([]).interfaces, ["eth0", "eth1"]);
  });

  it("come in from BGP peers too, for addresses that these are told of", () => {
    const paths = createPaths(kernel(), () => {});
    const web: VirtualServer = {
      ...{ name: "web", address: address("10.0.0.1"), protocol: "tcp", ports: onePort(80), mode: "dsr" },
      ...{ scheduler: { type: "round-robin" }, backends: [] },
    };
    paths.route({
      peers: [peerWord("tor", { neighbor: { type: "address", address: address("198.51.100.7") } })],
      servers: [web, { ...web, name: "near", address: address("192.0.2.102") }],
      routes: [
        { name: "10.0.0.1/32", servers: ["web"], route: routeWord("10.0.0.1/32", "tor") },
        { name: "192.0.2.102/32", servers: ["near"], route: routeWord("192.0.2.102/32", "tor") },
      ],
    });
    assert.deepEqual(paths.ingress(address("10.0.0.1"), []), ["eth1"]);
    assert.deepEqual(paths.ingress(address("192.0.2.102"), []), ["eth0", "eth1"]);
    assert.deepEqual(paths.ingress(address("10.0.0.2"), []), []);
  });

  it("are asked for again after a change, which is told once for many", async () => {
    mock.timers.enable({ apis: ["setTimeout"] });
    const netlink = kernel();
    let told = 0;
    const paths = createPaths(netlink, () => {
      told += 1;
    });
    assert.equal(paths.egress(address("198.51.100.7")), "eth1");
    netlink.removeLink(3);
    netlink.setLink({ ...link(2, "eth0"), mtu: 1400 });
    await settle();
    assert.equal(paths.egress(address("198.51.100.7")), undefined);
    mock.timers.tick(49);
    assert.equal(told, 0);
    mock.timers.tick(1);
    assert.equal(told, 1);
    mock.timers.reset();
  });
});
