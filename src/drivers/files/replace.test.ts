import assert from "node:assert/strict";
import {
  chmodSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import { withLockFile } from "./lock-file.ts";
import { backUp, narrowMode, replaceFile } from "./replace.ts";

const folderFor = (test: TestContext): string => {
  const folder = mkdtempSync(join(tmpdir(), "steelyard-replace-"));
  test.after(() => rmSync(folder, { recursive: true }));
  return folder;
};

const modeOf = (path: string): number => statSync(path).mode & 0o7777;
const read = (path: string): string => readFileSync(path, "utf8");

describe("a file that is replaced", () => {
  it("keeps its mode, and leaves nothing beside it", (test) => {
    const folder = folderFor(test);
    const path = join(folder, "config.yaml");
    writeFileSync(path, "old");
    for (const mode of [0o600, 0o640, 0o644, 0o400]) {
      chmodSync(path, mode);
      assert.deepEqual(replaceFile({ path, text: `${mode}` }), { ok: true, notes: [] });
      assert.deepEqual([read(path), modeOf(path)], [`${mode}`, mode]);
    }
    assert.deepEqual(readdirSync(folder), ["config.yaml"]);
  });

  it("is narrowed when asked for, and that is said", (test) => {
    const path = join(folderFor(test), "config");
    writeFileSync(path, "old");
    chmodSync(path, 0o664);
    const replaced = replaceFile({ path, text: "new", mode: 0o600 });
    assert.deepEqual(replaced, { ok: true, notes: [`${path} had mode 0664 and has 0600 now`] });
    assert.equal(modeOf(path), 0o600);
  });

  it("may be new: nobody else reads it then", (test) => {
    const path = join(folderFor(test), "config");
    assert.deepEqual(replaceFile({ path, text: "new" }), { ok: true, notes: [] });
    assert.equal(modeOf(path), 0o600);
  });

  it("is written behind symbolic links, which stay, even if it is not there yet", (test) => {
    const folder = folderFor(test);
    mkdirSync(join(folder, "real"));
    for (const name of ["there", "not-there"]) {
      const [target, middle, link] = [
        join(folder, "real", name),
        `${folder}/m-${name}`,
        `${folder}/l-${name}`,
      ];
      if (name === "there") writeFileSync(target, "old");
      symlinkSync(join("real", name), middle);
      symlinkSync(middle, link);
      assert.deepEqual(replaceFile({ path: link, text: "new" }), { ok: true, notes: [] });
      assert.equal(read(target), "new");
      assert.ok(lstatSync(link).isSymbolicLink() && lstatSync(middle).isSymbolicLink());
    }
  });

  it("is refused where it cannot be: no directory, a directory, links in a circle", (test) => {
    const folder = folderFor(test);
    symlinkSync(join(folder, "b"), join(folder, "a"));
    symlinkSync(join(folder, "a"), join(folder, "b"));
    const problem = (path: string): string => {
      const replaced = replaceFile({ path, text: "" });
      return replaced.ok ? "" : replaced.problem;
    };
    assert.match(problem(join(folder, "none", "c")), /its directory does not exist/);
    assert.match(problem(folder), /no regular file/);
    assert.match(problem(join(folder, "a")), /links lead nowhere/);
    assert.deepEqual(readdirSync(folder).sort(), ["a", "b"]);
  });

  it("is not confused by what an earlier, killed attempt left behind", (test) => {
    const folder = folderFor(test);
    const path = join(folder, "config");
    writeFileSync(join(folder, `.config.steelyard-${process.pid}`), "half");
    assert.equal(replaceFile({ path, text: "new" }).ok, true);
    assert.deepEqual(readdirSync(folder), ["config"]);
  });
});

describe("a copy", () => {
  it("has the mode of the file and what was in it", (test) => {
    const path = join(folderFor(test), "config.yaml");
    writeFileSync(path, "token: secret");
    chmodSync(path, 0o600);
    const copy = backUp(path, "20270101T000000Z");
    assert.ok("path" in copy);
    assert.deepEqual(
      [copy.path, read(copy.path), modeOf(copy.path)],
      [`${path}.steelyard-20270101T000000Z`, "token: secret", 0o600],
    );
  });

  it("that cannot be made is told of", (test) => {
    const copy = backUp(join(folderFor(test), "none"), "x");
    assert.ok("problem" in copy);
  });
});

describe("permissions that are taken away", () => {
  it("are those that others had, and it is said", (test) => {
    const path = join(folderFor(test), "config");
    writeFileSync(path, "");
    chmodSync(path, 0o644);
    assert.deepEqual(narrowMode(path, 0o600), {
      ok: true,
      notes: [`${path} had mode 0644 and has 0600 now`],
    });
    assert.deepEqual(narrowMode(path, 0o600), { ok: true, notes: [] });
  });
});

describe("the lock of a kubeconfig", () => {
  it("is there while the file is changed, and gone afterwards, even after an error", async (test) => {
    const folder = folderFor(test);
    const path = join(folder, "config");
    const locked = await withLockFile(path, () => readdirSync(folder));
    assert.deepEqual(locked, { ok: true, value: ["config.lock"] });
    await assert.rejects(
      withLockFile(path, () => assert.fail("ours")),
      /ours/,
    );
    assert.deepEqual(readdirSync(folder), []);
  });

  it("is waited for, and not taken from who has it", async (test) => {
    const folder = folderFor(test);
    const path = join(folder, "config");
    writeFileSync(`${path}.lock`, "");
    const locked = await withLockFile(path, () => assert.fail("not ours"), { tries: 2 });
    assert.ok(!locked.ok && /config\.lock is there/.test(locked.problem));
    assert.deepEqual(readdirSync(folder), ["config.lock"]);
  });
});
