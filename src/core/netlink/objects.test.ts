import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import type { Decoded } from "#base/decoded";
import { parseInterfaceAddress } from "#base/prefix";
import { type Dump, readExchange } from "#testing/exchange";
import { address } from "#testing/values";
import {
  type AddressRequest,
  decodeAddress,
  encodeAddressAdd,
  encodeAddressDump,
  encodeAddressRemove,
  encodeIpv6AddressGet,
} from "./address.ts";
import { MessageBuilder } from "./builder.ts";
import {
  IFLA_EVENT,
  RTM_DELADDR,
  RTM_DELLINK,
  RTM_NEWADDR,
  RTM_NEWLINK,
  RTM_NEWNEIGH,
  RTM_NEWROUTE,
} from "./constants.ts";
import { decodeLink, encodeLinkDump, isReroute } from "./link.ts";
import { decodeMessages, isAcknowledgement } from "./message.ts";
import { decodeNeighbour, encodeNeighbourDump } from "./neighbour.ts";
import { decodeRoute, encodeRouteGet } from "./route.ts";

const exchange = (file: string): readonly Dump[] =>
  readExchange(new URL(`testdata/${file}.hex`, import.meta.url));

const on = (linkIndex: number, text: string): AddressRequest => {
  const parsed = parseInterfaceAddress(text);
  assert.ok(parsed, text);
  return { linkIndex, address: parsed };
};

type Decode = (body: Uint8Array) => Decoded<unknown, string>;
const DECODERS: ReadonlyMap<number, Decode> = new Map<number, Decode>([
  [RTM_NEWLINK, decodeLink],
  [RTM_DELLINK, decodeLink],
  [RTM_NEWADDR, decodeAddress],
  [RTM_DELADDR, decodeAddress],
  [RTM_NEWROUTE, decodeRoute],
  [RTM_NEWNEIGH, decodeNeighbour],
]);

/** Every object in the answers of a capture: its value, or why it was refused. */
const objectsIn = (file: string): readonly unknown[] =>
  bodiesIn(file).map(({ decode, body }) => {
    const object = decode(body);
    return object.ok ? object.value : object.reason;
  });

const bodiesIn = (file: string): readonly { readonly decode: Decode; readonly body: Uint8Array }[] =>
  exchange(file)
    .filter(({ name }) => name === "Answer")
    .flatMap(({ bytes }) => {
      const messages = decodeMessages(bytes);
      return messages.ok ? messages.value : [];
    })
    .filter((message) => !isAcknowledgement(message))
    .map(({ type, body }) => {
      const decode = DECODERS.get(type);
      assert.ok(decode, `no decoder for message type ${type}`);
      return { decode, body };
    });

type Encode = (builder: MessageBuilder, sequence: number) => void;
const QUESTIONS: readonly { readonly file: string; readonly encode: readonly Encode[] }[] = [
  {
    file: "add",
    encode: [
      (builder, sequence) =>
        encodeAddressAdd(builder, sequence, { ...on(2, "192.0.2.10/24"), label: "edge0:vip" }),
      (builder, sequence) => encodeAddressAdd(builder, sequence, on(2, "2001:db8::10/64")),
    ],
  },
  {
    file: "lookup",
    encode: [
      (builder, sequence) => encodeAddressAdd(builder, sequence, on(2, "2001:db8::10/128")),
      (builder, sequence) => encodeIpv6AddressGet(builder, sequence, on(2, "2001:db8::10/128")),
    ],
  },
  {
    file: "routes",
    encode: ["192.0.2.77", "2001:db8::77", "198.51.100.1"].map(
      (text) => (builder: MessageBuilder, sequence: number) =>
        encodeRouteGet(builder, sequence, address(text)),
    ),
  },
  { file: "links", encode: [encodeLinkDump] },
  { file: "addresses", encode: [encodeAddressDump] },
  { file: "neighbours", encode: [encodeNeighbourDump] },
  {
    file: "remove",
    encode: [1, 2].map(
      () => (builder: MessageBuilder, sequence: number) =>
        encodeAddressRemove(builder, sequence, on(2, "192.0.2.10/24")),
    ),
  },
];

