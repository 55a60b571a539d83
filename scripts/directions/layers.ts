/**
 * The layers, from the inside out, and what each may import.
 *
 * This table is the law; ARCHITECTURE.md explains it. `node:*` stands for every module that Node.js brings.
 */

/** What one layer may import besides its own folder. */
export type Layer = {
  readonly name: string;
  /** Folder below the repository's root. */
  readonly folder: string;
  /** Whether its subfolders are subjects of their own, between which the rules below apply. */
  readonly subjects: "none" | "share" | "apart";
  /** Names of other layers; `base?` means for types only, but for tests. */
  readonly layers: readonly string[];
  readonly packages: readonly string[];
};

/** The table. `share`: subjects may import each other by alias. `apart`: they may not import each other at all. */
export const LAYERS: readonly Layer[] = [
  { name: "base", folder: "src/base", subjects: "none", layers: [], packages: [] },
  { name: "core", folder: "src/core", subjects: "share", layers: ["base"], packages: [] },
  {
    name: "runtime",
    folder: "src/runtime",
    subjects: "none",
    layers: ["base", "core", "drivers?"],
    packages: ["node:*"],
  },
  {
    name: "drivers",
    folder: "src/drivers",
    subjects: "apart",
    layers: ["base", "core", "native"],
    packages: ["node:*", "yaml"],
  },
  { name: "api", folder: "src/api", subjects: "none", layers: ["base?", "core?"], packages: [] },
  { name: "dashboard", folder: "src/dashboard", subjects: "none", layers: ["api"], packages: [] },
  {
    name: "lab",
    folder: "src/lab",
    subjects: "none",
    layers: ["base", "core", "drivers"],
    packages: ["node:*"],
  },
  {
    name: "roles",
    folder: "src/roles",
    subjects: "apart",
    layers: ["base", "api", "core", "runtime", "drivers"],
    packages: ["node:*"],
  },
  {
    name: "commands",
    folder: "src/commands",
    subjects: "none",
    layers: ["base", "api", "core", "runtime", "drivers", "roles", "lab"],
    packages: ["node:*", "commander", "yaml"],
  },
  {
    name: "testing",
    folder: "src/testing",
    subjects: "none",
    layers: ["base", "core", "runtime"],
    packages: ["node:*", "fast-check"],
  },
  { name: "native", folder: "native", subjects: "none", layers: [], packages: ["node:*"] },
  {
    name: "scripts",
    folder: "scripts",
    subjects: "none",
    layers: ["base", "core", "lab", "native"],
    packages: ["node:*", "esbuild", "yaml"],
  },
  {
    name: "test",
    folder: "test",
    subjects: "share",
    layers: ["base", "api", "core", "runtime", "drivers", "roles", "commands", "lab", "testing", "native"],
    packages: ["node:*", "fast-check", "yaml"],
  },
  {
    name: "bench",
    folder: "bench",
    subjects: "none",
    layers: [
      "base",
      "api",
      "core",
      "runtime",
      "drivers",
      "roles",
      "commands",
      "lab",
      "testing",
      "native",
      "test",
    ],
    // What is measured is bundled, as it is where it runs.
    packages: ["node:*", "esbuild"],
  },
  // `src/main.ts` and `src/cli.ts` only pick a command.
  {
    name: "main",
    folder: "src",
    subjects: "none",
    layers: ["base", "roles", "commands"],
    packages: ["node:*", "commander"],
  },
];

/** Packages that one subject may import although its layer may not: the schema library of the configuration. */
export const SUBJECT_PACKAGES: ReadonlyMap<string, readonly string[]> = new Map([
  ["src/core/config", ["valibot"]],
  ["src/core/metallb", ["valibot"]],
]);

/** What any test may import on top of its layer's row. */
export const TEST_LAYERS: readonly string[] = ["testing"];
/** Packages that any test may import on top of its layer's row. */
export const TEST_PACKAGES: readonly string[] = ["node:*", "fast-check", "yaml"];
