import assert from "node:assert/strict";
import { describe, it } from "node:test";
import {
  AS_PATH,
  decodeUpdate,
  error,
  INTERNAL,
  judged,
  LOCAL_PREF,
  leniencyOf,
  NEXT_HOP,
  NLRI,
  OLD,
  ORIGIN,
  REACH,
  update,
} from "#testing/bgp-heard";
import { rawMessage, rawUpdate } from "#testing/bgp-message";
import { address } from "#testing/values";
import type { DecodeContext } from "./context.ts";
import type { MessageError } from "./message.ts";

describe("an UPDATE that ends the session", () => {
  const at = (hex: string): Uint8Array => rawMessage(2, hex);
  const REFUSALS: readonly (readonly [what: string, bytes: Uint8Array, wanted: MessageError])[] = [
    ["withdrawn routes that go on behind it (RFC 7606 §3 (b))", at("0003 0000"), error(1)],
    ["withdrawn routes that leave no room for a length (RFC 7606 §3 (b))", at("0001 0000"), error(1)],
    ["attributes that go on behind it (RFC 7606 §3 (b))", at("0000 0001"), error(1)],
    ["a withdrawn prefix of 33 bits (RFC 7606 §3 (i))", rawUpdate({ withdrawn: "21 0a00000000" }), error(10)],
    ["a withdrawn prefix that is cut off (RFC 7606 §5.3)", rawUpdate({ withdrawn: "18 0a00" }), error(10)],
    [
      "a prefix of 33 bits (RFC 7606 §5.3)",
      rawUpdate({ attributes: [ORIGIN, AS_PATH, NEXT_HOP], nlri: "21 0a00000000" }),
      error(10),
    ],
    [
      "a prefix that is cut off (RFC 7606 §5.3)",
      rawUpdate({ attributes: [ORIGIN, AS_PATH, NEXT_HOP], nlri: "18 0a00" }),
      error(10),
    ],
    ...[
      ["MP_REACH_NLRI without a next hop's length (RFC 7606 §5.3)", "800e03 0002 01"],
      ["MP_REACH_NLRI of 4 octets (RFC 7606 §5.3)", "800e04 0002 01 00"],
      ["a next hop that goes on behind its attribute (RFC 7606 §7.11)", "800e07 0002 01 10 fd0900"],
      ["an IPv6 next hop of 15 octets (RFC 7606 §7.11)", `800e14 0002 01 0f ${"fd".repeat(15)} 00`],
      [
        "an IPv6 route with an IPv4 next hop (RFC 7606 §7.11)",
        "800e10 0002 01 04 0a090001 00 30 20010db80001",
      ],
      ["nothing behind the next hop (RFC 7606 §5.3)", `800e14 0002 01 10 ${"fd".repeat(16)}`],
      ["no next hop at all (RFC 4760 §7)", "800e05 0002 01 00 00"],
      [
        "an IPv6 prefix of 129 bits (RFC 7606 §5.3)",
        `800e27 0002 01 10 ${"fd".repeat(16)} 00 81 ${"20".repeat(17)}`,
      ],
      ["an IPv6 prefix that is cut off (RFC 7606 §5.3)", `800e17 0002 01 10 ${"fd".repeat(16)} 00 30 20`],
      ["MP_UNREACH_NLRI of 2 octets (RFC 7606 §7.12)", "800f02 0002"],
      ["a withdrawn IPv6 prefix that is cut off (RFC 7606 §7.12)", "800f06 0002 01 30 2001"],
    ].map(([what = "", attribute = ""]): readonly [string, Uint8Array, MessageError] => [
      what,
      rawUpdate({ attributes: [ORIGIN, AS_PATH, attribute] }),
      error(9, attribute),
    ]),
    ...[
      ["MP_REACH_NLRI with the flags of another kind (RFC 7606 §5.3)", REACH.replace("800e", "c00e")],
      ["MP_UNREACH_NLRI with the flags of another kind (RFC 7606 §5.3)", "400f03 0002 01"],
    ].map(([what = "", attribute = ""]): readonly [string, Uint8Array, MessageError] => [
      what,
      rawUpdate({ attributes: [ORIGIN, AS_PATH, attribute] }),
      error(4, attribute),
    ]),
    [
      "MP_REACH_NLRI twice (RFC 7606 §3 (g))",
      rawUpdate({ attributes: [REACH, ORIGIN, AS_PATH, REACH] }),
      error(1),
    ],
    [
      "MP_UNREACH_NLRI twice (RFC 7606 §3 (g))",
      rawUpdate({ attributes: ["800f03 0001 01", "800f03 0002 01"] }),
      error(1),
    ],
    [
      "a well-known attribute that nobody knows (RFC 4271 §6.3)",
      rawUpdate({ attributes: [ORIGIN, AS_PATH, NEXT_HOP, "40c803 010203"], nlri: NLRI }),
      error(2, "40c803 010203"),
    ],
  ];
  for (const [what, bytes, wanted] of REFUSALS) {
    it(`has ${what}`, () => assert.deepEqual(decodeUpdate(bytes), wanted));
  }

  const WITHOUT_ROUTES: readonly (readonly [what: string, attribute: string, wanted: MessageError])[] = [
    ["ORIGIN of two octets", "400102 0000", error(5, "400102 0000")],
    ["an ORIGIN that there is not", "400101 03", error(6, "400101 03")],
    ["a malformed AS_PATH", "400202 0200", error(11)],
    ["a NEXT_HOP that is no host", "400304 e0000001", error(8, "400304 e0000001")],
    ["wrong flags", "800304 0a090001", error(4, "800304 0a090001")],
    ["a list that is cut off", "400304 0a09", error(1)],
  ];
  for (const [what, attribute, wanted] of WITHOUT_ROUTES) {
    it(`has ${what} and no routes that it is about (RFC 7606 §5.2)`, () => {
      for (const withdrawn of ["", "08 0a"]) {
        const bytes = rawUpdate({ withdrawn, attributes: ["800f03 0002 01", attribute] });
        assert.deepEqual(decodeUpdate(bytes), wanted);
      }
    });
  }

  it("does so whatever milder there is (RFC 7606 §3 (h))", () => {
    const attributes = ["400101 03", AS_PATH, NEXT_HOP, "c00706 000000000000", "40c800"];
    assert.deepEqual(decodeUpdate(rawUpdate({ attributes, nlri: NLRI })), error(2, "40c800"));
  });
});

