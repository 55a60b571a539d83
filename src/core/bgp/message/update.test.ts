import assert from "node:assert/strict";
import { describe, it } from "node:test";
import {
  AS_PATH,
  decodeUpdate,
  INTERNAL,
  judged,
  NEXT_HOP,
  NLRI,
  OLD,
  ORIGIN,
  REACH,
  update,
} from "#testing/bgp-heard";
import { rawUpdate } from "#testing/bgp-message";
import { address } from "#testing/values";
import { unicast } from "./constants.ts";
import type { DecodeContext } from "./context.ts";

type Parts = Parameters<typeof rawUpdate>[0];

describe("what UPDATE says", () => {
  it("counts IPv4 routes and tells their next hop (RFC 4271 §5.1.3)", () => {
    const bytes = rawUpdate({
      withdrawn: "00 08 0a 20 c0000201",
      attributes: [ORIGIN, AS_PATH, NEXT_HOP],
      nlri: `${NLRI} 19 c0000280`,
    });
    assert.deepEqual(
      decodeUpdate(bytes),
      update({ announced: 2, withdrawn: 3, nextHops: [address("10.9.0.1")] }),
    );
  });

  it("counts IPv6 routes and tells both next hops (RFC 4760 §3, RFC 2545 §3)", () => {
    const reach =
      "800e2c 0002 01 20 fd090000000000000000000000000001 fe800000000000000000000000000001 00 30 20010db80001";
    assert.deepEqual(
      decodeUpdate(rawUpdate({ attributes: [reach, ORIGIN, AS_PATH] })),
      update({ announced: 1, nextHops: [address("fd09::1"), address("fe80::1")] }),
    );
  });

  it("says the same whatever is in the reserved octet before the prefixes (RFC 4760 §3)", () => {
    const [zero, any] = ["00", "a7"].map((reserved) =>
      decodeUpdate(
        rawUpdate({
          attributes: [REACH.replace("00 30 20010db80001", `${reserved} 30 20010db80001`), ORIGIN, AS_PATH],
        }),
      ),
    );
    assert.deepEqual(zero, update({ announced: 2, nextHops: [address("fd09::1")] }));
    assert.deepEqual(any, zero);
  });

  it("takes no harm from a NEXT_HOP beside MP_REACH_NLRI, which nothing follows from (RFC 4760 §3)", () => {
    const heard = decodeUpdate(rawUpdate({ attributes: [REACH, ORIGIN, AS_PATH, NEXT_HOP] }));
    const { announced, withdrawn, leniency } = heard as ReturnType<typeof update>;
    assert.deepEqual([announced, withdrawn, leniency], [2, 0, []]);
  });

  it("counts all of what older speakers put into one message, in any order (RFC 7606 §5.1)", () => {
    const unreach = "800f0b 0002 01 38 20010db8000300";
    const bytes = rawUpdate({
      withdrawn: "08 0a",
      attributes: [ORIGIN, unreach, AS_PATH, REACH, NEXT_HOP],
      nlri: NLRI,
    });
    assert.deepEqual(
      decodeUpdate(bytes),
      update({ announced: 3, withdrawn: 2, nextHops: [address("10.9.0.1"), address("fd09::1")] }),
    );
  });

  it("takes IPv4 routes with IPv4 and with IPv6 next hops in MP_REACH_NLRI (RFC 8950 §3)", () => {
    const classic = "800e0d 0001 01 04 0a090001 00 18 c00002";
    const extended = "800e19 0001 01 10 fd090000000000000000000000000001 00 18 c00002";
    for (const [reach, nextHop] of [
      [classic, "10.9.0.1"],
      [extended, "fd09::1"],
    ] as const) {
      assert.deepEqual(
        decodeUpdate(rawUpdate({ attributes: [reach, ORIGIN, AS_PATH] })),
        update({ announced: 1, nextHops: [address(nextHop)] }),
      );
    }
  });

  it("ends the table of a family with nothing but that family (RFC 4724 §2)", () => {
    assert.deepEqual(decodeUpdate(rawUpdate()), update({ endOfRib: unicast("IPv4") }));
    const rows = [
      ["800f03 0001 01", unicast("IPv4")],
      ["800f03 0002 01", unicast("IPv6")],
      ["900f0003 0019 46", { afi: 25, safi: 70 }],
    ] as const;
    for (const [unreach, family] of rows) {
      assert.deepEqual(decodeUpdate(rawUpdate({ attributes: [unreach] })), update({ endOfRib: family }));
    }
  });

  it("ends no table when it says anything else (RFC 4724 §2)", () => {
    const unreach = "800f03 0002 01";
    const rows: readonly Parts[] = [
      { attributes: [unreach], withdrawn: "08 0a" },
      { attributes: [unreach, ORIGIN] },
      { attributes: [unreach, ORIGIN, AS_PATH, NEXT_HOP], nlri: NLRI },
      { attributes: ["800f05 0002 01 08 20"] },
      { attributes: [ORIGIN] },
    ];
    for (const parts of rows) {
      const heard = decodeUpdate(rawUpdate(parts));
      assert.ok("endOfRib" in heard && heard.endOfRib === undefined, JSON.stringify(parts));
    }
  });

  it("may be of families that we do not speak, whose routes are not counted (RFC 4760 §6)", () => {
    const labelled = "800e0e 0001 04 04 0a090001 00 30 000101 c0";
    const heard = decodeUpdate(rawUpdate({ attributes: [labelled, ORIGIN, AS_PATH] }));
    assert.deepEqual(heard, update({}));
    assert.deepEqual(decodeUpdate(rawUpdate({ attributes: ["800f07 0019 46 01020304"] })), update({}));
  });
});

