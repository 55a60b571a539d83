import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { openBequest } from "./bequest.ts";

describe("what one run leaves to the next", () => {
  let folder = "";
  before(() => {
    folder = mkdtempSync(join(tmpdir(), "bequest-"));
  });
  after(() => rmSync(folder, { recursive: true }));

  it("is taken once, and was for root alone", () => {
    const path = join(folder, "left");
    assert.equal(openBequest(path, 100).leave("a word"), undefined);
    assert.equal(statSync(path).mode & 0o777, 0o600);
    const next = openBequest(path, 100);
    assert.deepEqual([next.take(), next.take()], ["a word", ""]);
    assert.deepEqual(readdirSync(folder), []);
  });

  it("is nothing where nothing was left, or something that we did not leave", () => {
    const path = join(folder, "strange");
    assert.equal(openBequest(path, 100).take(), "");
    writeFileSync(path, "x".repeat(101));
    assert.equal(openBequest(path, 100).take(), "");
    mkdirSync(path);
    assert.equal(openBequest(path, 100).take(), "");
    rmSync(path, { recursive: true });
  });

  it("says why it could not be left", () => {
    assert.match(openBequest(join(folder, "no", "folder"), 100).leave("a word") ?? "", /ENOENT/);
  });
});
