/** Giving a compiled program its maps. */
import { assert } from "#base/assert";
import { readHostU32, writeHostU32 } from "#core/netlink/host-order";
import type { MapName } from "./layout.ts";
import type { CompiledProgram } from "./object.ts";

const INSTRUCTION = 8;
/** The high half of an instruction's second byte says what its 64 bits stand for (linux/bpf.h). */
const BPF_PSEUDO_MAP_FD = 1;
const BPF_PSEUDO_MAP_VALUE = 2;

/** The instructions as bpf(2) loads them, with the descriptors of the maps in them; the offset into a value is kept. */
export const bindProgram = (
  { code, references }: CompiledProgram,
  /** Those of all our maps, or for another's program of its own by their names. */
  descriptors: Readonly<Record<MapName, number>> | ReadonlyMap<string, number>,
): Uint8Array => {
  const bound = code.slice();
  const byName = descriptors instanceof Map ? descriptors : new Map(Object.entries(descriptors));
  for (const { instruction, to, name } of references) {
    const at = instruction * INSTRUCTION;
    const descriptor = byName.get(name);
    assert(descriptor !== undefined, "the program names a map that there is not", { name });
    const offset = readHostU32(bound, at + 4);
    const register = (bound[at + 1] ?? 0) & 0x0f;
    bound[at + 1] = register | ((to === "map" ? BPF_PSEUDO_MAP_FD : BPF_PSEUDO_MAP_VALUE) << 4);
    writeHostU32(bound, at + 4, descriptor);
    writeHostU32(bound, at + INSTRUCTION + 4, to === "map" ? 0 : offset);
  }
  return bound;
};
