import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { announce, BEHIND_IPV6, EXTENDED, MODERN, OLD, takeApart, withdraw } from "#testing/bgp-update";
import { readHexDump } from "#testing/golden";
import { address } from "#testing/values";
import type { EncodeContext } from "./context.ts";
import { decodeMessage } from "./decode.ts";
import { encodeUpdates } from "./encode-update.ts";
import type { PathAttributes, Update } from "./message.ts";

const golden = (name: string): Uint8Array => readHexDump(new URL(`testdata/${name}.hex`, import.meta.url));

const only = (update: Update, context = MODERN): Uint8Array => {
  const [first, ...more] = encodeUpdates(update, context);
  assert.deepEqual(more, []);
  return first ?? assert.fail("no message");
};
const attributesOf = (update: Update, context = MODERN): readonly string[] =>
  takeApart(only(update, context)).attributes.map(
    ({ code, flags, value }) => `${code} ${flags.toString(16)} ${value}`,
  );

describe("messages that peers write, too", () => {
  const LARGE_OF_BIRD = [{ administrator: 4_200_000_002, first: 7, second: 8 }];
  const ROWS: readonly (readonly [name: string, update: Update, context: EncodeContext])[] = [
    [
      "bird-update-ipv4",
      announce(
        "IPv4",
        {
          asPath: [4_200_000_002],
          nextHop: { address: address("10.9.0.2"), linkLocal: undefined },
          communities: [0xfdea_00c8],
          largeCommunities: LARGE_OF_BIRD,
        },
        "192.0.2.128/25",
      ),
      MODERN,
    ],
    [
      "gobgp-update-ipv4",
      announce(
        "IPv4",
        {
          origin: "egp",
          nextHop: { address: address("10.9.0.3"), linkLocal: undefined },
          med: 33,
          communities: [0xfdeb_012c, 0xffff_ff01],
          largeCommunities: [{ administrator: 4_200_000_003, first: 1, second: 2 }],
        },
        "203.0.113.128/26",
      ),
      MODERN,
    ],
    [
      "gobgp-update-internal",
      announce(
        "IPv4",
        {
          origin: "egp",
          asPath: [],
          nextHop: { address: address("10.9.0.3"), linkLocal: undefined },
          med: 33,
          localPref: 150,
          communities: [0xfdeb_012c, 0xffff_ff01],
          largeCommunities: [{ administrator: 4_200_000_003, first: 1, second: 2 }],
        },
        "203.0.113.128/26",
      ),
      MODERN,
    ],
    ["frr-withdraw-ipv4", withdraw("IPv4", "198.51.100.9/32"), MODERN],
    ["bird-withdraw-ipv4", withdraw("IPv4", "198.51.100.9/32"), MODERN],
    ["gobgp-withdraw-ipv6", withdraw("IPv6", "2001:db8:2::7/128"), MODERN],
    ["gobgp-end-of-rib-ipv4", { type: "end-of-rib", family: "IPv4" }, MODERN],
    ["frr-end-of-rib-ipv6", { type: "end-of-rib", family: "IPv6" }, MODERN],
  ];
  for (const [name, update, context] of ROWS) {
    it(`encodes ${name} byte for byte`, () => assert.deepEqual(only(update, context), golden(name)));
  }

  const SAME_WITH_SHORT_LENGTHS: readonly (readonly [name: string, update: Update])[] = [
    [
      "bird-update-ipv6",
      announce(
        "IPv6",
        {
          asPath: [4_200_000_002],
          nextHop: { address: address("fd09::2"), linkLocal: address("fe80::86b:1cff:fe4e:7c79") },
        },
        "2001:db8:b:1::9/128",
      ),
    ],
    [
      "bird-update-ipv4-over-ipv6",
      announce(
        "IPv4",
        {
          asPath: [4_200_000_002],
          nextHop: { address: address("fd09::2"), linkLocal: address("fe80::86b:1cff:fe4e:7c79") },
          communities: [0xfdea_00c8],
          largeCommunities: LARGE_OF_BIRD,
        },
        "192.0.2.128/25",
      ),
    ],
    ["bird-withdraw-ipv4-over-ipv6", withdraw("IPv4", "198.51.100.9/32")],
    ["frr-withdraw-ipv6", withdraw("IPv6", "2001:db8:b:1::9/128")],
  ];
  for (const [name, update] of SAME_WITH_SHORT_LENGTHS) {
    it(`encodes what ${name} says, in the same order, with lengths of one octet (RFC 4271 §4.3)`, () => {
      const [ours, theirs] = [takeApart(only(update, EXTENDED)), takeApart(golden(name))];
      const short = theirs.attributes.map((each) => ({ ...each, flags: each.flags & ~0x10 }));
      assert.deepEqual(ours, { ...theirs, attributes: short });
    });
  }
});