describe("an UPDATE whose routes are taken as withdrawn", () => {
  const ROWS: readonly (readonly [what: string, attribute: string, context?: DecodeContext])[] = [
    ["an empty ORIGIN (RFC 7606 §7.1)", "400100"],
    ["ORIGIN of two octets (RFC 7606 §7.1)", "400102 0000"],
    ["an ORIGIN that there is not (RFC 7606 §7.1)", "400101 03"],
    ["an unknown segment in AS_PATH (RFC 7606 §7.2)", "400206 0501 0000fde9"],
    ["a segment of type 0 in AS_PATH (RFC 7606 §7.2)", "400206 0001 0000fde9"],
    ["an empty segment in AS_PATH (RFC 7606 §7.2)", "400202 0200"],
    ["a segment that goes on behind AS_PATH (RFC 7606 §7.2)", "400206 0202 0000fde9"],
    ["one octet too many in AS_PATH (RFC 7606 §7.2)", "400207 0201 0000fde9 02"],
    ["AS_PATH with two octets for an AS where there are four (RFC 6793 §4.1)", "400204 0201 fde9"],
    ["AS 0 in AS_PATH (RFC 7607 §2)", "40020a 0202 0000fde9 00000000"],
    ["AS 0 in AS_PATH of two octets (RFC 7607 §2)", "400206 0202 fde9 0000", OLD],
    ["a confederation in AS_PATH, from outside of it (RFC 5065 §5)", "400206 0301 0000fde9"],
    ["NEXT_HOP of three octets (RFC 7606 §7.3)", "400303 0a0900"],
    ["NEXT_HOP of 16 octets (RFC 7606 §7.3)", `400310 ${"fd".repeat(16)}`],
    ["a NEXT_HOP that is no host (RFC 4271 §6.3)", "400304 e0000001"],
    ["NEXT_HOP 0.0.0.0 (RFC 4271 §6.3)", "400304 00000000"],
    ["MULTI_EXIT_DISC of three octets (RFC 7606 §7.4)", "800403 000000"],
    ["LOCAL_PREF of five octets (RFC 7606 §7.5)", "400505 0000000000", INTERNAL],
    ["COMMUNITIES of six octets (RFC 7606 §7.8)", "c00806 000000000000"],
    ["empty COMMUNITIES (RFC 7606 §7.8)", "c00800"],
    ["ORIGINATOR_ID of three octets (RFC 7606 §7.9)", "800903 000000", INTERNAL],
    ["CLUSTER_LIST of six octets (RFC 7606 §7.10)", "800a06 000000000000", INTERNAL],
    ["an empty CLUSTER_LIST (RFC 7606 §7.10)", "800a00", INTERNAL],
    ["extended communities of nine octets (RFC 7606 §7.14)", `c01009 ${"00".repeat(9)}`],
    ["empty extended communities (RFC 7606 §7.14)", "c01000"],
    ["IPv6 extended communities of 19 octets (RFC 7606 §7.15)", `c01913 ${"00".repeat(19)}`],
    ["large communities of eleven octets (RFC 8092 §5)", `c0200b ${"00".repeat(11)}`],
    ["empty large communities (RFC 8092 §5)", "c02000"],
    ["Only to Customer of two octets (RFC 9234 §5)", "c02302 fde9"],
    ["an optional ORIGIN (RFC 7606 §3 (c))", "c00101 00"],
    ["an AS_PATH that is not transitive (RFC 7606 §3 (c))", "000206 0201 0000fde9"],
    ["transitive MULTI_EXIT_DISC (RFC 7606 §3 (c))", "c00404 00000000"],
    ["COMMUNITIES that are not transitive (RFC 7606 §3 (c))", "800804 fde90064"],
    ["well-known large communities (RFC 7606 §3 (c))", `40200c ${"00".repeat(12)}`],
  ];
  for (const [what, attribute, context] of ROWS) {
    it(`has ${what}`, () => {
      const heard = judged(attribute, context);
      const code = Number.parseInt(attribute.slice(2, 4), 16);
      assert.deepEqual(leniencyOf(heard), [{ action: "treat-as-withdraw", attribute: code }]);
      assert.ok("announced" in heard);
      assert.deepEqual([heard.announced, heard.withdrawn], [0, 1]);
    });
  }

  it("lacks ORIGIN, AS_PATH or NEXT_HOP (RFC 7606 §3 (d))", () => {
    const all = [ORIGIN, AS_PATH, NEXT_HOP];
    for (const [index, code] of [1, 2, 3].entries()) {
      const heard = decodeUpdate(rawUpdate({ attributes: all.toSpliced(index, 1), nlri: NLRI }));
      assert.deepEqual(leniencyOf(heard), [{ action: "treat-as-withdraw", attribute: code }]);
    }
  });

  it("lacks LOCAL_PREF, from inside our own autonomous system, where it is required (RFC 7606 §3 (d), RFC 4271 §5.1.5)", () => {
    const routes = { attributes: [ORIGIN, AS_PATH, NEXT_HOP], nlri: NLRI };
    const lacking = [{ action: "treat-as-withdraw", attribute: 5 }];
    assert.deepEqual(leniencyOf(decodeUpdate(rawUpdate(routes), INTERNAL)), lacking);
    const other = { attributes: [REACH, ORIGIN, AS_PATH] };
    assert.deepEqual(leniencyOf(decodeUpdate(rawUpdate(other), INTERNAL)), lacking);
    const whole = { ...routes, attributes: [...routes.attributes, LOCAL_PREF] };
    assert.deepEqual(leniencyOf(decodeUpdate(rawUpdate(whole), INTERNAL)), []);
    assert.deepEqual(leniencyOf(decodeUpdate(rawUpdate(routes))), []);
  });

  it("lacks ORIGIN or AS_PATH beside MP_REACH_NLRI, which has its own next hop (RFC 7606 §3 (d))", () => {
    assert.deepEqual(leniencyOf(decodeUpdate(rawUpdate({ attributes: [REACH, ORIGIN, AS_PATH] }))), []);
    const heard = decodeUpdate(rawUpdate({ attributes: [REACH] }));
    assert.deepEqual(heard, {
      ...update({ withdrawn: 2, nextHops: [address("fd09::1")] }),
      leniency: [
        { action: "treat-as-withdraw", attribute: 1 },
        { action: "treat-as-withdraw", attribute: 2 },
      ],
    });
  });

  const CUT_OFF = [
    ["goes on behind the list", "c00808 fde90064", 8],
    ["has no length", "c008", 8],
    ["has half a length", "d00800", 8],
    ["is one octet", "c0", 0],
  ] as const;
  for (const [what, attribute, code] of CUT_OFF) {
    it(`has a last attribute that ${what} (RFC 7606 §4)`, () => {
      const bytes = rawUpdate({ attributes: [ORIGIN, AS_PATH, NEXT_HOP, attribute], nlri: NLRI });
      const heard = decodeUpdate(bytes);
      assert.deepEqual(leniencyOf(heard), [{ action: "treat-as-withdraw", attribute: code }]);
      assert.ok("withdrawn" in heard && heard.withdrawn === 1);
    });
  }

  it("does not say of a list that is cut off what it lacks (RFC 7606 §4)", () => {
    const heard = decodeUpdate(rawUpdate({ attributes: [REACH, "400204 0201"] }));
    assert.deepEqual(leniencyOf(heard), [{ action: "treat-as-withdraw", attribute: 2 }]);
  });

  it("ends no table with a list that is cut off (RFC 7606 §4)", () => {
    const heard = decodeUpdate(rawUpdate({ attributes: ["800f03 0002 01", "c0"] }));
    assert.deepEqual(heard, error(1));
  });
});

