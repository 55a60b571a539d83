import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import { readArpTable } from "./arp-table.ts";

describe("the table of IPv4 neighbours", () => {
  it("has those that have answered, and is empty where it cannot be read", () => {
    const proc = mkdtempSync(join(tmpdir(), "steelyard-arp-"));
    mkdirSync(join(proc, "net"));
    writeFileSync(
      join(proc, "net/arp"),
      [
        "IP address       HW type     Flags       HW address            Mask     Device",
        "10.2.0.1         0x1         0x2         02:00:00:00:02:01     *        eth0",
        "10.2.0.9         0x1         0x0         00:00:00:00:00:00     *        eth0",
        "nonsense",
        "",
      ].join("\n"),
    );
    assert.deepEqual(readArpTable(proc), [{ address: "10.2.0.1", mac: "02:00:00:00:02:01", link: "eth0" }]);
    rmSync(proc, { recursive: true });
    assert.deepEqual(readArpTable(proc), []);
  });
});
