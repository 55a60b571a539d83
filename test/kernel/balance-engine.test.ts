/** The balance engine's contract against this kernel, and what it needs from it. Needs root. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { balanceEngineContract } from "#drivers/balance/contract";
import { Bed } from "./balance-bed.ts";

balanceEngineContract("the kernel", () => {
  const bed = new Bed();
  return {
    open: () => bed.openEngine("e1"),
    flush: () => bed.inside("e1", "nft flush ruleset"),
    device: "eth0",
    close: () => bed.close(),
  };
});

describe("a machine that cannot forward", () => {
  const script = `
    import { openEngine } from "#drivers/balance/nftables/linux";
    const engine = openEngine({ runDirectory: process.argv[1], ...(process.argv[2] ? { nft: process.argv[2] } : {}) });
    console.log(JSON.stringify(await engine.available() ?? {}));
    await engine.close();`;
  const directory = mkdtempSync(join(tmpdir(), "steelyard-engine-"));
  after(() => rmSync(directory, { recursive: true, force: true }));
  const reason = (command: readonly string[], nft = ""): { readonly code?: string } => {
    const [program = "", ...before] = command;
    const parameters = [...before, process.execPath, "--input-type=module", "-e", script, directory, nft];
    return JSON.parse(execFileSync(program, parameters, { encoding: "utf8" }));
  };

  it("says that it lacks permission, or the nft program", () => {
    assert.equal(reason(["env"]).code, undefined);
    assert.equal(
      reason(["setpriv", "--bounding-set=-net_admin", "--inh-caps=-net_admin"]).code,
      "no-permission",
    );
    assert.equal(reason(["env"], "/nowhere/nft").code, "no-nft");
    assert.equal(reason(["env"], "/bin/true").code, undefined);
    assert.equal(reason(["env"], "/bin/false").code, "no-nft");
  });
});
