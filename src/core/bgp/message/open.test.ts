import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import type { Ipv4Address } from "#base/address";
import { octets, rawOpen } from "#testing/bgp-message";
import { address } from "#testing/values";
import { asnField } from "./as-number.ts";
import { encodeCapabilities } from "./capability/capabilities.ts";
import { unicast } from "./constants.ts";
import { decodeMessage } from "./decode.ts";
import { encodeOpen } from "./encode.ts";
import { messageError } from "./error.ts";
import type { Capability, MessageError, Open } from "./message.ts";

const CONTEXT = { hasFourOctetAsn: true, kind: undefined };

const decodeOpen = (bytes: Uint8Array): Open | MessageError => {
  const result = decodeMessage(bytes, CONTEXT);
  if (!result.ok) return result.error;
  assert.equal(result.value.type, "open");
  return result.value as Open;
};

const capabilitiesOf = (parameters: string): readonly Capability[] => {
  const open = decodeOpen(rawOpen({ parameters }));
  assert.ok("capabilities" in open, JSON.stringify(open));
  return open.capabilities;
};

describe("what OPEN is refused for", () => {
  const error = (subcode: number, data = "") => ({ code: 2, subcode, data: octets(data) });
  const REFUSALS = [
    ["version 3, saying that it speaks 4 (RFC 4271 §6.2)", { version: "03" }, error(1, "0004")],
    ["version 5, saying that it speaks 4 (RFC 4271 §6.2)", { version: "05" }, error(1, "0004")],
    ["AS 0 (RFC 7607 §2)", { asn: "0000" }, error(2)],
    ["AS 0 in the capability (RFC 7607 §2)", { parameters: "0802064104 00000000" }, error(2)],
    ["a hold time of 1 s (RFC 4271 §6.2)", { holdTime: "0001" }, error(6)],
    ["a hold time of 2 s (RFC 4271 §6.2)", { holdTime: "0002" }, error(6)],
    ["identifier 0.0.0.0 (RFC 6286 §2.1)", { routerId: "00000000" }, error(3)],
    ["authentication, which is no more (RFC 4271 §6.2)", { parameters: "03010100" }, error(4)],
    ["an unknown parameter (RFC 4271 §6.2)", { parameters: "02ee00" }, error(4)],
    ["parameters that end before their length (RFC 4271 §6.2)", { parameters: "0302004100" }, error(0)],
    ["parameters that go on behind their length (RFC 4271 §6.2)", { parameters: "00020200" }, error(0)],
    ["a parameter that goes on behind all (RFC 4271 §6.2)", { parameters: "020203" }, error(0)],
    ["a parameter that lacks its last octet (RFC 4271 §6.2)", { parameters: "0402030200" }, error(0)],
    ["a parameter without a length (RFC 4271 §6.2)", { parameters: "0102" }, error(0)],
    ["a capability that goes on behind its parameter (RFC 5492 §4)", { parameters: "0402020204" }, error(0)],
    ["a capability without a length (RFC 5492 §4)", { parameters: "03020102" }, error(0)],
    ["a long length that is not that of what follows (RFC 9072 §2)", { parameters: "ffff0003" }, error(0)],
    ["a long form behind a length of 0 (RFC 9072 §2)", { parameters: "00ff0000" }, error(0)],
    ["a long form that is cut off (RFC 9072 §2)", { parameters: "ffff00" }, error(0)],
  ] as const;
  for (const [what, parts, wanted] of REFUSALS) {
    it(`refuses ${what}`, () => assert.deepEqual(decodeOpen(rawOpen(parts)), wanted));
  }

  const MALFORMED = [
    ["multiprotocol of 3 octets (RFC 4760 §8)", "0103000100"],
    ["route refresh with a value (RFC 2918 §2)", "020100"],
    ["extended next hop of 5 octets (RFC 8950 §4)", "05050001000100"],
    ["extended message with a value (RFC 8654 §3)", "060100"],
    ["graceful restart of 1 octet (RFC 4724 §3)", "400100"],
    ["graceful restart of 4 octets (RFC 4724 §3)", "400400780001"],
    ["four-octet AS of 2 octets (RFC 6793 §3)", "4102fde9"],
    ["enhanced route refresh with a value (RFC 7313 §3.1)", "460100"],
  ] as const;
  for (const [what, capability] of MALFORMED) {
    it(`refuses ${what}`, () => {
      const length = capability.length / 2;
      const parameters = Buffer.from([length + 2, 2, length]).toString("hex") + capability;
      assert.deepEqual(decodeOpen(rawOpen({ parameters })), error(0));
    });
  }
});