describe("rtnetlink objects", () => {
  for (const { file, encode } of QUESTIONS) {
    it(`asks byte for byte what the kernel answered in ${file}.hex`, () => {
      const questions = exchange(file).filter(({ name }) => name === "Question");
      assert.equal(questions.length, encode.length);
      for (const [index, { bytes }] of questions.entries()) {
        const builder = new MessageBuilder();
        encode[index]?.(builder, bytes[8] ?? 0);
        assert.deepEqual(builder.bytes(), bytes);
      }
    });
  }

  it("reads links: loopback without an Ethernet address, a veth, a bridge and its port", () => {
    const up = { up: true, carrier: true, loopback: false, mtu: 1500 };
    assert.deepEqual(objectsIn("links"), [
      { index: 1, name: "lo", mtu: 65536, up: true, carrier: true, loopback: true },
      { ...up, index: 2, name: "edge0", mac: "02:00:00:00:00:0a", kind: "veth", lower: 3 },
      {
        ...{ ...up, index: 3, name: "far0", mac: "02:00:00:00:00:0b", kind: "veth", lower: 2 },
        ...{ master: 4, masterKind: "bridge" },
      },
      { ...up, index: 4, name: "br0", mac: "02:00:00:00:00:0c", kind: "bridge" },
    ]);
  });

  it("reads addresses with label and protocol, ours and the kernel's", () => {
    const settled = { tentative: false, duplicate: false };
    assert.deepEqual(objectsIn("addresses"), [
      { ...settled, linkIndex: 1, address: "127.0.0.1", prefixLength: 8, label: "lo" },
      {
        ...settled,
        linkIndex: 2,
        address: "192.0.2.10",
        prefixLength: 24,
        label: "edge0:vip",
        protocol: 0x53,
      },
      { ...settled, linkIndex: 1, address: "::1", prefixLength: 128, protocol: 1 },
      { ...settled, linkIndex: 2, address: "2001:db8::10", prefixLength: 64, protocol: 0x53 },
    ]);
  });

  it("reads routes: direct ones with their source, and IPv4 through an IPv6 gateway (RFC 5549)", () => {
    assert.deepEqual(objectsIn("routes"), [
      { linkIndex: 2, source: "192.0.2.10" },
      { linkIndex: 2, source: "2001:db8::10" },
      { linkIndex: 2, gateway: "2001:db8::1", source: "192.0.2.10" },
    ]);
  });

  it("reads neighbours with their state, multicast groups included", () => {
    const group = { address: "ff02::16", mac: "33:33:00:00:00:16", state: "noarp" };
    assert.deepEqual(objectsIn("neighbours"), [
      { linkIndex: 4, address: "224.0.0.22", mac: "01:00:5e:00:00:16", state: "noarp" },
      { linkIndex: 2, address: "192.0.2.77", mac: "02:00:00:00:00:77", state: "permanent" },
      { ...group, linkIndex: 4 },
      { ...group, linkIndex: 2 },
      { linkIndex: 2, address: "2001:db8::77", mac: "02:00:00:00:00:77", state: "stale" },
    ]);
  });

  it("does not take a port that leaves its bridge for a link that is gone", () => {
    assert.ok(objectsIn("changes").includes("other-family"));
  });

  it("reads a tentative and a duplicate address from the short flags of old kernels", () => {
    const body = Uint8Array.from([2, 24, 0x48, 0, 3, 0, 0, 0, 8, 0, 2, 0, 192, 0, 2, 1]);
    assert.deepEqual(decodeAddress(body), {
      ok: true,
      value: { linkIndex: 3, address: "192.0.2.1", prefixLength: 24, tentative: true, duplicate: true },
    });
  });

  it("takes our own end of an address with a peer", () => {
    const peer = [8, 0, 1, 0, 192, 0, 2, 2];
    const own = [8, 0, 2, 0, 192, 0, 2, 1];
    const decodedAddress = decodeAddress(Uint8Array.from([2, 32, 0, 0, 3, 0, 0, 0, ...peer, ...own]));
    assert.equal(decodedAddress.ok && decodedAddress.value.address, "192.0.2.1");
  });

  it("sees that a link is reached another way: its bond has changed its port, or its machine its host", () => {
    const head = [0, 0, 1, 0, 7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    const body = (event: number): Uint8Array =>
      Uint8Array.from([...head, 8, 0, IFLA_EVENT, 0, event, 0, 0, 0]);
    // After none: reboot, features, failover of a bond, notify peers, resend IGMP, options of a bond.
    const reroutes = [0, 1, 2, 3, 4, 5, 6].filter((event) => isReroute(body(event)));
    assert.deepEqual(reroutes, [3, 4]);
    for (let length = 0; length < body(4).length; length += 1)
      assert.equal(isReroute(body(4).subarray(0, length)), false);
    const ofBridge = body(4);
    ofBridge[0] = 7;
    assert.equal(isReroute(ofBridge), false);
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => typeof isReroute(bytes) === "boolean"),
    );
  });

  it("refuses a link without a name or an index", () => {
    const link = (index: number, name: number): Uint8Array =>
      Uint8Array.from([
        ...[0, 0, 1, 0, index, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
        6,
        0,
        3,
        0,
        name,
        0,
        0,
        0,
        8,
        0,
        4,
        0,
        0,
        5,
        0,
        0,
      ]);
    assert.ok(decodeLink(link(1, 0x65)).ok);
    assert.deepEqual(decodeLink(link(0, 0x65)), { ok: false, reason: "bad-attribute" });
    assert.deepEqual(decodeLink(link(1, 0)), { ok: false, reason: "bad-attribute" });
  });

  it("refuses a prefix longer than the address", () => {
    const body = Uint8Array.from([2, 33, 0, 0, 3, 0, 0, 0, 8, 0, 2, 0, 192, 0, 2, 1]);
    assert.deepEqual(decodeAddress(body), { ok: false, reason: "bad-attribute" });
  });

  it("refuses an address of the other family's size", () => {
    const body = Uint8Array.from([10, 64, 0, 0, 3, 0, 0, 0, 8, 0, 1, 0, 192, 0, 2, 1]);
    assert.deepEqual(decodeAddress(body), { ok: false, reason: "bad-attribute" });
  });

  it("refuses every object without what makes it one", () => {
    for (const decode of [decodeAddress, decodeRoute, decodeNeighbour]) {
      assert.deepEqual(
        decode(Uint8Array.from([2, ...new Array<number>(11).fill(0)]).subarray(0, sizeOf(decode))),
        {
          ok: false,
          reason: "missing-attribute",
        },
      );
    }
    assert.deepEqual(decodeLink(new Uint8Array(16)), { ok: false, reason: "missing-attribute" });
  });
});

