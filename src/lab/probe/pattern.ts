/** The content of long downloads: bytes that tell where they belong, so that a lost or doubled piece is noticed. */

/** The byte at `offset`: changes with every byte and does not repeat with the size of a packet. */
export const patternByte = (offset: number): number => (offset * 31 + (offset >>> 8) * 7 + 11) & 0xff;

/** The bytes from `offset` on. */
export const patternBytes = (offset: number, length: number): Uint8Array =>
  Uint8Array.from({ length }, (_, index) => patternByte(offset + index));

/** Whether `bytes` are the pattern's from `offset` on. */
export const followsPattern = (bytes: Uint8Array, offset: number): boolean =>
  bytes.every((byte, index) => byte === patternByte(offset + index));