describe("attributes", () => {
  it("stand in the order of their codes, MP_REACH_NLRI before them (RFC 7606 §5.1)", () => {
    const all: Partial<PathAttributes> = {
      ...{ med: 1, localPref: 2, communities: [3] },
      largeCommunities: [{ administrator: 4, first: 5, second: 6 }],
      linkBandwidth: { asn: 65_001, bytesPerSecond: 125_000_000 },
      asPath: [65_536],
    };
    const codes = (update: Update, context: EncodeContext): readonly number[] =>
      takeApart(only(update, context)).attributes.map(({ code }) => code);
    assert.deepEqual(codes(announce("IPv4", all, "192.0.2.0/24"), OLD), [1, 2, 3, 4, 5, 8, 16, 17, 32]);
    const behind = announce("IPv6", { ...all, ...BEHIND_IPV6 }, "2001:db8::/32");
    assert.deepEqual(codes(behind, MODERN), [14, 1, 2, 4, 5, 8, 16, 32]);
  });

  it("leave out what is not given, such as MULTI_EXIT_DISC (RFC 4271 §5.1.4)", () => {
    assert.deepEqual(attributesOf(announce("IPv4", {}, "192.0.2.0/24")), [
      ...["1 40 00", "2 40 02010000fde9", "3 40 0a090001"],
    ]);
  });

  it("say how a route came to be with 0, 1 or 2 (RFC 4271 §5.1.1)", () => {
    const origins = (["igp", "egp", "incomplete"] as const).map(
      (origin) => attributesOf(announce("IPv4", { origin }, "192.0.2.0/24"))[0],
    );
    assert.deepEqual(origins, ["1 40 00", "1 40 01", "1 40 02"]);
  });

  it("have an empty path towards our own autonomous system (RFC 4271 §5.1.2)", () => {
    assert.ok(attributesOf(announce("IPv4", { asPath: [] }, "192.0.2.0/24")).includes("2 40 "));
  });

  it("have two octets for an AS where the peer has no more, without AS4_PATH if they say all (RFC 6793 §4.2.2)", () => {
    assert.deepEqual(attributesOf(announce("IPv4", { asPath: [65_001, 1] }, "192.0.2.0/24"), OLD), [
      ...["1 40 00", "2 40 0202fde90001", "3 40 0a090001"],
    ]);
  });

  it("have AS_TRANS and AS4_PATH where they do not (RFC 6793 §4.2.2)", () => {
    const update = announce("IPv4", { asPath: [4_200_000_002, 65_001] }, "192.0.2.0/24");
    assert.deepEqual(attributesOf(update, OLD), [
      ...["1 40 00", "2 40 02025ba0fde9", "3 40 0a090001", "17 c0 0202fa56ea020000fde9"],
    ]);
    assert.equal(attributesOf(update)[1], "2 40 0202fa56ea020000fde9");
  });

  it("have segments of at most 255 AS numbers (RFC 4271 §4.3)", () => {
    const asPath = Array.from({ length: 300 }, (_, index) => index + 1);
    const [, path = ""] = attributesOf(announce("IPv4", { asPath }, "192.0.2.0/24"));
    assert.equal(path.slice(0, 21), "2 50 02ff000000010000");
    assert.equal(path.length - 5, 2 * (2 + 255 * 4 + 2 + 45 * 4));
    const bytes = only(announce("IPv4", { asPath }, "192.0.2.0/24"));
    assert.ok(decodeMessage(bytes, { hasFourOctetAsn: true, kind: "external" }).ok);
  });

  it("have link bandwidth that is not passed on, in octets a second (draft-ietf-idr-link-bandwidth §2)", () => {
    const linkBandwidth = { asn: 65_001, bytesPerSecond: 125_000_000 };
    assert.equal(
      attributesOf(announce("IPv4", { linkBandwidth }, "192.0.2.0/24"))[3],
      "16 c0 4004fde94cee6b28",
    );
    const large = { asn: 4_200_000_002, bytesPerSecond: 0.5 };
    assert.equal(
      attributesOf(announce("IPv4", { linkBandwidth: large }, "192.0.2.0/24"))[3],
      "16 c0 40045ba03f000000",
    );
  });

  it("have a length of two octets only where one is not enough (RFC 4271 §4.3)", () => {
    const communities = (count: number) => Array.from({ length: count }, (_, index) => index);
    const at = (count: number) =>
      attributesOf(announce("IPv4", { communities: communities(count) }, "192.0.2.0/24"))[3]?.slice(0, 5);
    assert.deepEqual([at(63), at(64)], ["8 c0 ", "8 d0 "]);
    const networks = Array.from({ length: 37 }, (_, index) => `2001:db8:${index + 1}::/48`);
    const [short] = attributesOf(withdraw("IPv6", ...networks.slice(1)));
    const [long] = attributesOf(withdraw("IPv6", ...networks));
    assert.deepEqual([short?.length, short?.slice(0, 6)], ["15 80 ".length + 2 * 255, "15 80 "]);
    assert.equal(long?.slice(0, 6), "15 90 ");
  });
});
