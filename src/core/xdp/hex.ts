/** Reading bytes from the hexadecimal digits of a generated file. */

/** The bytes that these lines spell, two digits each. */
export const fromHexLines = (lines: readonly string[]): Uint8Array => {
  const digits = lines.join("");
  return Uint8Array.from({ length: digits.length / 2 }, (_, index) =>
    Number.parseInt(digits.slice(index * 2, index * 2 + 2), 16),
  );
};
