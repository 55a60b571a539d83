import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { addressBytes, addressFromBytes, type IpFamily } from "#base/address";
import { concatBytes, toHex } from "#base/bytes";
import { formatInterfaceAddress, type InterfaceAddress, networkOf } from "#base/prefix";
import {
  announce,
  BEHIND_IPV6,
  EXTENDED,
  MODERN,
  OLD,
  PLAIN,
  prefix,
  takeApart,
  withdraw,
} from "#testing/bgp-update";
import { address } from "#testing/values";
import { writeAddress } from "./address-octets.ts";
import { unicast } from "./constants.ts";
import type { EncodeContext } from "./context.ts";
import { decodeMessage } from "./decode.ts";
import { encodeUpdates } from "./encode-update.ts";
import type { PathAttributes, Update } from "./message.ts";

const only = (update: Update, context = MODERN): Uint8Array => {
  const [first, ...more] = encodeUpdates(update, context);
  assert.deepEqual(more, []);
  return first ?? assert.fail("no message");
};
const attributesOf = (update: Update, context = MODERN): readonly string[] =>
  takeApart(only(update, context)).attributes.map(
    ({ code, flags, value }) => `${code} ${flags.toString(16)} ${value}`,
  );

describe("where prefixes stand", () => {
  it("is the end of the message for IPv4 with an IPv4 next hop, whatever was agreed on (RFC 4271 §4.3)", () => {
    for (const context of [OLD, MODERN, EXTENDED]) {
      const { announced, attributes } = takeApart(
        only(announce("IPv4", {}, "192.0.2.0/24", "0.0.0.0/0"), context),
      );
      assert.deepEqual(announced, ["192.0.2.0/24", "0.0.0.0/0"]);
      assert.deepEqual(
        attributes.map(({ code }) => code),
        [1, 2, 3],
      );
    }
  });

  it("is MP_REACH_NLRI for IPv4 with an IPv6 next hop, without NEXT_HOP (RFC 8950 §3)", () => {
    const [reach, ...others] = attributesOf(announce("IPv4", BEHIND_IPV6, "192.0.2.0/24"), EXTENDED);
    const nextHops = `fd09${"0".repeat(27)}1fe80${"0".repeat(27)}1`;
    assert.equal(reach, `14 80 00010120${nextHops}0018c00002`);
    assert.deepEqual(others, ["1 40 00", "2 40 02010000fde9"]);
  });

  it("is MP_REACH_NLRI for IPv6, with a next hop of 16 octets, or of 32 with a link-local one (RFC 2545 §3)", () => {
    const global = { nextHop: { address: address("fd09::1"), linkLocal: undefined } };
    const [short] = attributesOf(announce("IPv6", global, "2001:db8::/32"));
    assert.equal(short, `14 80 00020110fd09${"0".repeat(27)}1002020010db8`);
    const [long] = attributesOf(announce("IPv6", BEHIND_IPV6, "::/0"));
    assert.equal(long, `14 80 00020120fd09${"0".repeat(27)}1fe80${"0".repeat(27)}10000`);
  });

  it("is the field for withdrawn ones for IPv4 alone, MP_UNREACH_NLRI with IPv6 next hops agreed on, and for IPv6 (RFC 4760 §4)", () => {
    assert.deepEqual(takeApart(only(withdraw("IPv4", "192.0.2.0/24"), OLD)).attributes, []);
    assert.deepEqual(attributesOf(withdraw("IPv4", "192.0.2.0/24"), EXTENDED), ["15 80 00010118c00002"]);
    assert.deepEqual(attributesOf(withdraw("IPv6", "2001:db8::/32")), ["15 80 0002012020010db8"]);
  });

  it("is nowhere at the end of a table (RFC 4724 §2)", () => {
    const ends = (["IPv4", "IPv6"] as const).map((family) =>
      decodeMessage(only({ type: "end-of-rib", family }), { hasFourOctetAsn: true, kind: "external" }),
    );
    assert.deepEqual(
      ends.map((each) => each.ok && each.value.type === "update" && each.value.endOfRib),
      [unicast("IPv4"), unicast("IPv6")],
    );
  });
});

const anyPrefix = (family: IpFamily): fc.Arbitrary<InterfaceAddress> => {
  const length = family === "IPv4" ? 4 : 16;
  return fc
    .tuple(fc.uint8Array({ minLength: length, maxLength: length }), fc.integer({ min: 0, max: length * 8 }))
    .map(([bytes, prefixLength]) => networkOf({ address: addressFromBytes(bytes), prefixLength }));
};

const word = fc.integer({ min: 0, max: 0xffff_ffff });
const anyAttributes: fc.Arbitrary<Partial<PathAttributes>> = fc.record({
  origin: fc.constantFrom("igp" as const, "egp" as const, "incomplete" as const),
  asPath: fc.array(fc.integer({ min: 1, max: 0xffff_ffff }), { maxLength: 6 }),
  med: fc.option(word, { nil: undefined }),
  localPref: fc.option(word, { nil: undefined }),
  communities: fc.array(word, { maxLength: 70 }),
  largeCommunities: fc.array(fc.record({ administrator: word, first: word, second: word }), {
    maxLength: 30,
  }),
  linkBandwidth: fc.option(fc.record({ asn: word, bytesPerSecond: fc.float({ min: 0, noNaN: true }) }), {
    nil: undefined,
  }),
});
const anyContext = fc.record({ hasFourOctetAsn: fc.boolean(), hasExtendedNextHop: fc.boolean() });

