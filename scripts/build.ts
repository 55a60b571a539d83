/**
 * `npm run build`: the kernel door into `prebuilds/`, the program into `dist/`.
 *
 * The door is compiled only when its source is newer than its binary. The program for people is one entry and chunks that are
 * loaded when a command needs them. Each process and thread of the edge and of the speaker is bundled by itself and compiled, so
 * that it starts soon and carries no other command along.
 */
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { type BuildOptions, build, type Plugin } from "esbuild";
import { buildDoor } from "./build-door.ts";
import { codePath } from "./compiled/load.ts";

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

/** A part of a program that is loaded by itself, and with code that V8 has made already. */
type Part = {
  readonly entry: string;
  /** How the source of the program asks for it, and for what of it. */
  readonly asked?: { readonly as: string; readonly names: readonly string[] };
};

const PARTS: ReadonlyMap<string, Part> = new Map(
  Object.entries({
    "edge-wire": {
      entry: "src/roles/edge/wire/run.ts",
      asked: { as: "#roles/edge/wire/run", names: ["runWire"] },
    },
    "edge-serve": { entry: "src/roles/edge/wire/serve.ts", asked: { as: "./serve.ts", names: ["serve"] } },
    "edge-agent": {
      entry: "src/roles/edge/agent/run.ts",
      asked: { as: "#roles/edge/agent/run", names: ["runAgent"] },
    },
    "speaker-wire": {
      entry: "src/roles/speaker/wire/run.ts",
      asked: { as: "#roles/speaker/wire/run", names: ["runSpeaker"] },
    },
    "speaker-agent": {
      entry: "src/roles/speaker/agent/run.ts",
      asked: { as: "#roles/speaker/agent/run", names: ["runSpeakerAgent"] },
    },
    // Not asked for: a thread begins with it.
    "edge-fast": { entry: "src/roles/edge/fast/thread.ts" },
  }),
);

/** The module that stands for a part and loads it. */
const loader = (name: string, { asked }: Part): string => {
  const load = `load(join(import.meta.dirname, "${name}.cjs"))`;
  const names = asked === undefined ? load : `export const { ${asked.names.join(", ")} } = ${load}`;
  return `import { join } from "node:path";\nimport { load } from "./scripts/compiled/load.ts";\n${names};`;
};

const PARTS_APART: Plugin = {
  name: "parts-apart",
  setup: (setup) => {
    setup.onResolve({ filter: /^(#roles\/|\.\/)/ }, ({ path, kind }) => {
      const found = [...PARTS].find(([, { asked }]) => asked?.as === path);
      return found === undefined || kind !== "dynamic-import"
        ? undefined
        : { path: found[0], namespace: "parts" };
    });
    setup.onResolve({ filter: /^part:/ }, ({ path }) => ({ path: path.slice(5), namespace: "parts" }));
    setup.onLoad({ filter: /.*/, namespace: "parts" }, ({ path }) => {
      const part = PARTS.get(path);
      return part === undefined ? undefined : { contents: loader(path, part), resolveDir: root };
    });
  },
};

/** Lets the entry, through which an edge starts, be one file: the command line for people is another. */
const PEOPLE_APART: Plugin = {
  name: "people-apart",
  setup: (setup) => {
    setup.onResolve({ filter: /^\.\/cli\.ts$/ }, () => ({ path: "./cli.js", external: true }));
  },
};

const OPTIONS: BuildOptions = {
  absWorkingDir: root,
  outdir,
  bundle: true,
  platform: "node",
  target: "node22.12",
  minifySyntax: true,
  sourcemap: "external",
  legalComments: "none",
  metafile: true,
  plugins: [LEAN_BUILTINS, PARTS_APART],
  logLevel: "warning",
};

const AS_MODULES: BuildOptions = {
  ...OPTIONS,
  format: "esm",
  // Libraries that are still CommonJS inside ask for Node.js's own modules with `require`.
  banner: {
    js: 'import { createRequire as steelyardRequire } from "node:module"; const require = steelyardRequire(import.meta.url);',
  },
};

/** Only scripts can be loaded with code that is there already. */
const AS_SCRIPTS: BuildOptions = {
  ...OPTIONS,
  format: "cjs",
  outExtension: { ".js": ".cjs" },
  define: {
    "import.meta.dirname": "__dirname",
    "import.meta.filename": "__filename",
    "import.meta.url": "steelyardUrl",
  },
  banner: { js: 'const steelyardUrl = require("node:url").pathToFileURL(__filename).href;' },
};

/** What is bundled together; only what is in one of them shares files. */
const BUNDLES: readonly BuildOptions[] = [
  {
    ...AS_MODULES,
    entryPoints: { main: "src/main.ts" },
    plugins: [...(OPTIONS.plugins ?? []), PEOPLE_APART],
  },
  { ...AS_MODULES, entryPoints: { cli: "src/cli.ts" }, splitting: true },
  { ...AS_MODULES, entryPoints: { "fast-thread": "part:edge-fast" } },
  ...[...PARTS].map(([name, { entry }]) => ({ ...AS_SCRIPTS, entryPoints: { [name]: entry } })),
];

const isNewer = (source: string, output: string): boolean =>
  !existsSync(output) || statSync(source).mtimeMs > statSync(output).mtimeMs;

const buildDoorIfNeeded = (): void => {
  const door = join(root, "prebuilds", `linux-${process.arch}`, "door.node");
  const sources = ["native/door.c", "scripts/build-door.ts"];
  if (sources.some((source) => isNewer(join(root, source), door))) buildDoor();
};

/** Writes the code of a part. */
const compile = (name: string): string => {
  const bundle = join(outdir, `${name}.cjs`);
  const writer = join(import.meta.dirname, "build-code.ts");
  execFileSync(process.execPath, ["--random-seed=1", writer, bundle], {
    stdio: ["ignore", "inherit", "inherit"],
  });
  return codePath(bundle);
};

/** Tells Node.js what kind of files these are, wherever they are copied to: else it finds out by compiling each twice. */
const declareModules = (): string => {
  const path = join(outdir, "package.json");
  writeFileSync(path, `${JSON.stringify({ type: "module" })}\n`);
  return path;
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
  for (const bundle of BUNDLES) {
    const { metafile } = await build(bundle);
    written.push(...Object.keys(metafile?.outputs ?? {}));
  }
  for (const name of PARTS.keys()) written.push(compile(name));
  written.push(declareModules());
  removeStale(written);
} catch (error) {
  // esbuild has printed its own findings already.
  const isPrinted = error instanceof Error && "errors" in error;
  if (!isPrinted) console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
