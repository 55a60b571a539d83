/**
 * A whole edge with the default engine, where the kernel has no nf_tables. Runs inside user-mode Linux, whose kernel
 * has it in modules: they are taken out, and not brought in again meanwhile.
 */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, it } from "node:test";
import { inBed, SMALL } from "#test/kernel/edge-bed";
import { config, router, server, VIP } from "#test/kernel/edge-config";
import { changesSince, tracesOf } from "#test/kernel/edge-traces";

/** The program that the kernel runs when a module is asked for. */
const LOADER = "/proc/sys/kernel/modprobe";
const loader = readFileSync(LOADER, "utf8").trim();

/** The same program, for everything but nf_tables, which is number 10 of those that netfilter's netlink has. */
const PICKY = `#!/bin/sh
case "$*" in *nft*|*nf_tables*|*nfnetlink-subsys-10) exit 1 ;; esac
exec ${loader} "$@"
`;
const folder = mkdtempSync(join(tmpdir(), "no-nftables-"));

const loaded = (): readonly string[] =>
  readFileSync("/proc/modules", "utf8").match(/^nf(?:t|_tables)\w*/gm) ?? [];

before(() => {
  writeFileSync(join(folder, "modprobe"), PICKY, { mode: 0o755 });
  writeFileSync(LOADER, join(folder, "modprobe"));
  // Each may be in use by another of them.
  for (let rounds = 0; loaded().length > 0; rounds += 1) {
    assert.ok(rounds < 10, `still there: ${loaded().join(" ")}`);
    for (const name of loaded()) {
      try {
        execFileSync("/sbin/rmmod", [name], { stdio: "ignore" });
      } catch {}
    }
  }
});
after(() => {
  writeFileSync(LOADER, loader);
  rmSync(folder, { recursive: true });
});

it("ends with 1, says what the kernel lacks and what to do, and changes nothing", async (context) => {
  await inBed(context, SMALL, async ({ e1, holdings }) => {
    const nft = await e1.host.run(["nft", "list", "ruleset"]);
    assert.notEqual(nft.code, 0);
    assert.equal((await e1.host.run(["nft", "--version"])).code, 0);
    await e1.configure(config(router({ priority: 200 }), server()));
    const traces = await tracesOf(e1);
    const program = await e1.launch();
    const { code } = await program.exited;
    const said = `${program.stdout()}${program.stderr()}`;
    assert.equal(code, 1, said);
    assert.match(
      said,
      /^steelyard edge: virtual servers cannot run here: the kernel has no nf_tables \(\w+\)\. Load the nf_tables module \(modprobe nf_tables\), or use a kernel that has it$/m,
    );
    assert.doesNotMatch(said, /\n {4}at /);
    assert.deepEqual(await changesSince(e1, traces), []);
    assert.deepEqual(holdings.tenures(VIP), []);
  });
});
