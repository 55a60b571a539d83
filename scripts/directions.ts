/**
 * `npm run directions`: imports go inwards only, by the table in `directions/layers.ts`.
 *
 * Also refuses files of more than 500 lines, suppressed checks, work left behind, and clocks or dice in pure layers.
 */
import { join } from "node:path";
import { checkTree } from "./directions/check.ts";

const { files, imports, findings } = checkTree(join(import.meta.dirname, ".."));
for (const { file, line, what } of findings) console.error(`${file}:${line}: ${what}`);
if (imports === 0) console.error("directions: saw no import at all, so this check proves nothing");
console.log(`directions: ${findings.length} findings in ${imports} imports of ${files} files`);
process.exitCode = findings.length === 0 && imports > 0 ? 0 : 1;
