/** The content of long downloads: bytes that tell where they belong, so that a lost or doubled piece is noticed. */

/** The byte at `offset`: the top of a multiplicative hash, so that no power of two is a period. */
const patternByte = (offset: number): number => Math.imul(offset + 1, 0x9e37_79b1) >>> 24;

/** The bytes from `offset` on. */
export const patternBytes = (offset: number, length: number): Uint8Array =>
  Uint8Array.from({ length }, (_, index) => patternByte(offset + index));

/** Whether `bytes` are the pattern's from `offset` on. */
export const followsPattern = (bytes: Uint8Array, offset: number): boolean =>
  bytes.every((byte, index) => byte === patternByte(offset + index));
