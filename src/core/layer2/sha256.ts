/**
 * SHA-256 (FIPS 180-4) of short ASCII texts, for an order that other programs compute as well.
 *
 * Ours, since `core` has no Node.js in it, and since an order needs no more of a digest than its first words, of millions
 * of texts: nothing is allocated for a text. Not for secrets.
 */
import { assert } from "#base/assert";

const wordsOf = (hex: string): Int32Array =>
  Int32Array.from({ length: hex.length / 8 }, (_, at) => Number.parseInt(hex.slice(8 * at, 8 * at + 8), 16));

/** The first 32 bits of the fractional parts of the cube roots of the first 64 primes (FIPS 180-4 §4.2.2). */
const K = wordsOf(
  "428a2f9871374491b5c0fbcfe9b5dba53956c25b59f111f1923f82a4ab1c5ed5d807aa9812835b01243185be550c7dc3" +
    "72be5d7480deb1fe9bdc06a7c19bf174e49b69c1efbe47860fc19dc6240ca1cc2de92c6f4a7484aa5cb0a9dc76f988da" +
    "983e5152a831c66db00327c8bf597fc7c6e00bf3d5a7914706ca63511429296727b70a852e1b21384d2c6dfc53380d13" +
    "650a7354766a0abb81c2c92e92722c85a2bfe8a1a81a664bc24b8b70c76c51a3d192e819d6990624f40e3585106aa070" +
    "19a4c1161e376c082748774c34b0bcb5391c0cb34ed8aa4a5b9cca4f682e6ff3748f82ee78a5636f84c878148cc70208" +
    "90befffaa4506cebbef9a3f7c67178f2",
);

/** The same of the square roots of the first 8 primes (FIPS 180-4 §5.3.3). */
const INITIAL = wordsOf("6a09e667bb67ae853c6ef372a54ff53a510e527f9b05688c1f83d9ab5be0cd19");

/** Computes digests, one at a time. */
export type Sha256 = {
  /** The eight words of the digest of an ASCII text, the first being the most significant. Overwritten by the next call. */
  digest(text: string): Int32Array;
};

/** The message schedule (FIPS 180-4 §6.2.2, step 1) from the 16 words of a block. */
const schedule = (words: Int32Array): void => {
  for (let t = 16; t < 64; t += 1) {
    const x = words[t - 15] ?? 0;
    const y = words[t - 2] ?? 0;
    const small0 = ((x >>> 7) | (x << 25)) ^ ((x >>> 18) | (x << 14)) ^ (x >>> 3);
    const small1 = ((y >>> 17) | (y << 15)) ^ ((y >>> 19) | (y << 13)) ^ (y >>> 10);
    words[t] = ((words[t - 16] ?? 0) + small0 + (words[t - 7] ?? 0) + small1) | 0;
  }
};

/** Steps 2 to 4. */
const compress = (hash: Int32Array, words: Int32Array): void => {
  schedule(words);
  let a = hash[0] ?? 0;
  let b = hash[1] ?? 0;
  let c = hash[2] ?? 0;
  let d = hash[3] ?? 0;
  let e = hash[4] ?? 0;
  let f = hash[5] ?? 0;
  let g = hash[6] ?? 0;
  let h = hash[7] ?? 0;
  for (let t = 0; t < 64; t += 1) {
    const big1 = ((e >>> 6) | (e << 26)) ^ ((e >>> 11) | (e << 21)) ^ ((e >>> 25) | (e << 7));
    const first = (h + big1 + ((e & f) ^ (~e & g)) + (K[t] ?? 0) + (words[t] ?? 0)) | 0;
    const big0 = ((a >>> 2) | (a << 30)) ^ ((a >>> 13) | (a << 19)) ^ ((a >>> 22) | (a << 10));
    const second = (big0 + ((a & b) ^ (a & c) ^ (b & c))) | 0;
    h = g;
    g = f;
    f = e;
    e = (d + first) | 0;
    d = c;
    c = b;
    b = a;
    a = (first + second) | 0;
  }
  hash[0] = ((hash[0] ?? 0) + a) | 0;
  hash[1] = ((hash[1] ?? 0) + b) | 0;
  hash[2] = ((hash[2] ?? 0) + c) | 0;
  hash[3] = ((hash[3] ?? 0) + d) | 0;
  hash[4] = ((hash[4] ?? 0) + e) | 0;
  hash[5] = ((hash[5] ?? 0) + f) | 0;
  hash[6] = ((hash[6] ?? 0) + g) | 0;
  hash[7] = ((hash[7] ?? 0) + h) | 0;
};

/** One that keeps its own room to work in. */
export const createSha256 = (): Sha256 => {
  const hash = new Int32Array(8);
  const words = new Int32Array(64);
  /** Puts one byte of the padded message (FIPS 180-4 §5.1.1) into its place within the block. */
  const put = (at: number, byte: number): void => {
    const index = (at & 63) >>> 2;
    words[index] = (words[index] ?? 0) | (byte << (24 - 8 * (at & 3)));
  };
  const endBlock = (): void => {
    compress(hash, words);
    words.fill(0, 0, 16);
  };
  return {
    digest: (text) => {
      hash.set(INITIAL);
      words.fill(0, 0, 16);
      const { length } = text;
      for (let at = 0; at < length; at += 1) {
        const code = text.charCodeAt(at);
        assert(code < 0x80, "only ASCII is hashed", { text });
        put(at, code);
        if ((at & 63) === 63) endBlock();
      }
      put(length, 0x80);
      if ((length & 63) >= 56) endBlock();
      words[15] = length * 8;
      compress(hash, words);
      return hash;
    },
  };
};
