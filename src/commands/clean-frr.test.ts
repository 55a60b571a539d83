import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { OWN } from "#core/frr/names";
import { fakeFrr } from "#drivers/frr/fake";
import { findInFrr } from "./clean-frr.ts";

const OURS = `router bgp 64500 view ${OWN}64500\n neighbor 10.0.0.1 remote-as 64501\nroute-map ${OWN}in deny 10\n`;
const THEIRS = "router bgp 65001\n neighbor 10.0.0.9 remote-as 65002\n";

const free = () => ({ taken: true });

describe("steelyard clean --frr", () => {
  it("finds our part, and removes that and nothing else", async () => {
    const frr = fakeFrr(OURS + THEIRS);
    const [found, ...others] = await findInFrr(frr, free)();
    assert.deepEqual([found?.what, others], ["our part of the configuration of FRR: 2 blocks", []]);
    assert.equal(await found?.remove(), undefined);
    const after = await frr.running();
    assert.ok(after.ok && after.value.includes("10.0.0.9") && !after.value.includes(OWN));
    assert.deepEqual(await findInFrr(frr, free)(), []);
  });

  it("leaves it to a speaker that runs", async () => {
    const frr = fakeFrr(OURS);
    const [found] = await findInFrr(frr, () => ({ taken: false }))();
    assert.match((await found?.remove()) ?? "", /a speaker runs/);
    assert.deepEqual(frr.entered, []);
  });

  it("finds nothing where no FRR runs, and says so when it does not answer", async () => {
    const frr = fakeFrr(OURS);
    frr.fails = { reason: "no-daemon", message: "" };
    assert.deepEqual(await findInFrr(frr, free)(), []);
    frr.fails = { reason: "no-answer", message: "vtysh did not answer in 30 s" };
    const [unseen] = await findInFrr(frr, free)();
    assert.match((await unseen?.remove()) ?? "", /did not answer/);
  });
});
