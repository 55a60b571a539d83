import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { describe, it } from "node:test";
import { readHexDump } from "#testing/golden";
import { address } from "#testing/values";
import { unicast } from "./constants.ts";
import type { DecodeContext } from "./context.ts";
import { decodeMessage } from "./decode.ts";
import { encodeKeepalive, encodeNotification, encodeOpen, encodeRouteRefresh } from "./encode.ts";
import type { HeardMessage, HeardUpdate } from "./message.ts";

const golden = (name: string): Uint8Array => readHexDump(new URL(`testdata/${name}.hex`, import.meta.url));

const EXTERNAL: DecodeContext = { hasFourOctetAsn: true, kind: "external" };
const INTERNAL: DecodeContext = { hasFourOctetAsn: true, kind: "internal" };
const TWO_OCTETS: DecodeContext = { hasFourOctetAsn: false, kind: "external" };

const IPV4 = unicast("IPv4");
const IPV6 = unicast("IPv6");
const FRR_LINK_LOCAL = address("fe80::a091:1cff:fecc:bbb4");
const BIRD_LINK_LOCAL = address("fe80::86b:1cff:fe4e:7c79");

const update = (wanted: Partial<HeardUpdate>): HeardUpdate => ({
  ...{ type: "update", announced: 0, withdrawn: 0, endOfRib: undefined, nextHops: [], leniency: [] },
  ...wanted,
});

const unknown = (code: number, hex: string) =>
  ({ type: "unknown", code, value: Uint8Array.from(Buffer.from(hex, "hex")) }) as const;
const family = (word: "IPv4" | "IPv6") => ({ type: "multiprotocol", family: unicast(word) }) as const;
const IPV4_BEHIND_IPV6 = { type: "extended-next-hop", entries: [{ family: IPV4, nextHopAfi: 2 }] } as const;

type Row = readonly [name: string, context: DecodeContext, value: HeardMessage];

const OPENS: readonly Row[] = [
  [
    "frr-open",
    EXTERNAL,
    {
      ...{ type: "open", version: 4, asn: 65_001, holdTime: 180, routerId: address("10.9.0.1") as never },
      capabilities: [
        ...[family("IPv4"), IPV4_BEHIND_IPV6, family("IPv6"), unknown(128, ""), { type: "route-refresh" }],
        ...[
          { type: "enhanced-route-refresh" },
          { type: "four-octet-as", asn: 65_001 },
          { type: "extended-message" },
        ],
        ...[unknown(69, "0001010100020101"), unknown(73, "0366727200")],
        {
          ...{ type: "graceful-restart", isRestarting: true, survivesNotification: true, restartTime: 120 },
          families: [
            { family: IPV4, isForwardingPreserved: false },
            { family: IPV6, isForwardingPreserved: false },
          ],
        },
        unknown(71, "0001018000000000020180000000"),
      ] as never,
    },
  ],
  [
    "bird-open",
    EXTERNAL,
    {
      ...{ type: "open", version: 4, asn: 23_456, holdTime: 240, routerId: address("10.9.0.2") as never },
      capabilities: [
        ...[family("IPv4"), family("IPv6"), { type: "route-refresh" } as const, IPV4_BEHIND_IPV6],
        { type: "extended-message" },
        {
          ...{ type: "graceful-restart", isRestarting: false, survivesNotification: false, restartTime: 120 },
          families: [
            { family: IPV4, isForwardingPreserved: false },
            { family: IPV6, isForwardingPreserved: false },
          ],
        },
        { type: "four-octet-as", asn: 4_200_000_002 },
        { type: "enhanced-route-refresh" },
        unknown(71, ""),
      ],
    },
  ],
  [
    "bird-open-two-octet",
    EXTERNAL,
    {
      ...{ type: "open", version: 4, asn: 65_002, holdTime: 240, routerId: address("10.9.0.2") as never },
      capabilities: [
        ...[family("IPv4"), family("IPv6"), { type: "route-refresh" } as const],
        {
          ...{ type: "graceful-restart", isRestarting: false, survivesNotification: false, restartTime: 120 },
          families: [],
        },
        { type: "enhanced-route-refresh" },
        unknown(71, ""),
      ],
    },
  ],
  [
    "gobgp-open",
    EXTERNAL,
    {
      ...{ type: "open", version: 4, asn: 65_001, holdTime: 90, routerId: address("10.9.0.3") as never },
      capabilities: [
        ...[{ type: "route-refresh" } as const, unknown(73, "02766d00"), family("IPv4"), family("IPv6")],
        { type: "four-octet-as", asn: 65_001 },
        {
          ...{ type: "graceful-restart", isRestarting: false, survivesNotification: true, restartTime: 20 },
          families: [
            { family: IPV4, isForwardingPreserved: false },
            { family: IPV6, isForwardingPreserved: false },
          ],
        },
        IPV4_BEHIND_IPV6,
      ],
    },
  ],
];

