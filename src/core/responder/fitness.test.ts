import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { addressFromBytes } from "#base/address";
import { contains } from "#base/prefix";
import { nodeLink } from "#testing/responder";
import { address } from "#testing/values";
import { DEFAULTS } from "./config.ts";
import { linkFault, prefixAround, UNFIT_REASONS, unfitLinks, usableLink } from "./fitness.ts";

const { excludedNames } = DEFAULTS;
const VIP = address("192.0.2.100");
const all = { address: VIP, interfaces: "all" } as const;

describe("a link", () => {
  it("has one reason why it can carry nothing, and the first that an operator can do something about", () => {
    const cases = [
      [{}, undefined],
      [{ loopback: true }, "not-ethernet"],
      [{ kind: "dummy" }, "no-neighbours"],
      [{ master: 7, masterKind: "team", up: false }, "enslaved"],
      [{ up: false, carrier: false }, "down"],
      [{ carrier: false }, "no-carrier"],
      [{ master: 7, masterKind: "vrf" }, undefined],
    ] as const;
    for (const [overrides, reason] of cases) {
      assert.equal(linkFault(nodeLink(2, undefined, overrides)), reason);
    }
    const { link, ...rest } = nodeLink(2);
    const { mac, ...tunnel } = link;
    assert.ok(mac !== undefined);
    assert.equal(linkFault({ ...rest, link: tunnel }), "not-ethernet");
  });

  it("is left out by the names that MetalLB leaves out, and by no other", () => {
    const names = [
      "docker0",
      "cni0",
      "cali12",
      "veth1",
      "lxc9",
      "flannel.1",
      "kube-ipvs0",
      "virbr0",
      "lo",
      "tunl0",
    ];
    for (const name of names) {
      assert.equal(usableLink(nodeLink(2, undefined, { name }), excludedNames)?.excluded, true, name);
    }
    for (const name of ["eth0", "ens18", "bond0", "br0", "eth0.7", "lom1", "lan"]) {
      assert.equal(usableLink(nodeLink(2, undefined, { name }), excludedNames)?.excluded, false, name);
    }
  });

  it("tells why it is not used, for every link", () => {
    const links = [
      nodeLink(2),
      nodeLink(3, ["198.51.100.1/24"]),
      nodeLink(4, undefined, { name: "veth4" }),
      nodeLink(5, undefined, { up: false }),
    ];
    assert.deepEqual(
      [...unfitLinks(links, all, excludedNames)],
      [
        ["eth3", "other-network"],
        ["veth4", "excluded"],
        ["eth5", "down"],
      ],
    );
    const named = { ...all, interfaces: ["veth4"] };
    assert.deepEqual(
      [...unfitLinks(links, named, excludedNames)],
      [
        ["eth2", "not-allowed"],
        ["eth3", "not-allowed"],
        ["eth5", "down"],
      ],
    );
    assert.equal(new Set(UNFIT_REASONS).size, UNFIT_REASONS.length);
  });

  it("without any IPv6 address carries none, since the kernel takes no packet for it there", () => {
    const six = { address: address("2001:db8::100"), interfaces: "all" } as const;
    const links = [nodeLink(2, ["192.0.2.1/24"]), nodeLink(3, ["fe80::3/64"])];
    assert.deepEqual([...unfitLinks(links, six, excludedNames)], [["eth2", "no-ipv6"]]);
    const named = { ...six, interfaces: ["eth2"] };
    assert.deepEqual(
      [...unfitLinks(links, named, excludedNames)],
      [
        ["eth2", "no-ipv6"],
        ["eth3", "not-allowed"],
      ],
    );
  });

  it("has the network of an address when the prefix says so, bit by bit", () => {
    const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });
    fc.assert(
      fc.property(
        fc
          .constantFrom(4, 16)
          .chain((length) => fc.tuple(bytes(length), fc.nat(length * 8), fc.nat(length * 8 - 1))),
        fc.boolean(),
        ([own, prefixLength, flipped], flips) => {
          const other = own.slice();
          if (flips) other[flipped >>> 3] = (other[flipped >>> 3] ?? 0) ^ (0x80 >> (flipped & 7));
          const network = { address: addressFromBytes(own), prefixLength };
          const link = usableLink({ ...nodeLink(2, []), addresses: [network] }, excludedNames);
          assert.ok(link !== undefined);
          const around = prefixAround(link, other);
          assert.equal(around, contains(network, addressFromBytes(other)) ? prefixLength : undefined);
        },
      ),
    );
  });
});

describe("an address of a network whose link is down", () => {
  const other = nodeLink(3, ["10.9.0.3/24"]);
  const reasonsWith = (overrides: Parameters<typeof nodeLink>[2], name = "eth2") =>
    unfitLinks([nodeLink(2, ["192.0.2.2/24"], { name, ...overrides }), other], all, excludedNames);

  it("is told of on no other link, for it would reach nobody there", () => {
    for (const [overrides, reason] of [
      [{ carrier: false }, "no-carrier"],
      [{ up: false }, "down"],
    ] as const) {
      assert.deepEqual(
        [...reasonsWith(overrides)],
        [
          ["eth2", reason],
          ["eth3", "other-network"],
        ],
      );
    }
  });

  it("is told of wherever one is if the link is left out by its name or enslaved: it is not that link's", () => {
    assert.deepEqual([...reasonsWith({ carrier: false }, "docker0")], [["docker0", "no-carrier"]]);
    assert.deepEqual([...reasonsWith({ master: 7, masterKind: "bond" })], [["eth2", "enslaved"]]);
  });
});
