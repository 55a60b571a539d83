import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { addressBytes, type IpAddress, parseAddress } from "#base/address";
import { concatBytes } from "#base/bytes";
import { parseMac } from "#base/mac";
import { millis } from "#base/time";
import { parseVrid } from "#core/vrrp/config";
import { multicastGroup } from "#core/vrrp/constants";
import { encode } from "#core/vrrp/packet";
import { heardIn } from "./heard.ts";

const address = (text: string): IpAddress => parseAddress(text) ?? assert.fail(text);
const MAC = parseMac("02:00:00:00:00:02") ?? assert.fail();

const message = (family: "IPv4" | "IPv6", source: IpAddress, virtual: string): Uint8Array => {
  const vrid = parseVrid(53) ?? assert.fail();
  const advertisement = {
    ...({ version: 3, vrid, priority: 200, advertisementInterval: millis(200) } as const),
    addresses: [address(virtual)],
  };
  const destination = multicastGroup(family);
  return encode(advertisement, { source, destination, family, checksum: "message" });
};

const ipv4 = (source: IpAddress, payload: Uint8Array): Uint8Array =>
  concatBytes(
    Uint8Array.of(0x45, 0xc0, 0, 20 + payload.length, 0, 0, 0, 0, 255, 112, 0, 0),
    addressBytes(source),
    addressBytes(multicastGroup("IPv4")),
    payload,
  );

const ipv6 = (source: IpAddress, payload: Uint8Array): Uint8Array =>
  concatBytes(
    Uint8Array.of(0x60, 0, 0, 0, 0, payload.length, 112, 255),
    addressBytes(source),
    addressBytes(multicastGroup("IPv6")),
    payload,
  );

describe("what is heard below the firewall", () => {
  const four = address("192.0.2.2");
  const six = address("fe80::2");

  it("is read for both families, padding of Ethernet left out", () => {
    const expected = { vrid: 53, version: 3, priority: 200, mac: MAC };
    const padded = concatBytes(ipv4(four, message("IPv4", four, "192.0.2.10")), new Uint8Array(14));
    assert.deepEqual(heardIn(padded, "IPv4", MAC), {
      ...{ ...expected, family: "IPv4", source: four, addresses: [address("192.0.2.10")] },
    });
    assert.deepEqual(heardIn(ipv6(six, message("IPv6", six, "fe80::10")), "IPv6", MAC), {
      ...{ ...expected, family: "IPv6", source: six, addresses: [address("fe80::10")] },
    });
  });

  it("is nothing when it is cut off, and never an exception", () => {
    const packet = ipv4(four, message("IPv4", four, "192.0.2.10"));
    for (let length = 0; length < packet.length; length += 1)
      assert.equal(heardIn(packet.subarray(0, length), "IPv4", MAC), undefined);
    const anything = fc.uint8Array({ maxLength: 128 });
    fc.assert(fc.property(anything, (bytes) => void heardIn(bytes, "IPv4", MAC)));
    fc.assert(fc.property(anything, (bytes) => void heardIn(bytes, "IPv6", MAC)));
  });
});