describe("encodeUpdates", () => {
  const families = fc.constantFrom("IPv4" as const, "IPv6" as const);
  const prefixesOf = (family: IpFamily) => fc.array(anyPrefix(family), { maxLength: 700, size: "max" });

  it("tells every prefix once, in order, in messages that peers take as they are, for everything there is to say (RFC 4760 §5)", () => {
    const anything = families.chain((family) =>
      fc.tuple(
        fc.constant(family),
        prefixesOf(family),
        fc.option(anyAttributes, { nil: undefined }),
        fc.boolean(),
        anyContext,
      ),
    );
    fc.assert(
      fc.property(anything, ([family, prefixes, attributes, isBehindIpv6, rest]) => {
        const context = { ...rest, multiprotocol: true };
        const behindIpv6 = family === "IPv6" || (isBehindIpv6 && context.hasExtendedNextHop);
        const whole = { ...PLAIN, ...attributes, ...(behindIpv6 ? BEHIND_IPV6 : {}) };
        const update: Update =
          attributes === undefined
            ? { type: "withdraw", family, prefixes }
            : { type: "announce", family, attributes: whole, prefixes };
        const messages = encodeUpdates(update, context);
        const told: string[] = [];
        for (const bytes of messages) {
          assert.ok(bytes.length <= 4096);
          const { announced, withdrawn } = takeApart(bytes);
          told.push(...announced, ...withdrawn);
          assert.deepEqual(attributes === undefined ? announced : withdrawn, []);
          const kind = whole.localPref === undefined ? ("external" as const) : ("internal" as const);
          const heard = decodeMessage(bytes, { ...context, kind });
          assert.ok(heard.ok && heard.value.type === "update");
          assert.deepEqual(heard.value.leniency, []);
          assert.deepEqual(
            [heard.value.announced, heard.value.withdrawn],
            [announced.length, withdrawn.length],
          );
        }
        assert.deepEqual(told, prefixes.map(formatInterfaceAddress));
      }),
      { numRuns: 60 },
    );
  });

  it("fills messages: ten thousand prefixes of 32 bits need 13 (RFC 4271 §4.1)", () => {
    const prefixes = Array.from({ length: 10_000 }, (_, index) =>
      prefix(`10.0.${index >> 8}.${index & 255}/32`),
    );
    const messages = encodeUpdates({ type: "announce", family: "IPv4", attributes: PLAIN, prefixes }, MODERN);
    assert.deepEqual(
      messages.map(({ length }) => length),
      [...new Array<number>(12).fill(4093), 1443],
    );
  });

  it("uses the last octet of a message, and no more", () => {
    const fitting = [
      ...Array.from({ length: 810 }, (_, index) => `10.0.${index >> 8}.${index & 255}/32`),
      "10.1.0.0/16",
    ];
    assert.deepEqual(
      encodeUpdates(announce("IPv4", {}, ...fitting), MODERN).map(({ length }) => length),
      [4096],
    );
    const long = encodeUpdates(announce("IPv4", {}, ...fitting.slice(0, 810), "10.1.0.0/17"), MODERN);
    assert.deepEqual(
      long.map(({ length }) => length),
      [4093, 47],
    );
  });

  it("says nothing where there is nothing to say", () => {
    assert.deepEqual(encodeUpdates(announce("IPv4", {}), MODERN), []);
    assert.deepEqual(encodeUpdates(withdraw("IPv6"), MODERN), []);
  });

  it("asserts that the session has agreed on what is said", () => {
    const said = (update: Update, context: EncodeContext) => () => encodeUpdates(update, context);
    assert.throws(said(announce("IPv6", BEHIND_IPV6, "::/0"), OLD), /without multiprotocol/);
    assert.throws(said(withdraw("IPv6", "::/0"), OLD), /without multiprotocol/);
    assert.throws(said({ type: "end-of-rib", family: "IPv6" }, OLD), /without multiprotocol/);
    assert.throws(said(announce("IPv6", {}, "::/0"), MODERN), /IPv6 next hops/);
    assert.throws(said(announce("IPv4", BEHIND_IPV6, "10.0.0.0/8"), MODERN), /no such next hop/);
    const communities = Array.from({ length: 1_100 }, (_, index) => index);
    assert.throws(said(announce("IPv4", { communities }, "10.0.0.0/8"), MODERN), /leave no room/);
  });
});

it("writes addresses as addressBytes has them, for every address", () => {
  const anyAddress = fc.oneof(
    fc.uint8Array({ minLength: 4, maxLength: 4 }),
    fc.uint8Array({ minLength: 16, maxLength: 16 }),
    fc
      .array(fc.constantFrom(0, 0, 0, 1, 0xff), { minLength: 16, maxLength: 16 })
      .map((bytes) => Uint8Array.from(bytes)),
    fc
      .uint8Array({ minLength: 4, maxLength: 4 })
      .map((bytes) => concatBytes(new Uint8Array(10), Uint8Array.of(0xff, 0xff), bytes)),
  );
  fc.assert(
    fc.property(anyAddress, (octets) => {
      const written = new Uint8Array(octets.length + 2).fill(0xaa);
      writeAddress(written, 1, addressFromBytes(octets));
      assert.equal(toHex(written), `aa${toHex(addressBytes(addressFromBytes(octets)))}aa`);
    }),
    { numRuns: 5_000 },
  );
});
