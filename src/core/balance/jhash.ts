/**
 * The Linux kernel's Jenkins hash (include/linux/jhash.h) as nftables uses it, so that we can say in advance which
 * slot of a ring a client falls into.
 *
 * nftables hashes its registers, which are padded to 4 bytes: `jhash ip saddr . th sport` covers 8 bytes (address,
 * port, two zeros), with an IPv6 address 20. The words are read in the CPU's order; we only ship little-endian.
 */
import { addressBytes, type IpAddress } from "#base/address";

const rotate = (value: number, bits: number): number => (value << bits) | (value >>> (32 - bits));

type Words = { a: number; b: number; c: number };

/** Bob Jenkins' `mix` of lookup3. */
const mix = ({ a, b, c }: Words): Words => {
  let [x, y, z] = [a, b, c];
  x = ((x - z) ^ rotate(z, 4)) | 0;
  z = (z + y) | 0;
  y = ((y - x) ^ rotate(x, 6)) | 0;
  x = (x + z) | 0;
  z = ((z - y) ^ rotate(y, 8)) | 0;
  y = (y + x) | 0;
  x = ((x - z) ^ rotate(z, 16)) | 0;
  z = (z + y) | 0;
  y = ((y - x) ^ rotate(x, 19)) | 0;
  x = (x + z) | 0;
  z = ((z - y) ^ rotate(y, 4)) | 0;
  y = (y + x) | 0;
  return { a: x, b: y, c: z };
};

/** Bob Jenkins' `final` of lookup3, which gives the hash. */
const finish = ({ a, b, c }: Words): number => {
  let [x, y, z] = [a, b, c];
  z = ((z ^ y) - rotate(y, 14)) | 0;
  x = ((x ^ z) - rotate(z, 11)) | 0;
  y = ((y ^ x) - rotate(x, 25)) | 0;
  z = ((z ^ y) - rotate(y, 16)) | 0;
  x = ((x ^ z) - rotate(z, 4)) | 0;
  y = ((y ^ x) - rotate(x, 14)) | 0;
  z = ((z ^ y) - rotate(y, 24)) | 0;
  return z >>> 0;
};

/** The little-endian word at `offset`; bytes past the end count as zero. */
const wordAt = (bytes: Uint8Array, offset: number): number =>
  (bytes[offset] ?? 0) |
  ((bytes[offset + 1] ?? 0) << 8) |
  ((bytes[offset + 2] ?? 0) << 16) |
  ((bytes[offset + 3] ?? 0) << 24);

/** `jhash(bytes, length, seed)`: an unsigned 32-bit hash. */
export const jhash = (bytes: Uint8Array, seed: number): number => {
  const start = (0xdead_beef + bytes.length + seed) | 0;
  let words: Words = { a: start, b: start, c: start };
  let offset = 0;
  for (; bytes.length - offset > 12; offset += 12) {
    words = mix({
      a: (words.a + wordAt(bytes, offset)) | 0,
      b: (words.b + wordAt(bytes, offset + 4)) | 0,
      c: (words.c + wordAt(bytes, offset + 8)) | 0,
    });
  }
  if (offset === bytes.length) return words.c >>> 0;
  return finish({
    a: (words.a + wordAt(bytes, offset)) | 0,
    b: (words.b + wordAt(bytes, offset + 4)) | 0,
    c: (words.c + wordAt(bytes, offset + 8)) | 0,
  });
};

/** `hash mod size` as nftables computes it: the high half of the product (reciprocal_scale), not the remainder. */
export const scaleHash = (hash: number, size: number): number =>
  Number((BigInt(hash >>> 0) * BigInt(size)) >> 32n);

/** One end of a flow: an address and a port (1..65535). */
export type Endpoint = { readonly address: IpAddress; readonly port: number };

/** The registers that `ip saddr . th sport` fills: the address, the port in network order, two zero bytes. */
const registersOf = ({ address, port }: Endpoint): Uint8Array => {
  const octets = addressBytes(address);
  const registers = new Uint8Array(octets.length + 4);
  registers.set(octets);
  registers[octets.length] = port >>> 8;
  registers[octets.length + 1] = port & 0xff;
  return registers;
};

/** A table that hashes lead into. */
type Table = { readonly size: number; readonly seed: number };

/** What `jhash ip saddr . th sport mod SIZE seed SEED` gives for this client. */
export const clientSlot = (client: Endpoint, { size, seed }: Table): number =>
  scaleHash(jhash(registersOf(client), seed), size);

/** What `jhash ip saddr mod SIZE seed SEED` gives for a client at this address. */
export const sourceSlot = (address: IpAddress, { size, seed }: Table): number =>
  scaleHash(jhash(addressBytes(address), seed), size);
