import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { describe, it } from "node:test";

const root = join(import.meta.dirname, "..");

type Files = Readonly<Record<string, string>>;

/** Runs `use` in a fresh folder that holds these files and sees the checkout's dependencies. */
const inFolder = (files: Files, use: (folder: string) => void): void => {
  const folder = mkdtempSync(join(tmpdir(), "steelyard-checks-"));
  try {
    symlinkSync(join(root, "node_modules"), join(folder, "node_modules"));
    for (const [file, text] of Object.entries(files)) {
      mkdirSync(dirname(join(folder, file)), { recursive: true });
      writeFileSync(join(folder, file), text);
    }
    use(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
};

/** Runs one of our tools outside of the test runner that runs this file. */
const runTool = (
  folder: string,
  ...command: readonly string[]
): { status: number | null; output: string } => {
  const { NODE_TEST_CONTEXT: _context, TEST_TALLY: _tally, ...env } = process.env;
  const [program = "", ...args] = command;
  const { status, stdout, stderr } = spawnSync(program, args, { cwd: folder, env, encoding: "utf8" });
  return { status, output: stdout + stderr };
};

const tool = (name: string): string => join(root, "node_modules", ".bin", name);

describe("the types of the pure layers", () => {
  const module = JSON.stringify({ type: "module" });
  const project = JSON.stringify({
    extends: join(root, "tsconfig.core.json"),
    include: ["*.ts"],
    exclude: [],
  });

  it("accept code that is pure", () => {
    inFolder(
      {
        "package.json": module,
        "tsconfig.json": project,
        "pure.ts": "export const x: number = Math.max(1, 2);\n",
      },
      (folder) => {
        assert.deepEqual(runTool(folder, tool("tsc"), "-p", "tsconfig.json"), { status: 0, output: "" });
      },
    );
  });

  const impure: readonly (readonly [name: string, statement: string])[] = [
    ["setTimeout", "setTimeout(() => {}, 1);"],
    ["process", "process.exit();"],
    ["console", "console.log(1);"],
    ["fetch", 'fetch("http://example.org");'],
    ["performance", "performance.now();"],
    ["node:fs", 'import "node:fs"; import { readFileSync } from "node:fs"; readFileSync("x");'],
  ];
  it(`do not know ${impure.map(([name]) => name).join(", ")}`, () => {
    const files = Object.fromEntries(
      impure.map(([, statement], index) => [`impure-${index}.ts`, `export {};\n${statement}\n`]),
    );
    inFolder({ "package.json": module, "tsconfig.json": project, ...files }, (folder) => {
      const { status, output } = runTool(folder, tool("tsc"), "-p", "tsconfig.json");
      assert.notEqual(status, 0);
      for (const [index, [name]] of impure.entries())
        assert.match(output, new RegExp(`impure-${index}\\.ts.*Cannot find .*'${name}'`), output);
    });
  });
});

describe("the check for dead code", () => {
  it("reports an unused export, an unused file and an unused dependency, through our aliases", () => {
    const files = {
      "package.json": JSON.stringify({
        name: "canary",
        type: "module",
        imports: { "#core/*": "./src/core/*.ts" },
        dependencies: { valibot: "*" },
      }),
      "src/main.ts": 'import { used } from "#core/vrrp/machine";\nconsole.log(used);\n',
      "src/core/vrrp/machine.ts": "export const used = 1;\nexport const neverUsed = 2;\n",
      "src/core/vrrp/forgotten.ts": "export const x = 1;\n",
    };
    inFolder(files, (folder) => {
      copyFileSync(join(root, "knip.json"), join(folder, "knip.json"));
      const { status, output } = runTool(folder, tool("knip"), "--no-progress");
      assert.equal(status, 1);
      assert.match(output, /neverUsed +src\/core\/vrrp\/machine\.ts/);
      assert.match(output, /src\/core\/vrrp\/forgotten\.ts/);
      assert.match(output, /valibot/);
      assert.doesNotMatch(output, /\bused\b.*machine\.ts/);
    });
  });
});

describe("the suite runner", () => {
  const runSuite = (files: Files, check: (result: { status: number | null; output: string }) => void): void =>
    inFolder(files, (folder) => {
      const script = join(root, "scripts", "run-suite.ts");
      check(runTool(folder, process.execPath, script, "unit", ...Object.keys(files)));
    });

  const refusals: readonly (readonly [title: string, text: string, complaint: RegExp])[] = [
    ["a test that fails", 'it("x", () => { throw new Error("no"); });', /failed: a\.test\.ts: x/],
    ["a skipped test", 'it("x", { skip: "no kernel" }, () => {});', /skipped: a\.test\.ts: x/],
    ["a test still to do", 'it.todo("x");', /still to do: a\.test\.ts: x/],
    ["a file without tests", "", /no test in a\.test\.ts/],
    ["a file that does not load", 'import "./gone.ts";', /failed: /],
    [
      "a failing hook around passing tests",
      'describe("d", () => { after(() => { throw new Error("no"); }); it("x", () => {}); });',
      /hook/,
    ],
  ];
  for (const [title, text, complaint] of refusals) {
    it(`refuses ${title}`, () => {
      const source = `import { after, describe, it } from "node:test";\nvoid after; void describe; void it;\n${text}\n`;
      runSuite({ "a.test.ts": source }, ({ status, output }) => {
        assert.equal(status, 1, output);
        assert.match(output, complaint);
      });
    });
  }

  it("refuses a run in which nothing ran", () => {
    inFolder({}, (folder) => {
      const script = join(root, "scripts", "run-suite.ts");
      const { status, output } = runTool(folder, process.execPath, script, "unit");
      assert.equal(status, 1);
      assert.match(output, /nothing ran/);
    });
  });

  it("counts what passed and says so on its last line", () => {
    const source = 'import { it } from "node:test";\nit("x", () => {});\nit("y", () => {});\n';
    runSuite({ "a.test.ts": source }, ({ status, output }) => {
      assert.equal(status, 0, output);
      assert.match(output, /\nunit: 2 passed, 0 failed\n$/);
    });
  });
});
