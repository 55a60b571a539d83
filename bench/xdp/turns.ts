/** The generator of flows (`turns.c`) before a program that knows nothing of it. */
import { join } from "node:path";
import { assert } from "#base/assert";
import { bindProgram } from "#core/xdp/bind";
import { type CompiledProgram, readObject } from "#core/xdp/object";
import type { Bpf } from "#drivers/balance/xdp/bpf";
import { compileBpf } from "#native/clang";
import type { Door } from "#native/door";
import { ForeignMaps, PROG_ARRAY, word } from "./foreign-maps.ts";

/** What programs and maps are made with. */
export type Kernel = { readonly bpf: Bpf; readonly door: Door };

/** Compiled anew; needs clang. */
export const readGenerator = (): CompiledProgram => {
  const compiled = readObject(compileBpf(join(import.meta.dirname, "turns.c")));
  assert(compiled.ok, "turns.c became an object that cannot be read");
  return compiled.value;
};

/** The generator with this program behind it. `settings` is the map of ours that says which Ethernet address frames have. */
export const behindGenerator = (
  { bpf, door }: Kernel,
  {
    generator,
    program,
    settings,
  }: { readonly generator: CompiledProgram; readonly program: number; readonly settings: number },
): { readonly program: number; readonly close: () => void } => {
  const maps = new ForeignMaps(door);
  try {
    const next = { type: PROG_ARRAY, keySize: 4, valueSize: 4, entries: 1, flags: 0 };
    const descriptors = new Map([
      ["next", maps.create("next", next)],
      ["settings", settings],
    ]);
    const loaded = bpf.load("turns", bindProgram(generator, descriptors));
    const close = (): void => {
      // The kernel empties a list of programs that nobody holds open any more.
      maps.close();
      bpf.close(loaded);
    };
    maps.write("next", word(0), word(program));
    return { program: loaded, close };
  } catch (error) {
    maps.close();
    throw error;
  }
};
