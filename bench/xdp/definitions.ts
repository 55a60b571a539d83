/**
 * The maps that another project's BPF program defines, out of its object file: in a section `maps` (five integers each, the
 * form that libbpf read until version 1.0), or in one named `.maps`, whose types say it (BTF, as libbpf reads it today).
 */
import { type Decoded, decoded, refused } from "#base/decoded";
import { readHostU16, readHostU32 } from "#core/netlink/host-order";
import { type ObjectError, readElf, readSymbols, type Section } from "#core/xdp/object";

export type MapDefinition = {
  /** As linux/bpf.h numbers them. */
  readonly type: number;
  readonly keySize: number;
  readonly valueSize: number;
  readonly entries: number;
  readonly flags: number;
};

export type Definitions = ReadonlyMap<string, MapDefinition>;

/** struct bpf_map_def: type, size of keys, size of values, entries, flags. */
const readLegacy = (bytes: Uint8Array, at: number): MapDefinition | undefined => {
  if (at + 20 > bytes.length) return undefined;
  const word = (index: number): number => readHostU32(bytes, at + index * 4);
  return { type: word(0), keySize: word(1), valueSize: word(2), entries: word(3), flags: word(4) };
};

const POINTER_SIZE = 8;
const MAGIC = 0xeb9f;
const HEADER = 24;
const TYPE = 12;
const MEMBER = 12;
const KIND = { pointer: 2, array: 3, structure: 4, union: 5, variable: 14 } as const;
/** Kinds that are another name for a type: typedef, volatile, const, restrict, type tag. */
const ALIASES: ReadonlySet<number> = new Set([8, 9, 10, 11, 18]);
/** Bytes that follow a type of each kind, for each of its parts or once. */
const PART_LENGTHS: ReadonlyMap<number, number> = new Map([
  ...([4, 5] as const).map((kind) => [kind, MEMBER] as const),
  ...[[6, 8] as const, [13, 8] as const, [15, 12] as const, [19, 12] as const],
]);
const FIXED_LENGTHS: ReadonlyMap<number, number> = new Map([
  ...[[1, 4] as const, [KIND.array, 12] as const, [KIND.variable, 4] as const, [17, 4] as const],
]);

type BtfType = {
  readonly kind: number;
  readonly name: number;
  readonly size: number;
  readonly rest: Uint8Array;
};

/** The types of a section `.BTF`, numbered from 1, and its names. */
class Btf {
  readonly #types: readonly BtfType[];
  readonly #names: Uint8Array;

  private constructor(types: readonly BtfType[], names: Uint8Array) {
    this.#types = types;
    this.#names = names;
  }

  static read(bytes: Uint8Array): Btf | undefined {
    if (bytes.length < HEADER || readHostU16(bytes, 0) !== MAGIC) return undefined;
    const header = readHostU32(bytes, 4);
    const part = (at: number): Uint8Array => {
      const start = header + readHostU32(bytes, at);
      return bytes.subarray(start, start + readHostU32(bytes, at + 4));
    };
    const list = part(8);
    const types: BtfType[] = [{ kind: 0, name: 0, size: 0, rest: new Uint8Array(0) }];
    for (let at = 0; at + TYPE <= list.length; ) {
      const information = readHostU32(list, at + 4);
      const kind = (information >>> 24) & 0x1f;
      const parts = information & 0xffff;
      const length = FIXED_LENGTHS.get(kind) ?? (PART_LENGTHS.get(kind) ?? 0) * parts;
      if (at + TYPE + length > list.length) return undefined;
      const rest = list.subarray(at + TYPE, at + TYPE + length);
      types.push({ kind, name: readHostU32(list, at), size: readHostU32(list, at + 8), rest });
      at += TYPE + length;
    }
    return new Btf(types, part(16));
  }

  #name(offset: number): string {
    const end = this.#names.indexOf(0, offset);
    return new TextDecoder().decode(this.#names.subarray(offset, end < 0 ? undefined : end));
  }

  /** The type itself behind other names for it; chains that go round end. */
  #resolve(number: number): BtfType | undefined {
    let type = this.#types[number];
    for (let steps = 0; type !== undefined && ALIASES.has(type.kind); steps += 1) {
      if (steps > this.#types.length) return undefined;
      type = this.#types[type.size];
    }
    return type;
  }

  /** In bytes; `depth` bounds arrays of arrays that contain themselves. */
  #sizeOf(number: number, depth = 0): number | undefined {
    const type = this.#resolve(number);
    if (type === undefined || depth > 16) return undefined;
    if (type.kind === KIND.pointer) return POINTER_SIZE;
    if (type.kind !== KIND.array) return type.size;
    const element = this.#sizeOf(readHostU32(type.rest, 0), depth + 1);
    return element === undefined ? undefined : element * readHostU32(type.rest, 8);
  }

  /** The variable of this name as a map: its members are pointers, to an array of so many elements or to a type. */
  definition(name: string): MapDefinition | undefined {
    const variable = this.#types.find(
      (type) => type.kind === KIND.variable && this.#name(type.name) === name,
    );
    const structure = variable === undefined ? undefined : this.#resolve(variable.size);
    if (structure === undefined || structure.kind !== KIND.structure) return undefined;
    const [counts, sizes] = [new Map<string, number>(), new Map<string, number>()];
    for (let at = 0; at + MEMBER <= structure.rest.length; at += MEMBER) {
      const member = this.#name(readHostU32(structure.rest, at));
      const pointer = this.#resolve(readHostU32(structure.rest, at + 4));
      if (pointer?.kind !== KIND.pointer) continue;
      const target = this.#resolve(pointer.size);
      if (target?.kind === KIND.array) counts.set(member, readHostU32(target.rest, 8));
      const size = this.#sizeOf(pointer.size);
      if (size !== undefined) sizes.set(member, size);
    }
    const type = counts.get("type");
    const keySize = counts.get("key_size") ?? sizes.get("key");
    const valueSize = counts.get("value_size") ?? sizes.get("value");
    if (type === undefined || keySize === undefined || valueSize === undefined) return undefined;
    return {
      type,
      keySize,
      valueSize,
      entries: counts.get("max_entries") ?? 0,
      flags: counts.get("map_flags") ?? 0,
    };
  }
}

export type DefinitionsError = ObjectError | "no-types" | "unknown-map";

/** All maps that an object file defines, by their names. */
export const readDefinitions = (object: Uint8Array): Decoded<Definitions, DefinitionsError> => {
  const elf = readElf(object);
  if (!elf.ok) return elf;
  const sections: readonly Section[] = elf.value;
  const types = Btf.read(sections.find(({ name }) => name === ".BTF")?.bytes ?? new Uint8Array(0));
  const definitions = new Map<string, MapDefinition>();
  for (const { name, section, value } of readSymbols(sections)) {
    const holder = sections[section];
    if (name === "" || (holder?.name !== "maps" && holder?.name !== ".maps")) continue;
    if (holder.name === ".maps" && types === undefined) return refused("no-types");
    const definition = holder.name === "maps" ? readLegacy(holder.bytes, value) : types?.definition(name);
    if (definition === undefined) return refused("unknown-map");
    definitions.set(name, definition);
  }
  return decoded(definitions);
};
