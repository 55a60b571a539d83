import assert from "node:assert/strict";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { readFirewall } from "./firewall.ts";

const folder = mkdtempSync(join(tmpdir(), "steelyard-nft-"));
after(() => rmSync(folder, { recursive: true }));

const program = (script: string): string => {
  const path = join(folder, "nft");
  writeFileSync(path, `#!/bin/sh\n${script}\n`);
  chmodSync(path, 0o755);
  return path;
};

describe("reading the firewall", () => {
  it("gives the rules that nft prints", async () => {
    const answer = await readFirewall(program(`echo '{"nftables":[]}'`));
    assert.equal(answer.type, "rules");
  });
  it("says where there is no nft", async () => {
    assert.deepEqual(await readFirewall(join(folder, "none")), { type: "no-nft" });
  });
  it("gives nft's own complaint, or says that it is no JSON", async () => {
    const complaining = program("echo 'Operation not permitted (you must be root)' >&2; exit 1");
    assert.deepEqual(await readFirewall(complaining), {
      ...{ type: "unread", problem: "Operation not permitted (you must be root)" },
    });
    assert.deepEqual(await readFirewall(program("echo table")), {
      ...{ type: "unread", problem: "nft prints no JSON" },
    });
  });
  it("does not wait for one that hangs", async () => {
    assert.deepEqual(await readFirewall(program("exec sleep 60"), 50), {
      ...{ type: "unread", problem: "nft does not come to an end" },
    });
  });
});
