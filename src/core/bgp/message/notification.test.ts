import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { concatBytes } from "#base/bytes";
import { octets, rawMessage } from "#testing/bgp-message";
import { decodeMessage } from "./decode.ts";
import { encodeNotification } from "./encode.ts";
import { hardReset, messageError } from "./error.ts";
import { codeName, ERRORS, subcodeName } from "./error-codes.ts";
import type { MessageError } from "./message.ts";
import { describeNotification, isError, shutdownData } from "./notification.ts";
import { shutdownText } from "./shutdown-communication.ts";

const CONTEXT = { hasFourOctetAsn: true, kind: undefined };
const shutdown = (data: Uint8Array): string =>
  describeNotification(messageError("cease", "administrative-shutdown", data));

describe("describeNotification", () => {
  const ROWS: readonly (readonly [error: MessageError, words: string])[] = [
    [
      messageError("header", "connection-not-synchronized"),
      "Message Header Error: Connection Not Synchronized",
    ],
    [
      messageError("header", "bad-message-length", octets("1001")),
      "Message Header Error: Bad Message Length, length 4097",
    ],
    [
      messageError("header", "bad-message-type", octets("09")),
      "Message Header Error: Bad Message Type, type 9",
    ],
    [
      messageError("open", "unsupported-version-number", octets("0003")),
      "OPEN Message Error: Unsupported Version Number, it speaks version 3",
    ],
    [messageError("open", "bad-peer-as", octets("5ba0")), "OPEN Message Error: Bad Peer AS, AS 23456"],
    [
      messageError("open", "bad-peer-as", octets("fa56ea02")),
      "OPEN Message Error: Bad Peer AS, AS 4200000002",
    ],
    [messageError("open", "unacceptable-hold-time"), "OPEN Message Error: Unacceptable Hold Time"],
    [
      messageError("update", "optional-attribute-error", octets("800e0300010100")),
      "UPDATE Message Error: Optional Attribute Error, MP_REACH_NLRI, data 800e0300010100",
    ],
    [messageError("hold-timer", "unspecific"), "Hold Timer Expired"],
    [
      messageError("state-machine", "open-confirm", octets("02")),
      "Finite State Machine Error: Receive Unexpected Message in OpenConfirm State, by UPDATE",
    ],
    [messageError("cease", "bfd-down"), "Cease: BFD Down"],
    [messageError("cease", "peer-deconfigured"), "Cease: Peer De-configured"],
    [
      messageError("cease", "administrative-reset", shutdownData("new cables")),
      'Cease: Administrative Reset, "new cables"',
    ],
    [
      hardReset(messageError("cease", "administrative-shutdown", shutdownData("good-bye"))),
      'Cease: Hard Reset, Cease: Administrative Shutdown, "good-bye"',
    ],
    [hardReset(hardReset(messageError("cease", "bfd-down"))), "Cease: Hard Reset, data 0609060a"],
    [hardReset({ code: 0, subcode: 0, data: octets("") }), "Cease: Hard Reset, error code 0"],
    [
      messageError("update", "missing-well-known-attribute", octets("03")),
      "UPDATE Message Error: Missing Well-known Attribute, NEXT_HOP",
    ],
    [
      messageError("update", "attribute-flags-error", octets("00c80105")),
      "UPDATE Message Error: Attribute Flags Error, attribute 200, data 00c80105",
    ],
    [
      messageError("open", "unsupported-capability", octets("0104000200014600")),
      "OPEN Message Error: Unsupported Capability, multiprotocol AFI 2 SAFI 1 and 1 more",
    ],
    [
      messageError("open", "unsupported-capability", octets("0104000200")),
      "OPEN Message Error: Unsupported Capability, data 0104000200",
    ],
    [
      messageError("state-machine", "established", octets("09")),
      "Finite State Machine Error: Receive Unexpected Message in Established State, data 09",
    ],
    [{ code: 6, subcode: 200, data: octets("") }, "Cease: subcode 200"],
    [{ code: 77, subcode: 3, data: octets("") }, "error code 77: subcode 3"],
    [{ code: 77, subcode: 0, data: octets("") }, "error code 77"],
  ];
  for (const [error, words] of ROWS) {
    it(`says: ${words}`, () => assert.equal(describeNotification(error), words));
  }

  it("shows a part of long data only", () => {
    const words = describeNotification(messageError("update", "malformed-as-path", new Uint8Array(4000)));
    assert.equal(words, `UPDATE Message Error: Malformed AS_PATH, data ${"00".repeat(32)}...`);
  });

  it("is bounded, and free of what a terminal would obey, for every NOTIFICATION", () => {
    const anyError = fc.record({
      code: fc.oneof(fc.constant(6), fc.nat(255)),
      subcode: fc.oneof(fc.constantFrom(2, 4, 9), fc.nat(255)),
      data: fc.oneof(
        fc.uint8Array({ maxLength: 300 }),
        fc.string({ unit: "binary", maxLength: 100 }).map(shutdownData),
        fc.uint8Array({ maxLength: 300 }).map((bytes) => concatBytes(Uint8Array.of(6, 2), bytes)),
      ),
    });
    fc.assert(
      fc.property(anyError, (error) => {
        const words = describeNotification(error);
        assert.ok(words.length > 0 && words.length <= 400, words);
        assert.doesNotMatch(words, /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/u);
      }),
      { numRuns: 5_000 },
    );
  });
});

