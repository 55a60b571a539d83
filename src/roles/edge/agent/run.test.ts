import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { it } from "node:test";
import { fileURLToPath } from "node:url";

const MAIN = fileURLToPath(new URL("../../../main.ts", import.meta.url));

it("an agent that nobody on the wire has started says so in one line", () => {
  for (const stdio of ["ignore", "pipe"] as const) {
    const { status, stderr } = spawnSync(process.execPath, [MAIN, "edge-agent", "--config", "/nowhere"], {
      ...{ encoding: "utf8", timeout: 20_000, killSignal: "SIGKILL", stdio: [stdio, "pipe", "pipe"] },
    });
    assert.deepEqual(
      [status, stderr],
      [2, "steelyard edge-agent: part of `steelyard edge`, which starts it: run that instead\n"],
    );
  }
});
