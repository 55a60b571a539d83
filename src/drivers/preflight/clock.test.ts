import assert from "node:assert/strict";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, it } from "node:test";
import { readClock } from "./clock.ts";

const folder = mkdtempSync(join(tmpdir(), "steelyard-clock-"));
after(() => rmSync(folder, { recursive: true }));

const saying = (name: string, line: string): string => {
  const path = join(folder, name);
  writeFileSync(path, `#!/bin/sh\necho '${line}'\n`);
  chmodSync(path, 0o755);
  return path;
};

it("the clock is what timedated says, else what chronyd says, else unknown", async () => {
  const none = join(folder, "none");
  assert.equal(await readClock(saying("yes", "yes"), none), "synchronized");
  assert.equal(await readClock(saying("no", "no"), none), "unsynchronized");
  const tracking = "C0000201,192.0.2.1,3,1.0,0.1,0.1,0.1,0.1,0.1,0.1,0.1,0.1,64.0,";
  assert.equal(await readClock(none, saying("well", `${tracking}Normal`)), "synchronized");
  assert.equal(await readClock(none, saying("ill", `${tracking}Not synchronised`)), "unsynchronized");
  assert.equal(await readClock(none, none), undefined);
});
