import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { VERSION } from "#base/version";

const root = join(import.meta.dirname, "../..");
const read = (path: string): string => readFileSync(join(root, path), "utf8");

describe("the container image", () => {
  const file = read("packaging/container/Containerfile");
  const launcher = read("bin/steelyard");
  const final = file.slice(file.indexOf("FROM scratch"));

  it("is made from files that the repository has", () => {
    const sources = [...file.matchAll(/^COPY (?!--from)(.*) \S+$/gm)].flatMap(([, list = ""]) =>
      list.split(" "),
    );
    assert.ok(sources.length >= 6);
    assert.deepEqual(
      sources.filter((source) => !existsSync(join(root, source))),
      [],
    );
  });

  it("starts Node.js as the launcher does", () => {
    const [, options = ""] = /exec "\$node" (--\S+) /.exec(launcher) ?? [];
    assert.notEqual(options, "");
    assert.ok(file.includes(`#!/usr/lib/steelyard/runtime/node ${options}'`));
    const [, settings = ""] = /^ *export (MALLOC.*);?$/m.exec(launcher) ?? [];
    const names = settings.split(" ");
    assert.ok(names.length >= 3);
    for (const setting of names) assert.ok(final.includes(setting), setting);
  });

  it("runs as nobody in particular", () => {
    assert.match(final, /^USER 65532:65532$/m);
    assert.match(read("packaging/helm/steelyard/values.yaml"), /^ {2}runAsUser: 65532$/m);
  });

  it("carries the licences of what is in it", () => {
    const { dependencies }: { dependencies: Readonly<Record<string, string>> } = JSON.parse(
      read("package.json"),
    );
    const [, named = ""] = /for name in (.*); do cat node_modules/.exec(file) ?? [];
    assert.deepEqual(named.split(" ").sort(), Object.keys(dependencies).sort());
  });

  it("is called in the documentation what it is called here", () => {
    assert.ok(file.includes(`steelyard:${VERSION} `));
    assert.ok(read("docs/install-cluster.md").includes(`steelyard:${VERSION}`));
  });
});
