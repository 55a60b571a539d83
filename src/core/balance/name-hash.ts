/**
 * A stable hash of names, the same in every version of this program on every machine.
 *
 * FNV-1a over the UTF-16 code units (low byte, then high byte), then a finaliser that lets every input bit reach
 * every output bit. Changing one bit of this moves live connections between backends, so its values are pinned by
 * golden tests: two edges of different versions must agree on them.
 */

const FNV_PRIME = 0x0100_0193;
const FNV_BASIS = 0x811c_9dc5;

/** Spreads a 32-bit value over all 32 bits; a bijection. */
export const mix32 = (value: number): number => {
  let bits = value >>> 0;
  bits = Math.imul(bits ^ (bits >>> 16), 0x85eb_ca6b);
  bits = Math.imul(bits ^ (bits >>> 13), 0xc2b2_ae35);
  return (bits ^ (bits >>> 16)) >>> 0;
};

/** An unsigned 32-bit hash of `name`; different `seed`s (32 bits) give independent hashes. */
export const hashName = (name: string, seed: number): number => {
  let bits = FNV_BASIS ^ mix32(seed);
  for (let index = 0; index < name.length; index += 1) {
    const unit = name.charCodeAt(index);
    bits = Math.imul(bits ^ (unit & 0xff), FNV_PRIME);
    bits = Math.imul(bits ^ (unit >>> 8), FNV_PRIME);
  }
  return mix32(bits);
};
