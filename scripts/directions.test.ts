import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { describe, it } from "node:test";
import { checkTree, type Finding } from "./directions/check.ts";
import { importsOf, scan } from "./directions/scan.ts";

/** Files of a small tree in which nothing is wrong; tests plant one wrong thing in it. */
const SOUND: Readonly<Record<string, string>> = {
  "package.json": JSON.stringify({
    imports: {
      "#base/*": "./src/base/*.ts",
      "#core/*": "./src/core/*.ts",
      "#drivers/*": "./src/drivers/*.ts",
      "#roles/*": "./src/roles/*.ts",
      "#lab/*": "./src/lab/*.ts",
      "#testing/*": "./src/testing/*.ts",
      "#native/*": "./native/*.ts",
    },
  }),
  "src/base/time.ts": 'import { x } from "./other.ts";\n',
  "src/base/other.ts": "export const x = 1;\n",
  "src/core/vrrp/machine.ts": 'import { x } from "#base/other";\nimport { y } from "#core/health/machine";\n',
  "src/core/health/machine.ts": 'export { x as y } from "#base/other";\n',
  "src/core/config/schema.ts": 'import * as v from "valibot";\n',
  "src/drivers/netlink/linux.ts": 'import { openDoor } from "#native/door";\nimport "node:net";\n',
  "src/drivers/packet/linux.ts": 'import { y } from "#core/health/machine";\n',
  "src/roles/edge/run.ts": 'import { z } from "#drivers/packet/linux";\n',
  "src/lab/lab.ts": 'import { z } from "#drivers/packet/linux";\n',
  "src/api/view.ts": 'import type { X } from "#base/other";\n',
  "src/testing/clock.ts": 'import { x } from "#base/other";\n',
  "native/door.ts": 'import "node:fs";\n',
  "test/kernel/bed.test.ts": 'import { lab } from "#lab/lab";\n',
};

const findingsWith = (planted: Readonly<Record<string, string>>): readonly Finding[] => {
  const root = mkdtempSync(join(tmpdir(), "steelyard-directions-"));
  try {
    for (const [file, text] of Object.entries({ ...SOUND, ...planted })) {
      mkdirSync(dirname(join(root, file)), { recursive: true });
      writeFileSync(join(root, file), text);
    }
    return checkTree(root).findings;
  } finally {
    rmSync(root, { recursive: true });
  }
};

