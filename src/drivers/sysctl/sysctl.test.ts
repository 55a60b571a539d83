import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { sysctlKey } from "#core/sysctl/key";
import { sysctlContract } from "./contract.ts";
import { FakeSysctl } from "./fake.ts";
import { openSysctl } from "./linux.ts";

const FORWARDING = sysctlKey("net", "ipv4", "conf", "lo", "forwarding");

sysctlContract("fake", () => new FakeSysctl(new Map([[FORWARDING, "0"]])));

describe("settings in files", () => {
  const root = mkdtempSync(join(tmpdir(), "steelyard-sysctl-"));
  mkdirSync(join(root, "net/ipv4/conf/lo"), { recursive: true });
  writeFileSync(join(root, FORWARDING), "0\n");
  after(() => rmSync(root, { recursive: true }));

  sysctlContract("files", () => openSysctl(root));

  it("writes the value and a line end in one piece", () => {
    openSysctl(root).write(FORWARDING, "2");
    assert.equal(readFileSync(join(root, FORWARDING), "utf8"), "2\n");
  });

  it("gives any other errno as a value: here a folder where a setting should be", () => {
    const key = sysctlKey("net", "ipv4");
    const sysctl = openSysctl(root);
    assert.deepEqual(sysctl.observe([key]), { ok: false, error: { key, code: "EISDIR" } });
    assert.deepEqual(sysctl.write(key, "1"), { ok: false, error: { key, code: "EISDIR" } });
  });
});

describe("the fake's own lever", () => {
  it("refuses writes with the errno it was told", () => {
    const sysctl = new FakeSysctl(new Map([[FORWARDING, "0"]]));
    sysctl.refuseWrites("EROFS");
    assert.deepEqual(sysctl.write(FORWARDING, "1"), { ok: false, error: { key: FORWARDING, code: "EROFS" } });
  });
});
