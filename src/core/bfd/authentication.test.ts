import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { describe, it } from "node:test";
import fc from "fast-check";
import { readHexDump } from "#testing/golden";
import {
  AUTHENTICATION_TYPES,
  type Authentication,
  type AuthenticationType,
  authenticationProblems,
  type Digest,
  seal,
  sectionLength,
  verify,
} from "./authentication.ts";
import { decode, encode } from "./packet.ts";

const golden = (name: string): Uint8Array => readHexDump(new URL(`testdata/${name}.hex`, import.meta.url));
const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);
const digest: Digest = (algorithm, bytes) => createHash(algorithm).update(bytes).digest();

const auth = (type: AuthenticationType, secret = "a secret", id = 7): Authentication => ({
  type,
  keys: [{ id, secret: bytesOf(secret) }],
});
const ANY = { lastSequence: undefined, detectMultiplier: 3, digest };

/** The sequence numbers in the dumps of BIRD's packets. */
const SEQUENCES: Readonly<Record<AuthenticationType, number>> = {
  "simple-password": 0,
  "keyed-md5": 0xca8c_522a,
  "meticulous-keyed-md5": 0x7dfe_a7ab,
  "keyed-sha1": 0x81bc_355d,
  "meticulous-keyed-sha1": 0xe878_2875,
};

const packetOf = (bytes: Uint8Array) => {
  const result = decode(bytes);
  assert.ok(result.ok);
  return result.value.packet;
};

const sealed = (authentication: Authentication, sequence: number): Uint8Array => {
  const bytes = encode(packetOf(golden("frr-up-poll")), sectionLength(authentication));
  seal(bytes, authentication, { sequence, digest });
  return bytes;
};

describe("authentication (RFC 5880 §4.2, §4.3, §4.4, §6.7.2, §6.7.3, §6.7.4)", () => {
  for (const type of AUTHENTICATION_TYPES) {
    describe(type, () => {
      const bytes = golden(`bird-${type}`);
      const sequence = SEQUENCES[type];

      it("accepts BIRD's packet and makes the same, byte for byte", () => {
        assert.deepEqual(verify(bytes, auth(type), ANY), { ok: true, value: sequence });
        const ours = encode(packetOf(bytes), sectionLength(auth(type)));
        seal(ours, auth(type), { sequence, digest });
        assert.deepEqual(ours, bytes);
      });

      it("refuses another secret, another key and another type", () => {
        const refused = (reason: string) => ({ ok: false, reason });
        assert.deepEqual(verify(bytes, auth(type, "a secreT"), ANY), refused("authentication-digest"));
        assert.deepEqual(verify(bytes, auth(type, "a secret", 8), ANY), refused("authentication-key"));
        for (const other of AUTHENTICATION_TYPES.filter((each) => each !== type)) {
          assert.deepEqual(verify(bytes, auth(other), ANY), refused("authentication-type"));
        }
      });

      it("refuses a packet with any one bit flipped, unless it is a password's", () => {
        for (let bit = 0; bit < bytes.length * 8; bit += 1) {
          const changed = Uint8Array.from(bytes);
          changed[bit >> 3] = (bytes[bit >> 3] ?? 0) ^ (1 << (bit & 7));
          const read = decode(changed);
          if (!read.ok || !read.value.authenticated) continue;
          // A password says nothing of the packet in front of it.
          if (type === "simple-password" && bit < 24 * 8 && read.value.bytes.length === bytes.length)
            continue;
          assert.equal(verify(read.value.bytes, auth(type), ANY).ok, false, `bit ${bit}`);
        }
      });

      it("accepts any of several keys, whatever the first is", () => {
        const keys: Authentication["keys"] = [
          { id: 1, secret: bytesOf("new") },
          { id: 7, secret: bytesOf("a secret") },
        ];
        assert.ok(verify(bytes, { type, keys }, ANY).ok);
        assert.deepEqual(verify(sealed({ type, keys }, 5), auth(type, "new", 1), ANY).ok, true);
      });

      it("takes secrets of the length that fits the field, and shows none", () => {
        const longest = type.endsWith("sha1") ? 20 : 16;
        assert.deepEqual(authenticationProblems(auth(type, "x".repeat(longest))), []);
        for (const secret of ["", "x".repeat(longest + 1)]) {
          const [problem = ""] = authenticationProblems(auth(type, secret));
          assert.match(
            problem,
            new RegExp(`secret of key 7 has ${secret.length} bytes, .* takes 1..${longest}`),
          );
        }
      });
    });
  }

  it("refuses keys with the same id, and ids that do not fit", () => {
    const secret = bytesOf("x");
    const keys: Authentication["keys"] = [
      { id: 256, secret },
      { id: 256, secret },
    ];
    assert.deepEqual(authenticationProblems({ type: "keyed-sha1", keys }), [
      "key id 256 is not in 0..255",
      "key id 256 is not in 0..255",
      "two keys have the same id",
    ]);
  });

  it("refuses sections of the wrong length", () => {
    const bytes = golden("bird-keyed-sha1");
    for (const changes of [{ 25: 27 }, { 25: 29 }, { 25: 0 }]) {
      const changed = Uint8Array.from(bytes);
      for (const [offset, value] of Object.entries(changes)) changed[Number(offset)] = value;
      assert.deepEqual(verify(changed, auth("keyed-sha1"), ANY), {
        ok: false,
        reason: "authentication-length",
      });
    }
    for (let length = 26; length < bytes.length; length += 1) {
      const cut = Uint8Array.from(bytes.subarray(0, length));
      [cut[3], cut[25]] = [length, length - 24];
      assert.deepEqual(verify(cut, auth("keyed-sha1"), ANY), { ok: false, reason: "authentication-length" });
    }
    const short = Uint8Array.of(...bytes.subarray(0, 24), 1, 3, 7);
    short[3] = 27;
    assert.deepEqual(verify(short, auth("simple-password"), ANY), {
      ok: false,
      reason: "authentication-length",
    });
  });

  it("accepts the next 3 times multiplier numbers, the same only if not meticulous, in a circle (RFC 5880 §6.7.3)", () => {
    for (const type of [
      "keyed-md5",
      "meticulous-keyed-md5",
      "keyed-sha1",
      "meticulous-keyed-sha1",
    ] as const) {
      for (const last of [5, 0xffff_fffe]) {
        const accepts = (ahead: number): boolean => {
          const bytes = sealed(auth(type), (last + ahead) >>> 0);
          return verify(bytes, auth(type), { lastSequence: last, detectMultiplier: 4, digest }).ok;
        };
        const found = [-1, 0, 1, 12, 13].map(accepts);
        assert.deepEqual(found, [false, !type.startsWith("meticulous"), true, true, false]);
      }
    }
  });

  it("never throws on arbitrary bytes behind a packet", () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ minLength: 2, maxLength: 60 }),
        fc.constantFrom(...AUTHENTICATION_TYPES),
        (section, type) => {
          verify(Uint8Array.of(...new Uint8Array(24), ...section), auth(type), ANY);
        },
      ),
    );
  });
});
