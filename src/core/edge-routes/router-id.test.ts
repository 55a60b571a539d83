import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { address } from "#testing/values";
import { edgeRouterId } from "./router-id.ts";

const idOf = (name: string, addresses: readonly string[], virtual: readonly string[] = []) =>
  edgeRouterId({ name, addresses: addresses.map(address), virtual: new Set(virtual.map(address)) });

describe("the BGP Identifier of an edge", () => {
  it("is the lowest IPv4 address, in whatever order the kernel gives them", () => {
    const addresses = ["10.2.0.11", "10.1.0.200", "10.1.0.3", "2001:db8::1"];
    assert.equal(idOf("a", addresses), "10.1.0.3");
    assert.equal(idOf("a", [...addresses].reverse()), "10.1.0.3");
  });

  it("is none that other machines may have: loopback, link-local, virtual", () => {
    const addresses = ["127.0.0.1", "169.254.3.4", "10.0.0.100", "192.0.2.7"];
    assert.equal(idOf("a", addresses, ["10.0.0.100"]), "192.0.2.7");
  });

  it("is made from the name of a machine without IPv4, the same each time and another for others", () => {
    const id = idOf("edge-a", ["2001:db8::1"]);
    assert.match(id, /^\d+\.\d+\.\d+\.\d+$/);
    assert.equal(id, idOf("edge-a", []));
    assert.notEqual(id, idOf("edge-b", []));
  });
});
