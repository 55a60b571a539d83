/** SYNs from sources that do not exist, as an Ethernet frame each. */

import { addressBytes, type IpAddress } from "#base/address";
import { concatBytes, writeU16, writeU32 } from "#base/bytes";
import { internetChecksum } from "#base/checksum";

const SYN = 0x02;

/** One SYN to `address` and `port` from the `index`th of many sources. */
export const spoofedSyn = (options: {
  readonly index: number;
  readonly address: IpAddress;
  readonly port: number;
  readonly from: Uint8Array;
  readonly to: Uint8Array;
}): Uint8Array => {
  const { index, address, port, from, to } = options;
  const source = Uint8Array.of(198, 18 + (index >>> 16), (index >>> 8) & 0xff, index & 0xff);
  const ip = new Uint8Array(20);
  ip.set([0x45, 0, 0, 40, 0, 0, 0x40, 0, 64, 6]);
  ip.set(source, 12);
  ip.set(addressBytes(address), 16);
  writeU16(ip, 10, internetChecksum(ip));
  const tcp = new Uint8Array(20);
  writeU16(tcp, 0, 1024 + (index % 60_000));
  writeU16(tcp, 2, port);
  writeU32(tcp, 4, index);
  tcp.set([0x50, SYN, 0xff, 0xff], 12);
  const pseudo = concatBytes(ip.subarray(12), Uint8Array.of(0, 6, 0, 20));
  writeU16(tcp, 16, internetChecksum(pseudo, tcp));
  return concatBytes(to, from, Uint8Array.of(0x08, 0x00), ip, tcp);
};
