/** Changes of maps. */

import { writeHostU32 } from "#core/netlink/host-order";
import { encodeIndex, type MapName } from "./layout.ts";

/** Elements to write, keys and values one after the other, or one key to remove. */
export type Write =
  | { readonly map: MapName; readonly keys: Uint8Array; readonly values: Uint8Array }
  | { readonly map: MapName; readonly remove: Uint8Array };

const WORDS = 2;

/** One element of an array. */
export const elementWrite = (map: MapName, index: number, value: Uint8Array): Write => ({
  map,
  keys: encodeIndex(index),
  values: value,
});

/** Writes the slots from `first` on: all of them, or those that differ from `old`. */
export function* slotWrites(
  first: number,
  words: Uint32Array,
  old: Uint32Array | undefined,
): Generator<Write> {
  const changed: number[] = [];
  for (let slot = 0; slot * WORDS < words.length; slot += 1) {
    const at = slot * WORDS;
    if (old === undefined || words[at] !== old[at] || words[at + 1] !== old[at + 1]) changed.push(slot);
  }
  if (changed.length === 0) return;
  const keys = new Uint8Array(changed.length * 4);
  const values = new Uint8Array(changed.length * 8);
  for (const [index, slot] of changed.entries()) {
    writeHostU32(keys, index * 4, first + slot);
    writeHostU32(values, index * 8, words[slot * WORDS] ?? 0);
    writeHostU32(values, index * 8 + 4, words[slot * WORDS + 1] ?? 0);
  }
  yield { map: "slots", keys, values };
}
