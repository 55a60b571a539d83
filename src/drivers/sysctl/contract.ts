/** What every sysctl driver must do. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { sysctlKey } from "#core/sysctl/key";
import type { SysctlPort } from "./port.ts";

const PRESENT = sysctlKey("net", "ipv4", "conf", "lo", "forwarding");
const ABSENT = sysctlKey("net", "ipv4", "conf", "lo", "no_such_setting");

/** Registers the suite; `open` gives settings where `net/ipv4/conf/lo/forwarding` is 0. */
export const sysctlContract = (name: string, open: () => SysctlPort): void => {
  describe(`${name}: sysctl contract`, () => {
    it("reads what is there without its line end, and leaves out what is not", () => {
      assert.deepEqual(open().observe([PRESENT, ABSENT]), { ok: true, value: new Map([[PRESENT, "0"]]) });
    });

    it("reads back what it wrote", () => {
      const sysctl = open();
      assert.deepEqual(sysctl.write(PRESENT, "1"), { ok: true, value: undefined });
      assert.deepEqual(sysctl.observe([PRESENT]), { ok: true, value: new Map([[PRESENT, "1"]]) });
      assert.deepEqual(sysctl.write(PRESENT, "0"), { ok: true, value: undefined });
    });

    it("says ENOENT for a setting that the kernel does not have, and does not make it", () => {
      const sysctl = open();
      assert.deepEqual(sysctl.write(ABSENT, "1"), { ok: false, error: { key: ABSENT, code: "ENOENT" } });
      assert.deepEqual(sysctl.observe([ABSENT]), { ok: true, value: new Map() });
    });
  });
};