describe("an UPDATE that is all right", () => {
  const ROWS: readonly (readonly [what: string, attribute: string, context?: DecodeContext])[] = [
    ["an empty AS_PATH (RFC 7606 §4)", "400200"],
    ["AS_PATH with a set (RFC 4271 §5.1.2)", "40020c 0201 0000fde9 0101 0000fdea"],
    ["AS_PATH of two octets (RFC 6793 §4.2.2)", "400204 0201 fde9", OLD],
    ["a confederation in AS_PATH, from inside of it (RFC 5065 §5)", "400206 0301 0000fde9", INTERNAL],
    ["an attribute of 16 bits length that needs only 8 (RFC 4271 §4.3)", "50020006 0201 0000fde9"],
    ["the bits of flags that mean nothing (RFC 4271 §4.3)", "4f0206 0201 0000fde9"],
    ["partial COMMUNITIES (RFC 4271 §4.3)", "e00804 fde90064"],
    ["ATOMIC_AGGREGATE (RFC 4271 §5.1.6)", "400600"],
    ["AGGREGATOR (RFC 4271 §5.1.7)", "c00708 0000fde90a090001"],
    ["AGGREGATOR of two octets (RFC 4271 §5.1.7)", "c00706 fde90a090001", OLD],
    ["LOCAL_PREF (RFC 4271 §5.1.5)", "400504 00000064", INTERNAL],
    ["ORIGINATOR_ID (RFC 4456 §8)", "800904 0a090001", INTERNAL],
    ["CLUSTER_LIST (RFC 4456 §8)", "800a08 0a0900010a090002", INTERNAL],
    ["AS4_PATH (RFC 6793 §4.2.2)", "c01106 0201 0000fde9", OLD],
    ["AS4_PATH with a confederation (RFC 6793 §6)", "c01106 0301 0000fde9", OLD],
    ["AS4_AGGREGATOR (RFC 6793 §4.2.2)", "c01208 0000fde90a090001", OLD],
    ["an unknown transitive attribute (RFC 4271 §5)", "c0c803 010203"],
    ["an unknown attribute that is not transitive (RFC 4271 §5)", "80c800"],
  ];
  for (const [what, attribute, context] of ROWS) {
    it(`may have ${what}`, () => {
      const heard = judged(attribute, context);
      assert.deepEqual(heard, update({ announced: 1, nextHops: [address("10.9.0.1")] }));
    });
  }
});
