/**
 * Loads a bundle together with what V8 made of it when it was built, so that a start need not compile it again.
 *
 * That code is a file beside the bundle, installed with it and never written at run time. It is used only where it is whole and
 * belongs to this very text, this Node.js and this processor: V8 itself looks at its own version and flags, but neither at the
 * text beyond its length nor at what is in the file, and would trip over one that a power cut has left half written. Without
 * usable code the bundle is compiled as any other.
 */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname } from "node:path";
import { Script } from "node:vm";
import { crc32 } from "node:zlib";

/** In front of the code: the check sums of what it was made from and of itself. */
const HEADER = 8;
const BEFORE = "(function (module, require, __filename, __dirname) {";

/** Where the code of a bundle lies. */
export const codePath = (bundle: string): string => `${bundle}.code`;

const origin = (source: Uint8Array): number => crc32(source, crc32(`${process.version} ${process.arch}\n`));

/** The file for code that was made from this text, here and by this Node.js. */
export const seal = (source: Uint8Array, code: Uint8Array): Uint8Array => {
  const file = new Uint8Array(HEADER + code.length);
  const header = new DataView(file.buffer);
  header.setUint32(0, origin(source));
  header.setUint32(4, crc32(code));
  file.set(code, HEADER);
  return file;
};

/** The code in such a file; `undefined` if it is damaged or belongs to anything else. */
export const unseal = (source: Uint8Array, file: Uint8Array): Uint8Array | undefined => {
  if (file.length <= HEADER) return undefined;
  const header = new DataView(file.buffer, file.byteOffset, HEADER);
  const code = file.subarray(HEADER);
  return header.getUint32(0) === origin(source) && header.getUint32(4) === crc32(code) ? code : undefined;
};

const readCode = (bundle: string, source: Uint8Array): Uint8Array | undefined => {
  try {
    return unseal(source, readFileSync(codePath(bundle)));
  } catch {
    return undefined;
  }
};

/** A bundle as a script, with the code that there is. */
export const scriptOf = (bundle: string, source: Buffer, code: Uint8Array | undefined): Script =>
  new Script(`${BEFORE}${source.toString("utf8")}\n})`, {
    filename: bundle,
    // What is in front is not in the file, to which traces of the stack refer.
    columnOffset: -BEFORE.length,
    ...(code === undefined ? {} : { cachedData: code }),
  });

/** Loads a bundle; gives what it exports. */
export const load = (bundle: string): unknown => {
  const source = readFileSync(bundle);
  const script = scriptOf(bundle, source, readCode(bundle, source));
  const module: { exports: unknown } = { exports: {} };
  script.runInThisContext()(module, createRequire(bundle), bundle, dirname(bundle));
  return module.exports;
};