const UPDATES: readonly Row[] = [
  ["frr-update-internal", INTERNAL, update({ announced: 3, nextHops: [address("10.9.0.1")] })],
  ["frr-update-ipv4", EXTERNAL, update({ announced: 3, nextHops: [address("10.9.0.1")] })],
  ["frr-update-ipv6", EXTERNAL, update({ announced: 2, nextHops: [address("fd09::1"), FRR_LINK_LOCAL] })],
  [
    "frr-update-ipv4-over-ipv6",
    EXTERNAL,
    update({ announced: 3, nextHops: [address("fd09::1"), FRR_LINK_LOCAL] }),
  ],
  ["frr-update-as4-path", TWO_OCTETS, update({ announced: 1, nextHops: [address("10.9.0.1")] })],
  ["frr-update-two-octet", TWO_OCTETS, update({ announced: 2, nextHops: [address("10.9.0.1")] })],
  ["frr-withdraw-ipv4", EXTERNAL, update({ withdrawn: 1 })],
  ["frr-withdraw-ipv6", EXTERNAL, update({ withdrawn: 1 })],
  ["frr-withdraw-ipv4-over-ipv6", EXTERNAL, update({ withdrawn: 1 })],
  ["frr-end-of-rib-ipv4", EXTERNAL, update({ endOfRib: IPV4 })],
  ["frr-end-of-rib-ipv6", EXTERNAL, update({ endOfRib: IPV6 })],
  ["bird-update-ipv4", EXTERNAL, update({ announced: 1, nextHops: [address("10.9.0.2")] })],
  ["bird-update-ipv6", EXTERNAL, update({ announced: 1, nextHops: [address("fd09::2"), BIRD_LINK_LOCAL] })],
  [
    "bird-update-ipv4-over-ipv6",
    EXTERNAL,
    update({ announced: 1, nextHops: [address("fd09::2"), BIRD_LINK_LOCAL] }),
  ],
  ["bird-withdraw-ipv4", EXTERNAL, update({ withdrawn: 1 })],
  ["bird-withdraw-ipv6", EXTERNAL, update({ withdrawn: 1 })],
  ["bird-withdraw-ipv4-over-ipv6", EXTERNAL, update({ withdrawn: 1 })],
  ["bird-end-of-rib-ipv4", EXTERNAL, update({ endOfRib: IPV4 })],
  ["bird-end-of-rib-ipv6", EXTERNAL, update({ endOfRib: IPV6 })],
  ["gobgp-update-internal", INTERNAL, update({ announced: 1, nextHops: [address("10.9.0.3")] })],
  ["gobgp-update-ipv4", EXTERNAL, update({ announced: 1, nextHops: [address("10.9.0.3")] })],
  ["gobgp-update-ipv6", EXTERNAL, update({ announced: 1, nextHops: [address("fd09::3")] })],
  ["gobgp-update-ipv6-mapped", EXTERNAL, update({ announced: 1, nextHops: [address("::ffff:10.9.0.3")] })],
  ["gobgp-withdraw-ipv4", EXTERNAL, update({ withdrawn: 1 })],
  ["gobgp-withdraw-ipv6", EXTERNAL, update({ withdrawn: 1 })],
  ["gobgp-end-of-rib-ipv4", EXTERNAL, update({ endOfRib: IPV4 })],
  ["gobgp-end-of-rib-ipv6", EXTERNAL, update({ endOfRib: IPV6 })],
];