/** What is planted, where, and a piece of the complaint it must cause. */
const CANARIES: readonly { title: string; file: string; text: string; complaint: RegExp }[] = [
  {
    title: "core importing a driver by alias",
    file: "src/core/vrrp/bad.ts",
    text: 'import { z } from "#drivers/packet/linux";\n',
    complaint: /core must not import drivers/,
  },
  {
    title: "core importing a driver by a relative path",
    file: "src/core/vrrp/bad.ts",
    text: 'import { z } from "../../drivers/packet/linux.ts";\n',
    complaint: /core must not import drivers/,
  },
  {
    title: "core importing only a driver's types",
    file: "src/core/vrrp/bad.ts",
    text: 'import type { Z } from "#drivers/packet/linux";\n',
    complaint: /core must not import drivers/,
  },
  {
    title: "core importing a driver at run time",
    file: "src/core/vrrp/bad.ts",
    text: 'export const f = () => import("#drivers/packet/linux");\n',
    complaint: /core must not import drivers/,
  },
  {
    title: "core re-exporting a driver",
    file: "src/core/vrrp/bad.ts",
    text: 'export * from "#drivers/packet/linux";\n',
    complaint: /core must not import drivers/,
  },
  {
    title: "core re-exporting a driver's types, over several lines",
    file: "src/core/vrrp/bad.ts",
    text: 'export type {\n  Z, // a comment\n} from "#drivers/packet/linux";\n',
    complaint: /core must not import drivers/,
  },
  {
    title: "a type expression that names a driver",
    file: "src/core/vrrp/bad.ts",
    text: 'export type Z = import("#drivers/packet/linux").Z;\n',
    complaint: /core must not import drivers/,
  },
  {
    title: "an import for its side effect",
    file: "src/core/vrrp/bad.ts",
    text: 'import "#drivers/packet/linux";\n',
    complaint: /core must not import drivers/,
  },
  {
    title: "an import after a template and a regular expression full of quotes",
    file: "src/core/vrrp/bad.ts",
    text: [
      `const a = \`"$\{{ b: \`'\` }.b}\`;`,
      "const c = /[\"'`/]/.test(a);",
      'import { z } from "#drivers/packet/linux";',
    ].join("\n"),
    complaint: /core must not import drivers/,
  },
  {
    title: "an alias that leads nowhere",
    file: "src/core/vrrp/bad.ts",
    text: 'import { z } from "#core/health/gone";\n',
    complaint: /leads to src\/core\/health\/gone\.ts, which does not exist/,
  },
  {
    title: "an alias that package.json does not know",
    file: "src/core/vrrp/bad.ts",
    text: 'import { z } from "#elsewhere/thing";\n',
    complaint: /no alias in package.json fits/,
  },
  {
    title: "a relative import that leads nowhere",
    file: "src/core/vrrp/bad.ts",
    text: 'import { z } from "./gone.ts";\n',
    complaint: /does not exist/,
  },
  {
    title: "an import that is computed",
    file: "src/drivers/packet/bad.ts",
    text: "export const f = (name: string) => import(name);\n",
    complaint: /no literal/,
  },
  {
    title: "Node.js in core",
    file: "src/core/vrrp/bad.ts",
    text: 'import { connect } from "node:net";\n',
    complaint: /core must not import the package node:net/,
  },
  {
    title: "a package in core outside the configuration",
    file: "src/core/vrrp/bad.ts",
    text: 'import * as v from "valibot";\n',
    complaint: /core must not import the package valibot/,
  },
  {
    title: "base importing core",
    file: "src/base/bad.ts",
    text: 'import { y } from "#core/health/machine";\n',
    complaint: /base must not import core/,
  },
  {
    title: "a driver importing another driver",
    file: "src/drivers/packet/bad.ts",
    text: 'import { n } from "#drivers/netlink/linux";\n',
    complaint: /src\/drivers\/packet must not import src\/drivers\/netlink/,
  },
  {
    title: "a role importing another role",
    file: "src/roles/speaker/bad.ts",
    text: 'import { r } from "#roles/edge/run";\n',
    complaint: /src\/roles\/speaker must not import src\/roles\/edge/,
  },
  {
    title: "a role going through the door by itself",
    file: "src/roles/edge/bad.ts",
    text: 'import { openDoor } from "#native/door";\n',
    complaint: /roles must not import native/,
  },
  {
    title: "a role importing the lab",
    file: "src/roles/edge/bad.ts",
    text: 'import { lab } from "#lab/lab";\n',
    complaint: /roles must not import lab/,
  },
  {
    title: "the admin API importing a value of base",
    file: "src/api/bad.ts",
    text: 'import { x } from "#base/other";\n',
    complaint: /api may import base for types only/,
  },
  {
    title: "shipped code importing the test helpers",
    file: "src/drivers/packet/bad.ts",
    text: 'import { c } from "#testing/clock";\n',
    complaint: /drivers must not import testing/,
  },
  {
    title: "a relative path into another subject",
    file: "src/core/vrrp/bad.ts",
    text: 'import { y } from "../health/machine.ts";\n',
    complaint: /leaves its folder/,
  },
  {
    title: "an alias into the same subject",
    file: "src/core/vrrp/bad.ts",
    text: 'import { m } from "#core/vrrp/machine";\n',
    complaint: /stays in its folder/,
  },
  {
    title: "a folder that is no layer",
    file: "src/utils/bad.ts",
    text: "export const x = 1;\n",
    complaint: /belongs to no layer/,
  },
  {
    title: "the wall clock in core",
    file: "src/core/vrrp/bad.ts",
    text: "export const now = () => Date.now();\n",
    complaint: /Date\.now in a pure layer/,
  },
  {
    title: "dice in base",
    file: "src/base/bad.ts",
    text: "export const roll = () => Math.random();\n",
    complaint: /Math\.random in a pure layer/,
  },
  {
    title: "a file of 501 lines",
    file: "src/core/vrrp/bad.ts",
    text: "export {};\n".repeat(501),
    complaint: /501 lines/,
  },
  {
    title: "a suppressed check",
    file: "src/core/vrrp/bad.ts",
    text: `// ${"biome"}-ignore lint: because\nexport {};\n`,
    complaint: /suppresses a check/,
  },
  {
    title: "source that cannot be split into tokens",
    file: "src/core/vrrp/bad.ts",
    text: 'export const x = "no end;\n',
    complaint: /cannot be read/,
  },
];

describe("the check of import directions", () => {
  it("finds nothing in a sound tree, having seen all its imports", () => {
    assert.deepEqual(findingsWith({}), []);
  });

  for (const { title, file, text, complaint } of CANARIES) {
    it(`reports ${title}`, () => {
      const findings = findingsWith({ [file]: text });
      assert.equal(findings.length, 1, JSON.stringify(findings));
      assert.equal(findings[0]?.file, file);
      assert.match(findings[0]?.what ?? "", complaint);
    });
  }

  it("lets a test import the test helpers, node:test and fast-check", () => {
    const test =
      'import { c } from "#testing/clock";\nimport { it } from "node:test";\nimport fc from "fast-check";\n';
    assert.deepEqual(findingsWith({ "src/core/vrrp/machine.test.ts": test }), []);
  });

  it("lets a test make what its layer asks for by type", () => {
    const text = 'import { y } from "#drivers/packet/linux";\n';
    assert.deepEqual(findingsWith({ "src/runtime/links.test.ts": text }), []);
    assert.match(findingsWith({ "src/runtime/links.ts": text })[0]?.what ?? "", /for types only/);
  });

  it("does not take the text of strings, templates and comments for imports", () => {
    const source = [
      `const a = 'import "x"';`,
      'const b = `from "y" $'.concat('{c} import("z")`;'),
      '// import "comment";',
      '/* export * from "comment"; */',
      "const from = 1;",
      "const here = import.meta.url;",
    ].join("\n");
    assert.deepEqual(importsOf(scan(source)), []);
  });

  it("tells type imports from others and keeps line numbers", () => {
    const source = 'import type { A } from "a";\n\nimport type, { B } from "b";\nexport type * from "c";\n';
    assert.deepEqual(importsOf(scan(source)), [
      { kind: "type", specifier: "a", line: 1 },
      { kind: "static", specifier: "b", line: 3 },
      { kind: "type", specifier: "c", line: 4 },
    ]);
  });
});
