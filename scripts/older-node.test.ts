import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { describe, it } from "node:test";

const checkout = join(import.meta.dirname, "..");

type Manifest = {
  readonly scripts: Readonly<Record<string, string>>;
  readonly devDependencies: Readonly<Record<string, string>>;
  readonly engines: { readonly node: string };
};

const manifest = (): Manifest => JSON.parse(readFileSync(join(checkout, "package.json"), "utf8"));

/** The program of npm itself, which is run with the Node.js of this test. */
const npm = (): string =>
  process.env.npm_execpath ??
  realpathSync(execFileSync("sh", ["-c", "command -v npm"], { encoding: "utf8" }).trim());

const numbers = (version: string): readonly number[] => (version.match(/\d+/g) ?? []).map(Number);

/** Runs a script of our manifest where the machine's Node.js is old and `npm ci` has brought one; gives who did what. */
const run = (script: string): readonly string[] => {
  const root = mkdtempSync(join(tmpdir(), "steelyard-older-node-"));
  const put = (path: string, text: string): void => {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text, { mode: 0o755 });
  };
  try {
    cpSync(join(checkout, "package.json"), join(root, "package.json"));
    put("path/node", '#!/bin/sh\necho "v20.19.0 $*"\n');
    put("node_modules/.bin/node", '#!/bin/sh\necho "ours $*"\n');
    const { stdout, stderr, status } = spawnSync(
      process.execPath,
      [npm(), "run", "--silent", "--offline", script],
      {
        cwd: root,
        encoding: "utf8",
        env: { HOME: root, PATH: [join(root, "path"), process.env.PATH].join(delimiter) },
      },
    );
    assert.equal(status, 0, stderr);
    return stdout.trim().split("\n");
  } finally {
    rmSync(root, { recursive: true });
  }
};

describe("a machine with an older Node.js", () => {
  it("runs every step of `npm run demo` with the one that `npm ci` brought", () => {
    assert.deepEqual(run("demo"), [
      "ours scripts/prepare.ts",
      "ours scripts/build.ts",
      "ours dist/main.js demo",
    ]);
  });

  it("gets one from `npm ci` that is new enough", () => {
    const { devDependencies, engines } = manifest();
    const [major = 0, minor = 0] = numbers(engines.node);
    const [broughtMajor = 0, broughtMinor = 0] = numbers(devDependencies.node ?? "");
    assert.ok(broughtMajor > major || (broughtMajor === major && broughtMinor >= minor));
    const brought = join(checkout, "node_modules/.bin/node");
    const version = execFileSync(brought, ["--version"], { encoding: "utf8" });
    assert.equal(numbers(version)[0], broughtMajor, version);
  });

  it("is asked for `node` by that name alone in every script, so that npm finds ours before the machine's", () => {
    for (const [name, command] of Object.entries(manifest().scripts))
      assert.doesNotMatch(command, /\/node\b|\bnpx\b|\bnvm\b/, name);
  });
});
