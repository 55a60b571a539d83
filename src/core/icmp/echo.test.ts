import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import type { IpFamily } from "#base/address";
import { concatBytes } from "#base/bytes";
import { internetChecksum } from "#base/checksum";
import { encodeEcho, isEchoReply } from "./echo.ts";

const ASKED = { identifier: 0x1234, sequence: 7 };
const HEADER: Readonly<Record<IpFamily, Uint8Array>> = {
  IPv4: Uint8Array.of(0x45, ...new Array<number>(19).fill(0)),
  IPv6: new Uint8Array(0),
};

/** The answer to `ASKED` as a raw socket gives it. */
const replyTo = (family: IpFamily): Uint8Array => {
  const message = encodeEcho(family, ASKED);
  message[0] = family === "IPv4" ? 0 : 129;
  return concatBytes(HEADER[family], message);
};

describe("an ICMP echo", () => {
  it("is asked as RFC 792 has it, with a right checksum", () => {
    const bytes = encodeEcho("IPv4", ASKED);
    assert.deepEqual([...bytes.subarray(0, 2), ...bytes.subarray(4)], [8, 0, 0x12, 0x34, 0, 7]);
    assert.equal(internetChecksum(bytes), 0);
  });

  it("is asked as RFC 4443 §4.1 has it, with the checksum left to the kernel", () => {
    assert.deepEqual([...encodeEcho("IPv6", ASKED)], [128, 0, 0, 0, 0x12, 0x34, 0, 7]);
  });

  for (const family of ["IPv4", "IPv6"] as const) {
    it(`is answered by its own reply and no other (${family})`, () => {
      assert.ok(isEchoReply(family, replyTo(family), ASKED));
      assert.ok(!isEchoReply(family, replyTo(family), { ...ASKED, sequence: 8 }));
      assert.ok(!isEchoReply(family, replyTo(family), { ...ASKED, identifier: 1 }));
      assert.ok(!isEchoReply(family, concatBytes(HEADER[family], encodeEcho(family, ASKED)), ASKED));
    });

    it(`is not answered by any part of a reply, nor by noise (${family})`, () => {
      const reply = replyTo(family);
      for (let length = 0; length < reply.length; length += 1) {
        assert.ok(!isEchoReply(family, reply.subarray(0, length), ASKED), String(length));
      }
      fc.assert(
        fc.property(fc.uint8Array({ maxLength: 64 }), (noise) => void isEchoReply(family, noise, ASKED)),
      );
    });
  }
});
