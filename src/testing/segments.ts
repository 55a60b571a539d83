/** What a host says to a segment that asks for a connection. */
import { addressBytes, type IpAddress, isIpv4 } from "#base/address";
import { concatBytes, readU32, writeU16, writeU32 } from "#base/bytes";
import { internetChecksum } from "#base/checksum";

const headerOf = (packet: Uint8Array): number => ((packet[0] ?? 0) >> 4 === 4 ? 20 : 40);

/** The packet of `encodeSyn`, answered: somebody listens, or nobody does. */
export const answerSegment = (packet: Uint8Array, kind: "syn-ack" | "reset"): Uint8Array => {
  const header = headerOf(packet);
  const length = header === 20 ? 4 : 16;
  const source = header === 20 ? 12 : 8;
  const answer = packet.slice(0, header + 20);
  answer.set(packet.subarray(source + length, source + 2 * length), source);
  answer.set(packet.subarray(source, source + length), source + length);
  if (header === 20) {
    writeU16(answer, 2, answer.length);
    writeU16(answer, 10, 0);
    writeU16(answer, 10, internetChecksum(answer.subarray(0, 20)));
  } else writeU16(answer, 4, 20);
  answer.set(packet.subarray(header + 2, header + 4), header);
  answer.set(packet.subarray(header, header + 2), header + 2);
  writeU32(answer, header + 8, (readU32(packet, header + 4) + 1) >>> 0);
  answer.set([0x50, kind === "syn-ack" ? 0x12 : 0x14], header + 12);
  writeU16(answer, header + 16, 0);
  const pseudo = concatBytes(answer.subarray(source, source + 2 * length), Uint8Array.of(0, 6, 0, 20));
  writeU16(answer, header + 16, internetChecksum(pseudo, answer.subarray(header)));
  return answer;
};

/** What a box that rejects packets says of one: an ICMP error from `from` to its sender. */
export const rejectSegment = (packet: Uint8Array, from: IpAddress, code = 3): Uint8Array => {
  const header = headerOf(packet);
  const cited = packet.slice(0, header + 8);
  const icmp = concatBytes(Uint8Array.of(isIpv4(from) ? 3 : 1, code, 0, 0, 0, 0, 0, 0), cited);
  const bytes = new Uint8Array(header);
  if (header === 20) {
    bytes[0] = 0x45;
    writeU16(bytes, 2, header + icmp.length);
    bytes[8] = 64;
    bytes[9] = 1;
    bytes.set(addressBytes(from), 12);
    bytes.set(packet.subarray(12, 16), 16);
    writeU16(bytes, 10, internetChecksum(bytes));
    writeU16(icmp, 2, internetChecksum(icmp));
    return concatBytes(bytes, icmp);
  }
  bytes[0] = 0x60;
  writeU16(bytes, 4, icmp.length);
  bytes[6] = 58;
  bytes[7] = 64;
  bytes.set(addressBytes(from), 8);
  bytes.set(packet.subarray(8, 24), 24);
  const pseudo = concatBytes(bytes.subarray(8), Uint8Array.of(0, 0, 0, icmp.length, 0, 0, 0, 58));
  writeU16(icmp, 2, internetChecksum(pseudo, icmp));
  return concatBytes(bytes, icmp);
};
