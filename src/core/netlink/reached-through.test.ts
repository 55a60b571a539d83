import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Link } from "./link.ts";
import { reachedThrough } from "./reached-through.ts";

const link = (index: number, more: Partial<Link> = {}): Link => ({
  ...{ index, name: `l${index}`, mtu: 1_500, up: true, carrier: true, loopback: false },
  ...more,
});

describe("what is reached another way when a link is", () => {
  const bridged = { masterKind: "bridge" } as const;

  it("is the link alone where it is no port of anything: of its VLANs the kernel tells", () => {
    assert.deepEqual(reachedThrough(3, [link(3), link(4, { kind: "vlan", lower: 3 })]), [3]);
    assert.deepEqual(reachedThrough(9, []), [9]);
  });

  it("is the bridge that it is a port of, with VLANs on that, and bridges of those", () => {
    const links = [
      link(2, { kind: "bond", master: 5, ...bridged }),
      link(5, { kind: "bridge" }),
      link(6, { kind: "vlan", lower: 5, master: 7, ...bridged }),
      link(7, { kind: "bridge" }),
      link(8, { kind: "veth", lower: 5, master: 5, ...bridged }),
      link(9, { kind: "vlan", lower: 8 }),
    ];
    assert.deepEqual(reachedThrough(2, links), [2, 5, 6, 7]);
  });

  it("is no VRF, which only picks routes, nor a bond, of which the kernel tells itself", () => {
    for (const masterKind of ["vrf", "bond"])
      assert.deepEqual(reachedThrough(2, [link(2, { master: 5, masterKind }), link(5)]), [2]);
  });

  it("has an end where links stand on each other in a circle", () => {
    const links = [link(2, { master: 5, ...bridged }), link(5, { lower: 5, master: 2, ...bridged })];
    assert.deepEqual(reachedThrough(2, links), [2, 5]);
  });
});
