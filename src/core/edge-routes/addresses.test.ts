import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { VirtualServer } from "#core/balance/model";
import { onePort } from "#core/balance/ports";
import { NOTHING_DESIRED } from "#core/config/desired";
import { address, virtualAddress, virtualRouter } from "#testing/values";
import { loopbackAddresses, routedAddresses } from "./addresses.ts";
import type { EdgeRoute } from "./route.ts";

const server = (name: string, at: string): VirtualServer => ({
  ...{ name, address: address(at), protocol: "tcp", ports: onePort(80), mode: "dsr" },
  ...{ scheduler: { type: "round-robin" }, backends: [] },
});

const route = (...servers: readonly string[]): EdgeRoute => ({
  ...{ name: "192.0.2.0/24", servers },
  route: { prefix: { address: address("192.0.2.0"), prefixLength: 24 }, targets: [] },
});

const DESIRED = {
  ...NOTHING_DESIRED,
  servers: [
    server("b", "192.0.2.9"),
    server("a", "192.0.2.1"),
    server("c", "192.0.2.1"),
    server("d", "192.0.2.5"),
  ],
  routes: [route("a", "b", "c")],
};

describe("addresses that packets are routed to", () => {
  it("are those of servers in some route, each once", () => {
    assert.deepEqual(routedAddresses(DESIRED), ["192.0.2.1", "192.0.2.9"]);
  });

  it("are on the loopback interface unless a virtual router brings them", () => {
    const routers = [virtualRouter({ name: "front", addresses: [virtualAddress("192.0.2.9/24")] })];
    assert.deepEqual(loopbackAddresses({ ...DESIRED, routers }), ["192.0.2.1"]);
  });
});
