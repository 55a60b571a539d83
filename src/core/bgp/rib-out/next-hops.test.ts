import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { address } from "#testing/values";
import { nextHopsOf } from "./next-hops.ts";

const hops = (local: string, linkAddresses: readonly string[], hasExtendedNextHop = false) => {
  const { IPv4, IPv6 } = nextHopsOf({
    local: address(local),
    linkAddresses: linkAddresses.map(address),
    hasExtendedNextHop,
  });
  const text = (hop: typeof IPv4): string | undefined =>
    hop === undefined ? undefined : [hop.address, hop.linkLocal ?? []].flat().join(" ");
  return [text(IPv4), text(IPv6)];
};

describe("the next hops of a session", () => {
  it("are our end of it, for its own family", () => {
    assert.deepEqual(hops("192.0.2.1", ["192.0.2.9", "192.0.2.1"]), ["192.0.2.1", undefined]);
    assert.deepEqual(hops("2001:db8::1", []), [undefined, "2001:db8::1"]);
  });

  it("are the first address of the interface that others can reach, for the other family", () => {
    const link = ["fe80::1", "ff02::1", "::1", "::ffff:192.0.2.1", "2001:db8::7", "2001:db8::8"];
    assert.deepEqual(hops("192.0.2.1", link), ["192.0.2.1", "2001:db8::7"]);
    const four = ["169.254.0.1", "127.0.0.1", "0.0.0.0", "224.0.0.5", "198.51.100.1"];
    assert.deepEqual(hops("2001:db8::1", four.slice(1)), ["198.51.100.1", "2001:db8::1"]);
    assert.deepEqual(hops("2001:db8::1", four.slice(1, 4)), [undefined, "2001:db8::1"]);
  });

  it("are our IPv6 end for IPv4 as well, where the peer can do that (RFC 8950)", () => {
    assert.deepEqual(hops("2001:db8::1", ["198.51.100.1"], true), ["2001:db8::1", "2001:db8::1"]);
    assert.deepEqual(hops("192.0.2.1", ["2001:db8::7"], true), ["192.0.2.1", "2001:db8::7"]);
  });

  it("are a global address beside the link-local one over a link-local session (RFC 2545 §3)", () => {
    const both = "2001:db8::7 fe80::1";
    assert.deepEqual(hops("fe80::1", ["fe80::1", "2001:db8::7"], true), [both, both]);
    assert.deepEqual(hops("fe80::1", ["fe80::1"]), [undefined, "fe80::1"]);
  });
});