describe("an UPDATE without some of its attributes", () => {
  const ROWS: readonly (readonly [what: string, attribute: string, context?: DecodeContext])[] = [
    ["ATOMIC_AGGREGATE with a value (RFC 7606 §7.6)", "400601 00"],
    ["optional ATOMIC_AGGREGATE (RFC 7606 §3 (f))", "c00600"],
    ["AGGREGATOR of six octets where AS numbers have four (RFC 7606 §7.7)", "c00706 fde90a090001"],
    ["AGGREGATOR of eight octets where AS numbers have two (RFC 7606 §7.7)", "c00708 0000fde90a090001", OLD],
    ["AGGREGATOR of AS 0 (RFC 7607 §2)", "c00708 000000000a090001"],
    ["AGGREGATOR that is not transitive (RFC 7606 §3 (f))", "800708 0000fde90a090001"],
    ["LOCAL_PREF from another autonomous system (RFC 7606 §7.5)", "400504 00000064"],
    [
      "LOCAL_PREF from who knows where (RFC 7606 §7.5)",
      "400504 00000064",
      { hasFourOctetAsn: true, kind: undefined },
    ],
    ["malformed LOCAL_PREF from another autonomous system (RFC 7606 §7.5)", "400501 00"],
    ["ORIGINATOR_ID from another autonomous system (RFC 7606 §7.9)", "800904 0a090001"],
    ["CLUSTER_LIST from another autonomous system (RFC 7606 §7.10)", "800a04 0a090001"],
    ["AS4_PATH from someone who has four octets (RFC 6793 §6)", "c01106 0201 0000fde9"],
    ["malformed AS4_PATH (RFC 6793 §6)", "c01105 0201 0000fd", OLD],
    ["empty AS4_PATH (RFC 6793 §6)", "c01100", OLD],
    ["AS4_AGGREGATOR from someone who has four octets (RFC 6793 §6)", "c01208 0000fde90a090001"],
    ["AS4_AGGREGATOR of six octets (RFC 6793 §6)", "c01206 fde90a090001", OLD],
  ];
  for (const [what, attribute, context] of ROWS) {
    it(`had ${what}`, () => {
      const heard = judged(attribute, context);
      const code = Number.parseInt(attribute.slice(2, 4), 16);
      assert.deepEqual(leniencyOf(heard), [{ action: "attribute-discard", attribute: code }]);
      assert.ok("announced" in heard && heard.announced === 1);
    });
  }

  it("had an attribute twice, of which the first counts, known or not (RFC 7606 §3 (g))", () => {
    for (const attribute of ["800404 00000000", "c0c801 00"]) {
      const attributes = [ORIGIN, AS_PATH, NEXT_HOP, attribute, attribute, attribute];
      const code = Number.parseInt(attribute.slice(2, 4), 16);
      assert.deepEqual(leniencyOf(decodeUpdate(rawUpdate({ attributes, nlri: NLRI }))), [
        { action: "attribute-discard", attribute: code },
      ]);
    }
    const second = [ORIGIN, AS_PATH, NEXT_HOP, "400101 03"];
    assert.deepEqual(leniencyOf(decodeUpdate(rawUpdate({ attributes: second, nlri: NLRI }))), [
      { action: "attribute-discard", attribute: 1 },
    ]);
  });

  it("needs no routes to be understood (RFC 7606 §5.2)", () => {
    const heard = decodeUpdate(rawUpdate({ withdrawn: "08 0a", attributes: ["400601 00"] }));
    assert.deepEqual(
      heard,
      update({ withdrawn: 1, leniency: [{ action: "attribute-discard", attribute: 6 }] }),
    );
  });
});
