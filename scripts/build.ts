/**
 * `npm run build`: the kernel door into `prebuilds/`, the program into `dist/`.
 *
 * The door is compiled only when its source is newer than its binary. The bundle is one entry for every command, one for
 * the fast thread, and chunks that are loaded when a command needs them, so that a daemon carries no other command along.
 */
import { existsSync, mkdirSync, readdirSync, rmSync, statSync } from "node:fs";
import { basename, join } from "node:path";
import { type BuildOptions, build, type Plugin } from "esbuild";
import { buildDoor } from "./build-door.ts";

const root = join(import.meta.dirname, "..");
const outdir = join(root, "dist");

/**
 * `import "node:http"` makes Node.js evaluate every export of that module, one of which loads a whole other HTTP
 * client: 25 ms and some megabytes, in each of two processes. Asked for in this way it gives only what is used.
 */
const LEAN_HTTP: Plugin = {
  name: "lean-http",
  setup: (setup) => {
    setup.onResolve({ filter: /^node:http$/ }, ({ path }) => ({ path, namespace: "lean-http" }));
    setup.onLoad({ filter: /.*/, namespace: "lean-http" }, ({ path }) => ({
      contents: `module.exports = process.getBuiltinModule("${path}");`,
    }));
  },
};

const OPTIONS: BuildOptions = {
  absWorkingDir: root,
  entryPoints: { main: "src/main.ts", "fast-thread": "src/roles/edge/fast/thread.ts" },
  outdir,
  bundle: true,
  splitting: true,
  format: "esm",
  platform: "node",
  target: "node22.12",
  minifySyntax: true,
  sourcemap: "external",
  legalComments: "none",
  metafile: true,
  plugins: [LEAN_HTTP],
  logLevel: "warning",
  // Libraries that are still CommonJS inside ask for Node.js's own modules with `require`.
  banner: {
    js: 'import { createRequire as steelyardRequire } from "node:module"; const require = steelyardRequire(import.meta.url);',
  },
};

const isNewer = (source: string, output: string): boolean =>
  !existsSync(output) || statSync(source).mtimeMs > statSync(output).mtimeMs;

const buildDoorIfNeeded = (): void => {
  const door = join(root, "prebuilds", `linux-${process.arch}`, "door.node");
  const sources = ["native/door.c", "scripts/build-door.ts"];
  if (sources.some((source) => isNewer(join(root, source), door))) buildDoor();
};

/** Removes what an earlier build left and this one did not write. */
const removeStale = (written: readonly string[]): void => {
  const fresh = new Set(written.map((path) => basename(path)));
  for (const name of readdirSync(outdir))
    if (!fresh.has(name)) rmSync(join(outdir, name), { recursive: true });
};

try {
  buildDoorIfNeeded();
  mkdirSync(outdir, { recursive: true });
  const { metafile } = await build(OPTIONS);
  removeStale(Object.keys(metafile?.outputs ?? {}));
} catch (error) {
  // esbuild has printed its own findings already.
  const isPrinted = error instanceof Error && "errors" in error;
  if (!isPrinted) console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
