/**
 * Compiles `native/xdp/balance.c` with clang and writes it to `src/core/xdp/program.ts`, from where the program loads it.
 *
 * The result is committed, so neither users nor the build need clang; `test/kernel/xdp-program.test.ts` compiles it again
 * and compares. `$CLANG` names another compiler.
 */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { toHex } from "#base/bytes";
import { type CompiledProgram, readObject } from "#core/xdp/object";
import { clangVersion, compileBpf, XDP_SOURCE } from "#native/clang";

const OUTPUT = join(import.meta.dirname, "../src/core/xdp/program.ts");
/** Digits of code on a line: six instructions. */
const LINE = 96;

/** The TypeScript that holds a program. */
const renderProgram = ({ code, references }: CompiledProgram, version: string): string => {
  const lines = toHex(code).match(new RegExp(`.{1,${LINE}}`, "g")) ?? [];
  return [
    "/** Made by `node scripts/build-xdp.ts` from native/xdp/balance.c: the XDP program, compiled. */",
    'import { fromHexLines } from "./hex.ts";',
    'import type { CompiledProgram, Reference } from "./object.ts";',
    "",
    "/** What compiled it. */",
    `export const COMPILER = "${version}";`,
    "",
    "const REFERENCES: readonly Reference[] = [",
    ...references.map(
      ({ instruction, to, name }) => `  { instruction: ${instruction}, to: "${to}", name: "${name}" },`,
    ),
    "];",
    "",
    "const CODE: readonly string[] = [",
    ...lines.map((line) => `  "${line}",`),
    "];",
    "",
    "/** The program, before it knows its maps; made from text at each call, as few runs of steelyard need it. */",
    "export const readProgram = (): CompiledProgram => ({ references: REFERENCES, code: fromHexLines(CODE) });",
    "",
  ].join("\n");
};

try {
  const program = readObject(compileBpf(XDP_SOURCE));
  if (!program.ok) throw new Error(`${XDP_SOURCE} became an object that cannot be read: ${program.reason}`);
  writeFileSync(OUTPUT, renderProgram(program.value, clangVersion()));
  console.log(OUTPUT);
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