describe("what OPEN says", () => {
  it("may have no hold time (RFC 4271 §4.2)", () => {
    const open = decodeOpen(rawOpen({ holdTime: "0000" }));
    assert.ok("holdTime" in open);
    assert.equal(open.holdTime, 0);
  });

  it("tells capabilities of several parameters in their order, repeated ones too (RFC 5492 §4)", () => {
    assert.deepEqual(capabilitiesOf("16 02020200 0206010400010001 0208 02000104 00010001"), [
      ...[{ type: "route-refresh" }, { type: "multiprotocol", family: unicast("IPv4") }],
      ...[{ type: "route-refresh" }, { type: "multiprotocol", family: unicast("IPv4") }],
    ]);
  });

  it("keeps capabilities that it does not know, Cisco's old route refresh among them (RFC 5492 §4)", () => {
    assert.deepEqual(capabilitiesOf("08020680004902abcd"), [
      { type: "unknown", code: 128, value: octets("") },
      { type: "unknown", code: 73, value: octets("abcd") },
    ]);
  });

  it("may have a long list of parameters, whatever the first length says (RFC 9072 §2)", () => {
    for (const first of ["ff", "01", "80"]) {
      assert.deepEqual(capabilitiesOf(`${first} ff 0005 02 0002 0200`), [{ type: "route-refresh" }]);
    }
    const many = Array.from({ length: 100 }, () => "c803abcdef").join("");
    assert.equal(capabilitiesOf(`ff ff 01f7 02 01f4 ${many}`).length, 100);
  });

  it("may have no parameters in the long form (RFC 9072 §2)", () => {
    assert.deepEqual(capabilitiesOf("ffff0000"), []);
  });

  it("has AS_TRANS where the number has more than 16 bits (RFC 6793 §4.1)", () => {
    assert.deepEqual([65_535, 65_536, 4_200_000_002].map(asnField), [65_535, 23_456, 23_456]);
  });
});

const familyCode = fc.record({ afi: fc.nat(0xffff), safi: fc.nat(0xff) }, { noNullPrototype: true });
const flag = fc.constantFrom<Capability>(
  { type: "route-refresh" },
  { type: "extended-message" },
  { type: "enhanced-route-refresh" },
);
const record = <T>(model: { [Key in keyof T]: fc.Arbitrary<T[Key]> }) =>
  fc.record(model, { noNullPrototype: true });
const anyCapability: fc.Arbitrary<Capability> = fc.oneof(
  flag,
  familyCode.map((family): Capability => ({ type: "multiprotocol", family })),
  fc.nat(0xffff_fffe).map((asn): Capability => ({ type: "four-octet-as", asn: asn + 1 })),
  fc
    .array(record({ family: familyCode, nextHopAfi: fc.nat(0xffff) }), { maxLength: 3 })
    .map((entries): Capability => ({ type: "extended-next-hop", entries })),
  record({
    isRestarting: fc.boolean(),
    survivesNotification: fc.boolean(),
    restartTime: fc.nat(4095),
    families: fc.array(record({ family: familyCode, isForwardingPreserved: fc.boolean() }), { maxLength: 3 }),
  }).map((rest): Capability => ({ type: "graceful-restart", ...rest })),
  fc
    .tuple(fc.integer({ min: 71, max: 255 }), fc.uint8Array({ maxLength: 10 }))
    .map(([code, value]): Capability => ({ type: "unknown", code, value: Uint8Array.from(value) })),
);
const anyOpen: fc.Arbitrary<Open> = record({
  version: fc.constant(4),
  asn: fc.integer({ min: 1, max: 0xffff }),
  holdTime: fc.oneof(fc.constant(0), fc.integer({ min: 3, max: 0xffff })),
  routerId: fc
    .ipV4()
    .filter((text) => text !== "0.0.0.0")
    .map((text) => address(text) as Ipv4Address),
  capabilities: fc.array(anyCapability, { maxLength: 8 }),
}).map((rest): Open => ({ type: "open", ...rest }));

describe("encodeOpen", () => {
  it("is undone by decodeMessage for every OPEN", () => {
    fc.assert(fc.property(anyOpen, (open) => assert.deepEqual(decodeOpen(encodeOpen(open)), open)));
  });

  it("writes no parameter without capabilities", () => {
    const open = decodeOpen(rawOpen()) as Open;
    assert.deepEqual([open.capabilities, encodeOpen(open)], [[], rawOpen()]);
  });

  it("asserts that fields hold what is written", () => {
    const open = decodeOpen(rawOpen()) as Open;
    assert.throws(() => encodeOpen({ ...open, asn: 65_536 }), /does not fit/);
    assert.throws(() => encodeOpen({ ...open, holdTime: 2 }), /no hold time/);
    const long: Capability = { type: "unknown", code: 200, value: new Uint8Array(252) };
    assert.throws(() => encodeOpen({ ...open, capabilities: [long] }), /more capabilities/);
    assert.throws(() => encodeCapabilities([{ ...long, value: new Uint8Array(256) }]), /too long/);
  });
});

it("tells which capabilities are missing in the data of the error (RFC 5492 §5)", () => {
  const missing = encodeCapabilities([{ type: "multiprotocol", family: unicast("IPv6") }]);
  assert.deepEqual(messageError("open", "unsupported-capability", missing), {
    ...{ code: 2, subcode: 7, data: octets("010400020001") },
  });
});
