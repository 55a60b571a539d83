import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { missingCapabilities } from "./capabilities.ts";
import { cpuLimit } from "./cpu-limit.ts";

const status = (effective: string): string =>
  `Name:\tnode\nCapPrm:\tffffffffffffffff\nCapEff:\t${effective}\nCapBnd:\t0\n`;

describe("missing capabilities", () => {
  it("names what is wanted and not effective", () => {
    assert.deepEqual(missingCapabilities(status("0000000000003000"), ["CAP_NET_ADMIN", "CAP_NET_RAW"]), []);
    assert.deepEqual(missingCapabilities(status("0000000000002000"), ["CAP_NET_ADMIN", "CAP_NET_RAW"]), [
      "CAP_NET_ADMIN",
    ]);
  });
  it("trusts nothing it cannot read", () => {
    assert.deepEqual(missingCapabilities("", ["CAP_NET_RAW"]), ["CAP_NET_RAW"]);
  });
});

describe("CPU limit", () => {
  it("reads the quota as a share of one CPU", () => {
    assert.equal(cpuLimit("20000 100000\n"), 0.2);
    assert.equal(cpuLimit("max 100000\n"), undefined);
    assert.equal(cpuLimit("garbage"), undefined);
    assert.equal(cpuLimit("1 0"), undefined);
  });
});
