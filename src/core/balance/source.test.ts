import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { address, virtualAddress, virtualRouter } from "#testing/values";
import type { ForwardingMode, VirtualServer } from "./model.ts";
import { onePort } from "./ports.ts";
import { createSources, type SourceInputs } from "./source.ts";

const server = (virtual: string, mode: ForwardingMode = "masquerade"): VirtualServer => ({
  ...{ name: `${mode} ${virtual}`, address: address(virtual), protocol: "tcp", ports: onePort(80), mode },
  ...{ scheduler: { type: "round-robin" }, backends: [] },
});

const outer = virtualRouter({
  ...{ name: "outer", interface: "eth0", syncGroup: "g" },
  addresses: [virtualAddress("192.0.2.10/24"), virtualAddress("192.0.2.11/24")],
});
const inner = virtualRouter({
  ...{ name: "inner", interface: "eth1", syncGroup: "g" },
  addresses: [virtualAddress("10.0.0.1")],
});
const networks = [virtualAddress("192.0.2.1/24"), virtualAddress("10.0.0.251/24")];

const sourceOf = (inputs: Partial<SourceInputs>, virtual = "192.0.2.10", backend = "10.0.0.21") => {
  const given = { routers: [outer, inner], servers: [], networks, nextHop: () => address("10.0.0.21") };
  return createSources({ ...given, ...inputs })(server(virtual), address(backend));
};

describe("the source of masqueraded connections", () => {
  it("is the virtual address on the backend's network that moves with the server's", () => {
    assert.equal(sourceOf({}), "10.0.0.1");
    assert.equal(sourceOf({ nextHop: () => address("192.0.2.254") }), "192.0.2.10", "behind a gateway");
  });

  it("is the server's own address where the backend is on its network", () => {
    assert.equal(sourceOf({ nextHop: (to) => to }, "192.0.2.11", "192.0.2.21"), "192.0.2.11");
    assert.equal(sourceOf({ networks: [], nextHop: (to) => to }, "192.0.2.10", "192.0.2.21"), "192.0.2.10");
  });

  it("is no address that may be elsewhere, on another network, or of the other family", () => {
    const alone = { ...inner, syncGroup: "h" };
    assert.equal(sourceOf({ routers: [outer, alone] }), undefined);
    assert.equal(sourceOf({ networks: networks.slice(0, 1) }), undefined);
    assert.equal(sourceOf({ nextHop: () => undefined }), undefined);
    assert.equal(sourceOf({ routers: [] }), undefined);
    const six = virtualRouter({
      ...{ name: "six", interface: "eth1", syncGroup: "g", family: "IPv6" },
      addresses: [virtualAddress("fd00::1/64")],
    });
    assert.equal(sourceOf({ routers: [outer, six] }), undefined);
  });

  it("is no address where a dsr server would take the answers", () => {
    assert.equal(sourceOf({ servers: [server("10.0.0.1", "dsr")] }), undefined);
    assert.equal(sourceOf({ servers: [server("10.0.0.1"), server("10.0.0.2", "dsr")] }), "10.0.0.1");
    const udp: VirtualServer = { ...server("10.0.0.1", "dsr"), protocol: "udp" };
    assert.equal(sourceOf({ servers: [udp] }), "10.0.0.1");
  });

  it("is no address that the backend holds itself for a dsr server, of whatever protocol", () => {
    const held = (backend: string): VirtualServer => ({
      ...server("10.0.0.1", "dsr"),
      protocol: "udp",
      backends: [{ name: "w1", address: address(backend), weight: 1 }],
    });
    assert.equal(sourceOf({ servers: [held("10.0.0.21")] }), undefined);
    assert.equal(sourceOf({ servers: [held("10.0.0.22")] }), "10.0.0.1", "another backend does");
    const two = { ...inner, addresses: [virtualAddress("10.0.0.1"), virtualAddress("10.0.0.2")] };
    assert.equal(sourceOf({ routers: [outer, two], servers: [held("10.0.0.21")] }), "10.0.0.2");
  });
});