describe("the shutdown communication (RFC 9003 §2)", () => {
  it("comes back as it was said", () => {
    for (const text of ["new cables until 14:00", "Wartung, zurück um 15:00", "保守作業", "🔧 5 min"]) {
      assert.equal(shutdownText(shutdownData(text)), text);
    }
  });

  it("is no data at all without text", () => {
    assert.deepEqual(shutdownData(""), octets(""));
    assert.equal(shutdown(octets("")), "Cease: Administrative Shutdown");
    assert.equal(shutdown(octets("00")), "Cease: Administrative Shutdown");
  });

  it("is cut at 255 octets, between two characters", () => {
    assert.equal(shutdownData("a".repeat(300)).length, 256);
    const data = shutdownData(`${"a".repeat(254)}é`);
    assert.deepEqual([data.length, data[0]], [255, 254]);
  });

  it("has nothing in it that a terminal or a log would obey (RFC 9003 §6)", () => {
    for (const text of [
      "\u001b[2J",
      "line\nfeed",
      "\u009b31m",
      "\u202eright-to-left",
      "\u2028",
      "zero\u0000",
      "\u007f",
    ]) {
      assert.match(
        shutdown(shutdownData(text)),
        /^Cease: Administrative Shutdown, "[^\p{Cc}\p{Cf}\p{Zl}]*\uFFFD[^\p{Cc}\p{Cf}\p{Zl}]*"$/u,
      );
    }
  });

  const INVALID = [
    ["a byte that begins nothing", "ff", "\uFFFD"],
    ["a byte that only goes on", "80", "\uFFFD"],
    ["a character that is cut off", "e282", "\uFFFD\uFFFD"],
    ["one that is longer than it need be", "c0af", "\uFFFD\uFFFD"],
    ["three bytes for what two can say", "e0809f", "\uFFFD\uFFFD\uFFFD"],
    ["half a pair of UTF-16", "eda080", "\uFFFD\uFFFD\uFFFD"],
    ["what is beyond Unicode", "f4908080", "\uFFFD\uFFFD\uFFFD\uFFFD"],
    ["a fifth byte", "f888808080", "\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD"],
  ] as const;
  for (const [what, hex, text] of INVALID) {
    it(`reads ${what} as U+FFFD, and the text around it`, () => {
      const bytes = octets(`61${hex}62`);
      assert.equal(shutdownText(concatBytes(Uint8Array.of(bytes.length), bytes)), `a${text}b`);
    });
  }

  it("is read as far as it goes when its length is wrong", () => {
    assert.equal(shutdown(octets("ff616263")), 'Cease: Administrative Shutdown, "abc"');
    assert.equal(shutdown(octets("02616263")), 'Cease: Administrative Shutdown, "ab"');
  });

  it("is read as the language itself reads UTF-8 where that is valid, and never throws", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme", maxLength: 60 }), (text) => {
        assert.deepEqual(shutdownData(text).subarray(1), new TextEncoder().encode(text).subarray(0, 255));
      }),
    );
  });
});

describe("NOTIFICATION", () => {
  it("comes back as it was written, whatever it says (RFC 4271 §6.4)", () => {
    const anyError = fc.record(
      { code: fc.nat(255), subcode: fc.nat(255), data: fc.uint8Array({ maxLength: 4075 }) },
      { noNullPrototype: true },
    );
    fc.assert(
      fc.property(anyError, (error) => {
        const value = { type: "notification", ...error };
        assert.deepEqual(decodeMessage(encodeNotification(error), CONTEXT), { ok: true, value });
      }),
    );
  });

  it("is at most 4096 octets long: data that is longer is cut (RFC 4271 §4.5)", () => {
    assert.equal(encodeNotification({ code: 1, subcode: 1, data: new Uint8Array(5000) }).length, 4096);
  });

  it("is recognized by its words", () => {
    const error = messageError("cease", "connection-collision");
    assert.equal(isError(error, "cease", "connection-collision"), true);
    assert.equal(isError(error, "cease", "bfd-down"), false);
    assert.equal(isError({ ...error, code: 2 }, "cease", "connection-collision"), false);
  });

  it("has a name for every code and subcode that a standard gives", () => {
    for (const { code, name, subcodes } of Object.values(ERRORS)) {
      assert.equal(codeName(code), name);
      for (const [subcode, subname] of Object.values<readonly [number, string]>(subcodes)) {
        assert.equal(subcodeName(code, subcode), subcode === 0 ? undefined : subname);
      }
    }
  });
});

describe("ROUTE-REFRESH", () => {
  const decoded = (body: string) => decodeMessage(rawMessage(5, body), CONTEXT);

  it("may ask for any family (RFC 2918 §3)", () => {
    const value = { type: "route-refresh", family: { afi: 25, safi: 70 }, meaning: "request" };
    assert.deepEqual(decoded("00190046"), { ok: true, value });
  });

  it("means nothing with a subtype that is not assigned (RFC 7313 §5)", () => {
    const value = { type: "route-refresh", family: { afi: 1, safi: 1 }, meaning: "unknown" };
    for (const subtype of ["03", "7f", "ff"]) {
      assert.deepEqual(decoded(`0001${subtype}01`), { ok: true, value });
    }
  });

  it("may ask with outbound filters, which are not looked at (RFC 5291 §5)", () => {
    const value = { type: "route-refresh", family: { afi: 1, safi: 1 }, meaning: "request" };
    assert.deepEqual(decoded("00010001 01 40 0002 abcd"), { ok: true, value });
  });

  it("is refused with the whole message where a mark has another length (RFC 7313 §5)", () => {
    for (const subtype of ["01", "02"]) {
      const bytes = rawMessage(5, `0001${subtype}0100`);
      assert.deepEqual(decodeMessage(bytes, CONTEXT), {
        ok: false,
        error: { code: 7, subcode: 1, data: bytes },
      });
    }
    const longest = decodeMessage(rawMessage(5, `00010101${"00".repeat(4073)}`), CONTEXT);
    assert.ok(!longest.ok);
    assert.equal(encodeNotification(longest.error).length, 4096);
  });
});
