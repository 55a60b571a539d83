/**
 * Reading a compiled BPF program out of the object file that clang writes (ELF, 64 bits, little-endian; machine 247).
 *
 * Only what our own source needs: one section of code named `xdp`, and references to symbols in the sections `maps` and
 * `values` (R_BPF_64_64), which become maps when the program is loaded. No BTF, no calls between sections. Other people's
 * programs, which benchmarks compare with, name their section otherwise, and their maps may be in one named `.maps`.
 */
import { toHex } from "#base/bytes";
import { type Decoded, decoded, refused } from "#base/decoded";
import { readHostU16, readHostU32 } from "#core/netlink/host-order";
import { readCounter as readU64 } from "./layout.ts";

/** An instruction pair that loads the address of a map (`map`), or of its first value (`value`). */
export type Reference = {
  /** Which instruction, counted in 8 bytes. */
  readonly instruction: number;
  readonly to: "map" | "value";
  readonly name: string;
};

/** A program before it knows its maps. */
export type CompiledProgram = {
  readonly code: Uint8Array;
  readonly references: readonly Reference[];
};

export type ObjectError = "not-an-object" | "truncated" | "no-program" | "unknown-reference";

/** A part of an object file. */
export type Section = {
  readonly name: string;
  readonly type: number;
  readonly bytes: Uint8Array;
  /** For a list of references: the section whose code they are in. */
  readonly target: number;
};

const HEADER = 64;
const SECTION_HEADER = 64;
const SYMBOL = 24;
const REFERENCE = 16;
const INSTRUCTION = 8;
const EM_BPF = 247;
const SHT_SYMTAB = 2;
const SHT_NOBITS = 8;
const SHT_REL = 9;
const R_BPF_64_64 = 1;

const textAt = (bytes: Uint8Array, offset: number): string => {
  let text = "";
  for (let at = offset; at < bytes.length && bytes[at] !== 0; at += 1) {
    text += String.fromCharCode(bytes[at] ?? 0);
  }
  return text;
};

const readSections = (object: Uint8Array): readonly Section[] | undefined => {
  const first = readU64(object, 40);
  const [count, namesIndex] = [readHostU16(object, 60), readHostU16(object, 62)];
  if (readHostU16(object, 58) !== SECTION_HEADER || first + count * SECTION_HEADER > object.length)
    return undefined;
  const headers = Array.from({ length: count }, (_, index) => {
    const at = first + index * SECTION_HEADER;
    const type = readHostU32(object, at + 4);
    const start = readU64(object, at + 24);
    const length = type === SHT_NOBITS ? 0 : readU64(object, at + 32);
    if (start + length > object.length) return undefined;
    const bytes = object.subarray(start, start + length);
    return { nameAt: readHostU32(object, at), type, bytes, target: readHostU32(object, at + 44) };
  });
  const names = headers[namesIndex]?.bytes ?? new Uint8Array(0);
  const sections: Section[] = [];
  for (const header of headers) {
    if (header === undefined) return undefined;
    const { nameAt, ...section } = header;
    sections.push({ ...section, name: textAt(names, nameAt) });
  }
  return sections;
};

const isObject = (bytes: Uint8Array): boolean =>
  bytes.length >= HEADER &&
  toHex(bytes.subarray(0, 6)) === "7f454c460201" &&
  readHostU16(bytes, 18) === EM_BPF;

/** The parts of an object file, in its order. */
export const readElf = (bytes: Uint8Array): Decoded<readonly Section[], ObjectError> => {
  if (!isObject(bytes)) return refused("not-an-object");
  const sections = readSections(bytes);
  return sections === undefined ? refused("truncated") : decoded(sections);
};

/** What a name stands for: a place in the section of that index. */
export type Symbol = { readonly name: string; readonly section: number; readonly value: number };

/** All symbols; references name them by their place in this list. */
export const readSymbols = (sections: readonly Section[]): readonly Symbol[] => {
  const bytes = sections.find(({ type }) => type === SHT_SYMTAB)?.bytes ?? new Uint8Array(0);
  const names = sections.find(({ name }) => name === ".strtab")?.bytes ?? new Uint8Array(0);
  return Array.from({ length: Math.floor(bytes.length / SYMBOL) }, (_, index) => {
    const at = index * SYMBOL;
    const name = textAt(names, readHostU32(bytes, at));
    return { name, section: readHostU16(bytes, at + 6), value: readU64(bytes, at + 8) };
  });
};

const KINDS_BY_SECTION: ReadonlyMap<string, Reference["to"]> = new Map([
  ...(["maps", ".maps"] as const).map((name) => [name, "map"] as const),
  ["values", "value"],
]);

/** Reads the program in one section, of ours or another. */
export const readObject = (bytes: Uint8Array, section = "xdp"): Decoded<CompiledProgram, ObjectError> => {
  const elf = readElf(bytes);
  if (!elf.ok) return elf;
  const sections = elf.value;
  const index = sections.findIndex(({ name }) => name === section);
  const code = sections[index]?.bytes;
  if (code === undefined || code.length === 0 || code.length % INSTRUCTION !== 0)
    return refused("no-program");
  const symbols = readSymbols(sections);
  const references: Reference[] = [];
  for (const { type, target, bytes: list } of sections) {
    if (type !== SHT_REL || target !== index) continue;
    for (let at = 0; at + REFERENCE <= list.length; at += REFERENCE) {
      const offset = readU64(list, at);
      const symbol = symbols[readHostU32(list, at + 12)];
      const isLoad = readHostU32(list, at + 8) === R_BPF_64_64 && offset % INSTRUCTION === 0;
      if (!isLoad || offset + 2 * INSTRUCTION > code.length || symbol === undefined)
        return refused("unknown-reference");
      const to = KINDS_BY_SECTION.get(sections[symbol.section]?.name ?? "");
      if (to === undefined) return refused("unknown-reference");
      references.push({ instruction: offset / INSTRUCTION, to, name: symbol.name });
    }
  }
  return decoded({ code: Uint8Array.from(code), references });
};
