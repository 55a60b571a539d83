import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { concatBytes, toHex, writeU16 } from "#base/bytes";
import { octets, rawMessage } from "#testing/bgp-message";
import { encodeKeepalive } from "./encode.ts";
import { type Framed, Framer } from "./framer.ts";
import type { MessageError } from "./message.ts";

/** All that comes of chunks, one after the other. */
const framed = (...chunks: readonly Uint8Array[]): readonly Framed[] => {
  const framer = new Framer();
  const found: Framed[] = [];
  for (const chunk of chunks) {
    framer.push(chunk);
    for (let next = framer.next(); next !== undefined; next = framer.next()) found.push(next);
  }
  return found;
};

const message = (bytes: Uint8Array): Framed => ({ type: "message", bytes });
const error = (code: number, subcode: number, data = ""): Framed => ({
  type: "error",
  error: { code, subcode, data: octets(data) } satisfies MessageError,
});

/** A header whose length field says this. */
const header = (type: number, length: number): Uint8Array => {
  const bytes = rawMessage(type, "");
  writeU16(bytes, 16, length);
  return bytes;
};

describe("Framer", () => {
  it("gives messages of one chunk as views of it", () => {
    const chunk = concatBytes(encodeKeepalive(), rawMessage(3, "0602"));
    const [first, second] = framed(chunk);
    assert.ok(first?.type === "message" && second?.type === "message");
    assert.equal(first.bytes.buffer, chunk.buffer);
    assert.equal(second.bytes.byteOffset, 19);
    assert.deepEqual(second.bytes, rawMessage(3, "0602"));
  });

  it("gives messages that do not change with later chunks", () => {
    const [left, right] = [rawMessage(3, "0602aabb"), rawMessage(3, "0604ccdd")];
    const found = framed(
      left.subarray(0, 7),
      concatBytes(left.subarray(7), right.subarray(0, 20)),
      right.subarray(20),
    );
    assert.deepEqual(found, [message(left), message(right)]);
  });

  it("gives the same messages however they are cut into chunks", () => {
    const body = fc.uint8Array({ maxLength: 4096 - 23 });
    const messages = fc.array(
      body.map((bytes) => rawMessage(2, concatBytes(new Uint8Array(4), bytes))),
      { minLength: 1, maxLength: 5 },
    );
    fc.assert(
      fc.property(
        messages,
        fc.array(fc.integer({ min: 1, max: 3000 }), { minLength: 1 }),
        (wanted, sizes) => {
          const stream = concatBytes(...wanted);
          const chunks: Uint8Array[] = [];
          for (let at = 0, turn = 0; at < stream.length; turn += 1) {
            const end = at + (sizes[turn % sizes.length] ?? 1);
            chunks.push(stream.subarray(at, end));
            at = end;
          }
          assert.deepEqual(framed(...chunks), wanted.map(message));
        },
      ),
    );
  });

  it("takes the longest message octet by octet, and keeps no chunk meanwhile", () => {
    const longest = rawMessage(2, new Uint8Array(4096 - 19));
    assert.deepEqual(framed(...Array.from(longest, (octet) => Uint8Array.of(octet))), [message(longest)]);
  });

  it("refuses a marker that is not all ones as Connection Not Synchronized (RFC 4271 §6.1)", () => {
    for (let offset = 0; offset < 16; offset += 1) {
      const bytes = encodeKeepalive();
      bytes[offset] = 0xfe;
      assert.deepEqual(framed(bytes), [error(1, 1)]);
    }
  });

  const LENGTHS: readonly (readonly [what: string, type: number, length: number])[] = [
    ["any message shorter than its header", 2, 18],
    ["any message of more than 4096 octets", 2, 4097],
    ["any message of 65535 octets", 2, 65_535],
    ["an OPEN of 28 octets", 1, 28],
    ["an UPDATE of 22 octets", 2, 22],
    ["a NOTIFICATION of 20 octets", 3, 20],
    ["a KEEPALIVE of 20 octets", 4, 20],
    ["a ROUTE-REFRESH of 22 octets", 5, 22],
  ];
  for (const [what, type, length] of LENGTHS) {
    it(`refuses ${what} as Bad Message Length, with the length as data (RFC 4271 §6.1)`, () => {
      assert.deepEqual(framed(header(type, length)), [error(1, 2, length.toString(16).padStart(4, "0"))]);
    });
  }

  it("refuses a type that it does not know as Bad Message Type, with the type as data (RFC 4271 §6.1)", () => {
    for (const type of [0, 6, 255]) {
      assert.deepEqual(framed(header(type, 19)), [error(1, 3, toHex(Uint8Array.of(type)))]);
    }
  });

  it("speaks of the length where the type is wrong, too (RFC 4271 §6.1)", () => {
    assert.deepEqual(framed(header(9, 4097)), [error(1, 2, "1001")]);
  });

  it("knows an error before the message is there, and gives nothing after it", () => {
    const bytes = header(2, 4097);
    assert.deepEqual(
      framed(bytes.subarray(0, 18), bytes.subarray(18), encodeKeepalive(), encodeKeepalive()),
      [error(1, 2, "1001")],
    );
  });

  it("gives what came before an error", () => {
    assert.deepEqual(framed(concatBytes(encodeKeepalive(), new Uint8Array(19))), [
      message(encodeKeepalive()),
      error(1, 1),
    ]);
  });

  it("gives an error or whole messages for arbitrary bytes, and never throws", () => {
    const almost = fc.tuple(fc.nat(6), fc.integer({ min: 0, max: 60 }), fc.uint8Array({ maxLength: 60 }));
    const piece = fc.oneof(
      fc.uint8Array({ maxLength: 100 }),
      almost.map(([type, length, rest]) => concatBytes(header(type, length), rest)),
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 10 }), (chunks) => {
        const found = framed(...chunks);
        const errors = found.filter(({ type }) => type === "error");
        assert.ok(errors.length <= 1 && (errors.length === 0 || found.at(-1)?.type === "error"));
        for (const each of found) assert.ok(each.type === "error" || each.bytes.length >= 19);
      }),
      { numRuns: 2_000 },
    );
  });
});
