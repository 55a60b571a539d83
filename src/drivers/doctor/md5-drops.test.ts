import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import { readMd5Drops } from "./md5-drops.ts";

const readFrom = (text: string): ReturnType<typeof readMd5Drops> => {
  const proc = mkdtempSync(join(tmpdir(), "steelyard-proc-"));
  try {
    mkdirSync(join(proc, "net"));
    writeFileSync(join(proc, "net/netstat"), text);
    return readMd5Drops(proc);
  } finally {
    rmSync(proc, { recursive: true });
  }
};

describe("segments with wrong signatures", () => {
  it("are counted by this kernel", () => {
    const drops = readMd5Drops();
    assert.ok(drops === undefined || Object.values(drops).every((count) => count >= 0));
  });

  it("are found by the names above the numbers", () => {
    const text =
      "TcpExt: SyncookiesSent TCPMD5NotFound TCPMD5Unexpected TCPMD5Failure\nTcpExt: 9 1 2 3\nIpExt: InNoRoutes\nIpExt: 5\n";
    assert.deepEqual(readFrom(text), { wrong: 3, missing: 1, unexpected: 2 });
  });

  it("are not known where nothing can be read, or something else stands there", () => {
    assert.equal(readMd5Drops("/nonexistent"), undefined);
    assert.equal(readFrom("TcpExt: A\nTcpExt: 1\n"), undefined);
    assert.deepEqual(readFrom("TcpExt: TCPMD5Failure\nTcpExt: x\n"), { wrong: 0, missing: 0, unexpected: 0 });
  });
});
