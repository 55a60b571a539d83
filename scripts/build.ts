/**
 * `npm run build`: the kernel door into `prebuilds/`, the program into `dist/`.
 *
 * The door is compiled only when its source is newer than its binary. The program for people is one entry and chunks that are
 * loaded when a command needs them. Each process and thread of the edge is bundled by itself, so that it starts soon and
 * carries no other command along.
 */
import { existsSync, mkdirSync, readdirSync, rmSync, statSync } from "node:fs";
import { basename, join } from "node:path";
import { type BuildOptions, build, type Plugin } from "esbuild";
import { buildDoor } from "./build-door.ts";

const root = join(import.meta.dirname, "..");
const outdir = join(root, "dist");

/** Modules that an edge needs for some of what it may be told to do: ten milliseconds of its start in each of two processes. */
const LATE: ReadonlySet<string> = new Set(["node:crypto", "node:tls", "node:https", "node:http"]);

/** A module that is loaded when one of its names is used first. */
const lateModule = (path: string): string => {
  const names = Object.keys(process.getBuiltinModule(path) ?? {});
  const getters = names.map((name) => `get ${name}() { return whole().${name}; }`);
  return `const whole = () => process.getBuiltinModule("${path}");\nmodule.exports = { ${getters.join(", ")} };`;
};

/**
 * `import "node:http"` makes Node.js evaluate every export of that module, some of which load whole other modules: 25 ms and
 * some megabytes for that one, in each of two processes. Asked for in this way modules give only what is used.
 */
const LEAN_BUILTINS: Plugin = {
  name: "lean-builtins",
  setup: (setup) => {
    // What is imported while the program runs has its names only when Node.js itself imports it.
    setup.onResolve({ filter: /^node:/ }, ({ path, kind }) =>
      kind === "dynamic-import" ? { path, external: true } : { path, namespace: "lean-builtins" },
    );
    setup.onLoad({ filter: /.*/, namespace: "lean-builtins" }, ({ path }) => ({
      contents: LATE.has(path) ? lateModule(path) : `module.exports = process.getBuiltinModule("${path}");`,
    }));
  },
};

/** The daemon's processes and threads, each a file of its own: one that is shared costs a millisecond to find and to link. */
const DAEMONS: ReadonlyMap<string, { readonly alias: string; readonly entry: string }> = new Map(
  Object.entries({
    "edge-wire": { alias: "#roles/edge/wire/run", entry: "src/roles/edge/wire/run.ts" },
    "edge-agent": { alias: "#roles/edge/agent/run", entry: "src/roles/edge/agent/run.ts" },
  }),
);

/** Lets the program for people load a daemon from its own file. */
const DAEMONS_APART: Plugin = {
  name: "daemons-apart",
  setup: (setup) => {
    setup.onResolve({ filter: /^#roles\// }, ({ path, kind }) => {
      const found = [...DAEMONS].find(([, { alias }]) => alias === path);
      return found === undefined || kind !== "dynamic-import"
        ? undefined
        : { path: `./${found[0]}.js`, external: true };
    });
  },
};

const OPTIONS: BuildOptions = {
  absWorkingDir: root,
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
  plugins: [LEAN_BUILTINS, DAEMONS_APART],
  logLevel: "warning",
  // Libraries that are still CommonJS inside ask for Node.js's own modules with `require`.
  banner: {
    js: 'import { createRequire as steelyardRequire } from "node:module"; const require = steelyardRequire(import.meta.url);',
  },
};

/** What is bundled together; only what is in one of them shares files. */
const ENTRIES: readonly Readonly<Record<string, string>>[] = [
  { main: "src/main.ts" },
  ...[...DAEMONS].map(([name, { entry }]) => ({ [name]: entry })),
  { "fast-thread": "src/roles/edge/fast/thread.ts" },
];

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
  const written: string[] = [];
  for (const entryPoints of ENTRIES) {
    const { metafile } = await build({ ...OPTIONS, entryPoints });
    written.push(...Object.keys(metafile?.outputs ?? {}));
  }
  removeStale(written);
} catch (error) {
  // esbuild has printed its own findings already.
  const isPrinted = error instanceof Error && "errors" in error;
  if (!isPrinted) console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
