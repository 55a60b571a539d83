import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import { openRecord } from "./record.ts";

const scratch = (context: TestContext): string => {
  const directory = mkdtempSync(join(tmpdir(), "steelyard-record-"));
  context.after(() => rmSync(directory, { recursive: true }));
  return directory;
};

const none = (detail: string): void => assert.fail(detail);

/** Lets writes happen until the file is as wanted; the test's own limit ends the wait. */
const until = async (wanted: () => boolean): Promise<void> => {
  while (!wanted()) await new Promise((resolve) => void setImmediate(resolve));
};

const textOf = (path: string): string => {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
};

describe("a record", { timeout: 5_000 }, () => {
  it("is found by the next run as it was left last, whatever was asked for in between", async (context) => {
    const path = join(scratch(context), "record");
    const record = openRecord(path, none);
    assert.equal(record.found, "");
    for (let count = 0; count < 100; count += 1) record.replace(() => `${count}\nrest`);
    await until(() => textOf(path) === "99\nrest");
    for (let count = 10; count < 100; count += 1) record.stamp(String(count));
    record.stamp("07");
    await until(() => textOf(path) === "07\nrest");
    assert.equal(openRecord(path, none).found, "07\nrest");
  });

  it("is nothing where it is longer than it can be, or no file: nobody waits for a pipe", (context) => {
    const path = join(scratch(context), "record");
    writeFileSync(path, "12345");
    assert.equal(openRecord(path, none, 5).found, "12345");
    assert.equal(openRecord(path, none, 4).found, "");
    rmSync(path);
    execFileSync("sh", ["-c", `mkfifo "$0"`, path]);
    assert.equal(openRecord(path, none).found, "");
  });

  it("keeps nothing of what is on disk in memory, and writes what is so by then", async (context) => {
    const path = join(scratch(context), "record");
    writeFileSync(path, "past");
    const record = openRecord(path, none);
    let text = "first";
    record.replace(() => text);
    assert.equal(record.found, "");
    record.replace(() => text);
    text = "second";
    await until(() => textOf(path) === "second");
  });

  it("that shrinks keeps nothing of its longer past", async (context) => {
    const path = join(scratch(context), "record");
    const record = openRecord(path, none);
    record.replace(() => "long and longer");
    await until(() => textOf(path) !== "");
    record.stamp("L");
    record.replace(() => "short");
    await until(() => textOf(path) === "short");
  });

  it("is gone for good when it is removed, and nothing is written behind it", async (context) => {
    const directory = scratch(context);
    const record = openRecord(join(directory, "record"), none);
    record.replace(() => "text");
    await until(() => textOf(join(directory, "record")) === "text");
    record.remove();
    record.replace(() => "more");
    record.stamp("m");
    for (let turn = 0; turn < 20; turn += 1) await new Promise((resolve) => void setImmediate(resolve));
    assert.deepEqual(readdirSync(directory), []);
  });

  it("tells of each failure, is not stamped after it, and goes on when it can be written again", async (context) => {
    const directory = scratch(context);
    const path = join(directory, "folder", "record");
    const failures: string[] = [];
    const record = openRecord(path, (detail) => void failures.push(detail));
    record.replace(() => "text");
    await until(() => failures.length === 1);
    record.stamp("x");
    mkdirSync(join(directory, "folder"));
    for (let turn = 0; turn < 20; turn += 1) await new Promise((resolve) => void setImmediate(resolve));
    assert.deepEqual([failures, textOf(path)], [[`${path}: ENOENT`], ""]);
    record.replace(() => "again");
    await until(() => textOf(path) === "again");
  });
});