const refresh = (word: "IPv4" | "IPv6", meaning: "request" | "begin" | "end"): HeardMessage => ({
  ...{ type: "route-refresh", family: unicast(word), meaning },
});
const notification = (code: number, subcode: number, data: Uint8Array): HeardMessage => ({
  ...{ type: "notification", code, subcode, data },
});
const said = (text: string): Uint8Array => {
  const bytes = new TextEncoder().encode(text);
  return Uint8Array.of(bytes.length, ...bytes);
};

const OTHERS: readonly Row[] = [
  ["frr-keepalive", EXTERNAL, { type: "keepalive" }],
  ["bird-keepalive", EXTERNAL, { type: "keepalive" }],
  ["gobgp-keepalive", EXTERNAL, { type: "keepalive" }],
  ["frr-route-refresh-ipv4", EXTERNAL, refresh("IPv4", "request")],
  ["frr-route-refresh-begin-ipv6", EXTERNAL, refresh("IPv6", "begin")],
  ["frr-route-refresh-end-ipv6", EXTERNAL, refresh("IPv6", "end")],
  ["bird-route-refresh-ipv6", EXTERNAL, refresh("IPv6", "request")],
  ["bird-route-refresh-begin-ipv4", EXTERNAL, refresh("IPv4", "begin")],
  ["bird-route-refresh-end-ipv4", EXTERNAL, refresh("IPv4", "end")],
  ["frr-shutdown", EXTERNAL, notification(6, 2, said("new cables until 14:00"))],
  ["bird-shutdown", EXTERNAL, notification(6, 2, said("Wartung, zurück um 15:00"))],
  ["gobgp-shutdown", EXTERNAL, notification(6, 2, said("gobgp says good-bye"))],
  ["frr-bad-peer-as", EXTERNAL, notification(2, 2, Uint8Array.of(0x5b, 0xa0))],
  ["frr-configuration-change", EXTERNAL, notification(6, 6, new Uint8Array(0))],
  ["frr-hard-reset", EXTERNAL, notification(6, 9, Uint8Array.of(6, 4))],
];

const ROWS: readonly Row[] = [...OPENS, ...UPDATES, ...OTHERS];

const encoded = (value: HeardMessage): Uint8Array | undefined => {
  switch (value.type) {
    case "open":
      return encodeOpen(value);
    case "notification":
      return encodeNotification(value);
    case "keepalive":
      return encodeKeepalive();
    case "route-refresh":
      return encodeRouteRefresh(value);
    case "update":
      return undefined;
  }
};

describe("messages of FRR 8.4.4, BIRD 2.0.12 and GoBGP 3.10.0", () => {
  for (const [name, context, value] of ROWS) {
    it(`decodes ${name}`, () => {
      assert.deepEqual(decodeMessage(golden(name), context), { ok: true, value });
    });
  }

  for (const [name, , value] of ROWS) {
    // FRR has a parameter for each capability, we have one for all (RFC 5492 §4): its OPEN has another length.
    const bytes = name === "frr-open" ? undefined : encoded(value);
    if (bytes !== undefined) {
      it(`encodes ${name} byte for byte`, () => assert.deepEqual(bytes, golden(name)));
    }
  }

  it("decodes what it makes of FRR's OPEN into the same", () => {
    const [[, context, value] = assert.fail()] = OPENS;
    assert.deepEqual(decodeMessage(encoded(value) ?? assert.fail(), context), { ok: true, value });
  });

  it("has nothing in a KEEPALIVE but its header (RFC 4271 §4.4)", () => {
    assert.equal(encodeKeepalive().length, 19);
  });

  it("has a row for every capture", () => {
    const files = readdirSync(new URL("testdata", import.meta.url)).map((file) => file.replace(".hex", ""));
    assert.deepEqual(files.sort(), ROWS.map(([name]) => name).sort());
  });
});
