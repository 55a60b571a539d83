import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { makeDirectory } from "./directory.ts";

const top = mkdtempSync(join(tmpdir(), "steelyard-directory-"));
after(() => rmSync(top, { recursive: true }));

describe("a directory", () => {
  it("is made for its owner only, with what is missing above it, and left as it is when it is there", () => {
    const path = join(top, "made", "here");
    assert.equal(makeDirectory(path), undefined);
    for (const made of [path, join(top, "made")]) assert.equal(statSync(made).mode & 0o777, 0o700);
    const { ino } = statSync(path);
    assert.equal(makeDirectory(`${path}/`), undefined);
    assert.equal(statSync(path).ino, ino);
  });

  it("is refused where something else has the name", () => {
    const file = join(top, "file");
    writeFileSync(file, "");
    const dangling = join(top, "dangling");
    symlinkSync(join(top, "nowhere"), dangling);
    for (const name of [file, dangling]) {
      const refused = `the directory ${name} is no directory, nor can it be made one`;
      assert.deepEqual([makeDirectory(name), makeDirectory(join(name, "below"))], [refused, refused]);
    }
  });

  it("is refused where the kernel takes none, instead of being tried for ever", () => {
    // In a process of its own, which can be ended: a test that hangs says nothing.
    const module = JSON.stringify(new URL("./directory.ts", import.meta.url).href);
    const script = `import { makeDirectory } from ${module}; console.log(makeDirectory("/proc/steelyard/below"));`;
    const { stdout } = spawnSync(process.execPath, ["--input-type=module", "-e", script], {
      ...{ encoding: "utf8", timeout: 10_000, killSignal: "SIGKILL" },
    });
    assert.match(stdout, /^the directory \/proc\/steelyard (cannot be made|may not be made)/);
  });
});
