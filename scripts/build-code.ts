/**
 * Has V8 compile all of a bundle and writes what it made beside the bundle: `node --random-seed=1 scripts/build-code.ts BUNDLE`.
 *
 * In a process of its own, as V8 is told to compile what nobody has called yet; and with fixed dice, so that the same bundle
 * gives the same file.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { setFlagsFromString } from "node:v8";
import { codePath, scriptOf, seal } from "./compiled/load.ts";

const [bundle = ""] = process.argv.slice(2);
const source = readFileSync(bundle);
setFlagsFromString("--no-lazy");
const script = scriptOf(bundle, source, undefined);
// Code is refused by a V8 whose flags are others.
setFlagsFromString("--lazy");
writeFileSync(codePath(bundle), seal(source, script.createCachedData()));
