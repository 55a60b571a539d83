/** Maps of another project's program: made as it defines them, filled with bytes. */
import { writeHostU32 } from "#core/netlink/host-order";
import { type Door, errnoName } from "#native/door";
import type { MapDefinition } from "./definitions.ts";

const MAP_CREATE = 0;
const MAP_UPDATE_ELEM = 2;
const MAP_UPDATE_BATCH = 26;
export const ARRAY_OF_MAPS = 12;
export const PROG_ARRAY = 3;
const BATCH = 65_536;

const checked = (what: string, result: number): number => {
  if (result < 0) throw new Error(`${what}: ${errnoName(result)}`);
  return result;
};

/** A number as four bytes in host order: a key, or a descriptor. */
export const word = (value: number): Uint8Array => {
  const bytes = new Uint8Array(4);
  writeHostU32(bytes, 0, value);
  return bytes;
};

/** They live until `close`, or as long as a program that uses them. */
export class ForeignMaps {
  readonly #door: Door;
  readonly #descriptors = new Map<string, number>();
  readonly #definitions = new Map<string, MapDefinition>();

  constructor(door: Door) {
    this.#door = door;
  }

  get descriptors(): ReadonlyMap<string, number> {
    return this.#descriptors;
  }

  /** Makes a map; a map of maps is for such as `inner`. */
  create(name: string, definition: MapDefinition, inner = 0): number {
    const { type, keySize, valueSize, entries, flags } = definition;
    const attributes = new Uint8Array(48);
    [type, keySize, valueSize, entries, flags, inner].forEach((value, index) => {
      writeHostU32(attributes, index * 4, value);
    });
    const made = checked(`cannot make the map ${name}`, this.#door.bpf(MAP_CREATE, attributes, []));
    this.#descriptors.set(name, made);
    this.#definitions.set(name, definition);
    return made;
  }

  #of(name: string): readonly [number, MapDefinition] {
    const [descriptor, definition] = [this.#descriptors.get(name), this.#definitions.get(name)];
    if (descriptor === undefined || definition === undefined)
      throw new Error(`the program has no map ${name}`);
    return [descriptor, definition];
  }

  /** Whether values of this length are what the map takes; says what is different. */
  expect(name: string, { keySize, valueSize }: Pick<MapDefinition, "keySize" | "valueSize">): void {
    const [, definition] = this.#of(name);
    if (definition.keySize === keySize && definition.valueSize === valueSize) return;
    const found = `keys of ${definition.keySize} and values of ${definition.valueSize} bytes`;
    throw new Error(`the map ${name} has ${found}, not of ${keySize} and ${valueSize}: another version?`);
  }

  write(name: string, key: Uint8Array, value: Uint8Array): void {
    const attributes = new Uint8Array(32);
    writeHostU32(attributes, 0, this.#of(name)[0]);
    checked(`cannot write to the map ${name}`, this.#door.bpf(MAP_UPDATE_ELEM, attributes, [key, value]));
  }

  /** Writes elements: `keys` and `values` one after the other. */
  writeAll(name: string, keys: Uint8Array, values: Uint8Array): void {
    const [descriptor, { keySize, valueSize }] = this.#of(name);
    const count = keys.length / keySize;
    for (let first = 0; first < count; first += BATCH) {
      const some = Math.min(BATCH, count - first);
      const attributes = new Uint8Array(56);
      writeHostU32(attributes, 32, some);
      writeHostU32(attributes, 36, descriptor);
      const parts = [
        keys.subarray(first * keySize, (first + some) * keySize),
        values.subarray(first * valueSize, (first + some) * valueSize),
      ];
      checked(`cannot write to the map ${name}`, this.#door.bpf(MAP_UPDATE_BATCH, attributes, parts));
    }
  }

  close(): void {
    for (const descriptor of this.#descriptors.values()) this.#door.close(descriptor);
    this.#descriptors.clear();
  }
}
