import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type IpAddress, parseAddress } from "#base/address";
import { ELSEWHERE, ownAddress, type Seat } from "./host.ts";

const address = (text: string): IpAddress => parseAddress(text) ?? assert.fail(text);
const on =
  (...texts: readonly string[]) =>
  (name: string): readonly IpAddress[] =>
    name === "eth0" ? texts.map(address) : [];

const SEAT: Seat = {
  ...{ interface: "eth0", family: "IPv4", virtual: new Set([address("192.0.2.10")]) },
  peers: [address("192.0.2.1"), address("192.0.2.2")],
};

describe("ownAddress", () => {
  it("is the one that the hosts' list has, wherever the kernel lists it", () => {
    assert.equal(ownAddress(on("198.51.100.9", "192.0.2.2"), SEAT), "192.0.2.2");
  });

  it("is the interface's first where the list has none", () => {
    assert.equal(ownAddress(on("192.0.2.7", "192.0.2.8"), SEAT), "192.0.2.7");
  });

  it("is never the address that moves, although the interface may carry it", () => {
    assert.equal(ownAddress(on("192.0.2.10", "192.0.2.7"), SEAT), "192.0.2.7");
    assert.equal(ownAddress(on("192.0.2.10"), SEAT), undefined);
  });

  it("is a global one for IPv6, and a link-local one where there is no other", () => {
    const seat: Seat = { ...SEAT, family: "IPv6", peers: [] };
    assert.equal(ownAddress(on("fe80::1", "2001:db8::7", "192.0.2.7"), seat), "2001:db8::7");
    assert.equal(ownAddress(on("fe80::1"), seat), "fe80::1");
  });

  it("is unknown elsewhere, and while the interface has none", () => {
    assert.equal(ownAddress(ELSEWHERE, SEAT), undefined);
    assert.equal(ownAddress(on("2001:db8::7"), SEAT), undefined);
  });
});
