import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { differenceOf, keepSpacing } from "./difference.ts";

describe("a difference", () => {
  it("is the lines that go and come, with their numbers", () => {
    assert.deepEqual(differenceOf("a\nb\nc\n", "a\nc\nd\n"), ["-    2  b", "+    3  d"]);
    assert.deepEqual(differenceOf("a\n", "a\n"), []);
    assert.deepEqual(differenceOf("", "tls-san:\n- a\n"), ["+    1  tls-san:", "+    2  - a"]);
  });

  it("shows no secret, however the file is written", () => {
    const secret = "hunter2";
    for (const line of [
      `token: ${secret}`,
      `agent-token: "${secret}"`,
      `  - password: ${secret}`,
      `"token": ${secret}`,
      `datastore-endpoint: postgres://me:${secret}@db/k3s`,
      `etcd-s3-secret-key: ${secret}`,
    ]) {
      const shown = differenceOf(`${line}\n`, `${line} \nx\n`).join("\n");
      assert.ok(!shown.includes(secret), shown);
      assert.ok(shown.includes("…"), shown);
    }
  });

  it("has every line that only one of the texts has", () => {
    const text = fc.array(fc.constantFrom("a", "b", "c"), { maxLength: 8 }).map((lines) => lines.join("\n"));
    fc.assert(
      fc.property(text, text, (before, after) => {
        const lines = differenceOf(before, after);
        const count = (sign: string) => lines.filter((line) => line.startsWith(sign)).length;
        const difference = after.split("\n").length - before.split("\n").length;
        assert.equal(count("+") - count("-"), difference);
        assert.equal(lines.length === 0, before === after);
      }),
    );
  });

  it("of texts that are too long is not made", () => {
    assert.equal(differenceOf("a\n".repeat(4_000), "b").length, 1);
  });
});

describe("spacing that is kept", () => {
  it("leaves lines as they were that were only written anew", () => {
    const before = "a:   1  # one\n\n\nb: [ x,y ]\r\nc: 3\n";
    assert.equal(
      keepSpacing(before, "a: 1 # one\n\nb: [x, y]\nc: 4\nd: 5\n"),
      "a:   1  # one\n\n\nb: [ x,y ]\r\nc: 4\nd: 5\n",
    );
  });

  it("gives the earlier text when nothing but blanks is different", () => {
    const text = fc
      .array(fc.constantFrom("a: 1", "  b", "", "c  # d"), { maxLength: 8 })
      .map((lines) => lines.join("\n"));
    fc.assert(
      fc.property(text, (before) => {
        assert.equal(keepSpacing(before, before.replaceAll(/ +/g, " ")), before);
      }),
    );
  });
});
