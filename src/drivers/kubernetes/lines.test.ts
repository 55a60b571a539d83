import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { LineSplitter } from "./lines.ts";

const take = (splitter: LineSplitter): string[] => {
  const lines: string[] = [];
  for (let line = splitter.next(); line !== undefined; line = splitter.next()) lines.push(line);
  return lines;
};

describe("a line splitter", () => {
  it("gives the lines, wherever the chunks are cut, even within a character", () => {
    const text = fc.array(fc.string({ unit: "grapheme" }).map((each) => each.replaceAll("\n", "")));
    fc.assert(
      fc.property(text, fc.array(fc.integer({ min: 1, max: 9 })), (lines, sizes) => {
        const bytes = Buffer.from(lines.map((line) => `${line}\n`).join(""));
        const splitter = new LineSplitter(10_000);
        const found: string[] = [];
        for (let offset = 0, index = 0; offset < bytes.length; index += 1) {
          const size = sizes[index % Math.max(1, sizes.length)] ?? 5;
          splitter.push(bytes.subarray(offset, offset + size));
          found.push(...take(splitter));
          offset += size;
        }
        assert.deepEqual(found, lines);
        assert.equal(splitter.isWithinLine, false);
      }),
    );
  });

  it("knows that a line has begun", () => {
    const splitter = new LineSplitter(100);
    splitter.push(Buffer.from("one\ntw"));
    assert.deepEqual(take(splitter), ["one"]);
    assert.ok(splitter.isWithinLine);
    splitter.push(Buffer.from("o\n"));
    assert.deepEqual(take(splitter), ["two"]);
  });

  it("takes lines of the longest length and refuses longer ones, whole or in pieces", () => {
    for (const pieces of [["12345\n"], ["123", "45\n"], ["1", "2", "3", "4", "5", "\n"]]) {
      const splitter = new LineSplitter(5);
      const lines = pieces.flatMap((piece) => {
        splitter.push(Buffer.from(piece));
        return take(splitter);
      });
      assert.deepEqual([lines, splitter.isTooLong], [["12345"], false]);
    }
    for (const pieces of [["123456\n"], ["123", "456\n"], ["123", "456"], ["123456"]]) {
      const splitter = new LineSplitter(5);
      for (const piece of pieces) {
        splitter.push(Buffer.from(piece));
        assert.deepEqual(take(splitter), []);
      }
      assert.ok(splitter.isTooLong);
    }
  });

  it("holds no more than the longest line, however much comes", () => {
    const splitter = new LineSplitter(1_000);
    for (let index = 0; index < 1_000 && !splitter.isTooLong; index += 1) {
      splitter.push(Buffer.alloc(300, 0x61));
      assert.equal(splitter.next(), undefined);
      assert.ok(index < 4);
    }
  });
});