const sizeOf = (decode: Decode): number => (decode === decodeAddress ? 8 : 12);

const FILES = ["links", "addresses", "routes", "neighbours", "changes", "lookup"];
const captured = FILES.flatMap(bodiesIn);

describe("rtnetlink decoders on damaged bytes", () => {
  it("never throw on any truncation", () => {
    for (const { decode, body } of captured) {
      for (let length = 0; length < body.length; length += 1) decode(body.subarray(0, length));
    }
  });

  it("refuse a fixed header that is cut off", () => {
    for (const { decode, body } of captured) {
      assert.deepEqual(decode(body.subarray(0, 7)), { ok: false, reason: "truncated" });
    }
  });

  it("never throw on captured objects with some bytes changed", () => {
    const changes = fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 12 });
    fc.assert(
      fc.property(fc.constantFrom(...captured), changes, ({ decode, body }, changes) => {
        const damaged = body.slice();
        for (const [offset, value] of changes) damaged[offset % damaged.length] = value;
        decode(damaged);
      }),
      { numRuns: 2_000 },
    );
  });

  it("never throw on arbitrary bytes", () => {
    const decoders = [...DECODERS.values()];
    fc.assert(
      fc.property(fc.constantFrom(...decoders), fc.uint8Array({ maxLength: 128 }), (decode, bytes) => {
        decode(bytes);
      }),
      { numRuns: 2_000 },
    );
  });
});
