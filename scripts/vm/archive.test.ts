import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { encodeArchive } from "./archive.ts";

/** What an archive holds, read as Documentation/driver-api/early-userspace/buffer-format.rst of Linux describes it. */
const filesIn = (archive: Uint8Array): readonly (readonly [string, number, string])[] => {
  const text = Buffer.from(archive).toString("latin1");
  const aligned = (offset: number): number => (offset + 3) & ~3;
  const files: [string, number, string][] = [];
  for (let at = 0; at < text.length; ) {
    const field = (index: number): number =>
      Number.parseInt(text.slice(at + 6 + 8 * index, at + 14 + 8 * index), 16);
    assert.equal(text.slice(at, at + 6), "070701");
    const [mode, size, nameSize] = [field(1), field(6), field(11)];
    const name = text.slice(at + 110, at + 110 + nameSize - 1);
    const content = aligned(at + 110 + nameSize);
    files.push([name, mode, text.slice(content, content + size)]);
    at = aligned(content + size);
  }
  return files;
};

describe("an initial file system", () => {
  it("holds its files, and ends with the trailer", () => {
    const archive = encodeArchive([
      { name: "first", content: Buffer.from("program"), isExecutable: true },
      { name: "order", content: Buffer.from("/a.ko\n/b.ko\n") },
      { name: "empty", content: new Uint8Array() },
    ]);
    assert.deepEqual(filesIn(archive), [
      ["first", 0o100755, "program"],
      ["order", 0o100644, "/a.ko\n/b.ko\n"],
      ["empty", 0o100644, ""],
      ["TRAILER!!!", 0o100644, ""],
    ]);
    assert.equal(archive.length % 4, 0);
  });
});
