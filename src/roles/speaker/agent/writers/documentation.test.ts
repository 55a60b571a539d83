import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { parseMac } from "#base/mac";
import { address } from "#testing/values";
import { assigned, duplicateFound, notReachable, reachableAgain } from "./events.ts";

const PAGE = readFileSync(
  new URL("../../../../../docs/reference/speaker-writes.md", import.meta.url),
  "utf8",
);

describe("docs/reference/speaker-writes.md", () => {
  it("lists every Event with its type, and no other", () => {
    const mac = parseMac("02:00:00:00:00:63") ?? assert.fail();
    const events = [
      assigned("n1", "layer2"),
      duplicateFound("n1", address("192.0.2.1"), { mac, stage: "used" }),
      notReachable(""),
      reachableAgain(""),
    ];
    const section = PAGE.split("## Events\n")[1]?.split("\n## ")[0] ?? "";
    const listed = [...section.matchAll(/^\| `([^`]+)` \| (\w+) \|/gm)].map(
      ([, reason, type]) => `${type} ${reason}`,
    );
    assert.deepEqual(listed.sort(), events.map(({ type, reason }) => `${type} ${reason}`).sort());
  });
});
