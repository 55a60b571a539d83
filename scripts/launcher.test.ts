import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { describe, it } from "node:test";

const launcher = join(import.meta.dirname, "../bin/steelyard");

/** A program that calls itself this version of Node.js and otherwise says which one it is and how it was called. */
const node = (version: string, name: string): string =>
  `#!/bin/sh\nif [ "$1" = --version ]; then echo ${version}; else echo "${name} $*"; fi\n`;

type Scene = {
  /** The version of `node` in PATH; `undefined` for none. */
  readonly inPath?: string;
  /** The version of the one in node_modules. */
  readonly inCheckout?: string;
  /** The version of the one that a package brought. */
  readonly inPackage?: string;
  readonly built?: boolean;
};

/** Starts the launcher, through a link, in a checkout that looks as told. */
const launch = (scene: Scene, ...args: readonly string[]): { status: number | null; output: string } => {
  const root = mkdtempSync(join(tmpdir(), "steelyard-launcher-"));
  const put = (path: string, text: string): void => {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text, { mode: 0o755 });
  };
  try {
    mkdirSync(join(root, "bin"));
    mkdirSync(join(root, "path"));
    cpSync(launcher, join(root, "bin/steelyard"));
    symlinkSync(join(root, "bin/steelyard"), join(root, "path/steelyard"));
    if (scene.inPath !== undefined) put("path/node", node(scene.inPath, "system"));
    if (scene.inCheckout !== undefined) put("node_modules/.bin/node", node(scene.inCheckout, "checkout"));
    if (scene.inPackage !== undefined) put("runtime/node", node(scene.inPackage, "package"));
    if (scene.built !== false) put("dist/main.js", "");
    for (const tool of ["sh", "readlink"]) symlinkSync(`/bin/${tool}`, join(root, "path", tool));
    const env = { PATH: join(root, "path") };
    const { status, stdout, stderr } = spawnSync(join(root, "path/steelyard"), args, {
      env,
      encoding: "utf8",
    });
    return { status, output: (stdout + stderr).replaceAll(root, "ROOT").trim() };
  } finally {
    rmSync(root, { recursive: true });
  }
};

describe("the launcher", () => {
  for (const version of ["v22.12.0", "v22.20.1", "v24.0.0", "v100.1.0"]) {
    it(`takes ${version} from PATH and passes every argument on`, () => {
      assert.deepEqual(launch({ inPath: version }, "check", "a file.yaml"), {
        status: 0,
        output: "system --max-semi-space-size=1 ROOT/dist/main.js check a file.yaml",
      });
    });
  }

  for (const version of ["v20.19.0", "v22.11.9", "v9.99.0", "nonsense"]) {
    it(`passes over ${version} for the one of the checkout`, () => {
      assert.deepEqual(launch({ inPath: version, inCheckout: "v24.1.0" }, "edge"), {
        status: 0,
        output: "checkout --max-semi-space-size=1 ROOT/dist/main.js edge",
      });
    });
  }

  it("takes the one that a package brought before all others, and does not ask how old it is", () => {
    assert.deepEqual(launch({ inPath: "v24.0.0", inPackage: "nonsense" }, "edge"), {
      status: 0,
      output: "package --max-semi-space-size=1 ROOT/dist/main.js edge",
    });
  });

  it("says in one line which Node.js it needs", () => {
    assert.deepEqual(launch({ inPath: "v20.19.0", inCheckout: "v22.11.0" }), {
      status: 1,
      output: "steelyard: needs Node.js 22.12 or newer, found v20.19.0",
    });
    assert.deepEqual(launch({}), {
      status: 1,
      output: "steelyard: needs Node.js 22.12 or newer, found none",
    });
  });

  it("says in one line how to build what is not built", () => {
    assert.deepEqual(launch({ inPath: "v24.0.0", built: false }), {
      status: 1,
      output: "steelyard: ROOT/dist/main.js is missing: run 'npm ci && npm run build' in ROOT",
    });
  });
});
