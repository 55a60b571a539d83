import assert from "node:assert/strict";
import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import { writeNewFile } from "./write.ts";

describe("a file that is written as a whole", () => {
  it("can be read by its owner and group, and is replaced only when asked for", (test) => {
    const folder = mkdtempSync(join(tmpdir(), "steelyard-write-"));
    test.after(() => rmSync(folder, { recursive: true }));
    const path = join(folder, "a");
    assert.equal(writeNewFile(path, "one", { replace: false }), undefined);
    assert.equal(statSync(path).mode & 0o007, 0);
    assert.match(writeNewFile(path, "two", { replace: false }) ?? "", /there is such a file already/);
    assert.equal(readFileSync(path, "utf8"), "one");
    assert.equal(writeNewFile(path, "three", { replace: true }), undefined);
    assert.equal(readFileSync(path, "utf8"), "three");
    symlinkSync("a", join(folder, "link"));
    assert.equal(writeNewFile(join(folder, "link"), "four", { replace: true }), undefined);
    assert.equal(readFileSync(path, "utf8"), "four");
    assert.ok(lstatSync(join(folder, "link")).isSymbolicLink());
    assert.deepEqual(readdirSync(folder), ["a", "link"]);
  });

  it("takes no device's place", () => {
    assert.match(writeNewFile("/dev/null", "x", { replace: true }) ?? "", /it is no regular file/);
    assert.ok(statSync("/dev/null").isCharacterDevice());
  });

  it("is not there at all when it cannot be written", (test) => {
    const folder = mkdtempSync(join(tmpdir(), "steelyard-write-"));
    test.after(() => rmSync(folder, { recursive: true }));
    const path = join(folder, "a");
    mkdirSync(path);
    assert.match(
      writeNewFile(path, "one", { replace: true }) ?? "",
      /cannot be written: it is no regular file/,
    );
    assert.match(
      writeNewFile(join(folder, "none/b"), "one", { replace: true }) ?? "",
      /its directory does not exist/,
    );
    assert.ok(existsSync(path));
    assert.deepEqual(readdirSync(folder), ["a"]);
  });
});
