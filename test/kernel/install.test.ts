/** What is installed: whether systemd understands it, and whether the edge can do its work with no other rights than these. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { renderUnit } from "#core/install/unit";
import { startServers } from "#lab/probe/start";
import { inBed, WITH_NODES } from "./edge-bed.ts";
import { config, router, server, VIP } from "./edge-config.ts";
import { changesSince, tracesOf } from "./edge-traces.ts";

const directory = mkdtempSync(join(tmpdir(), "steelyard-unit-"));
after(() => rmSync(directory, { recursive: true }));

const UNIT = renderUnit({ program: "/bin/true", author: "a test" });
const path = join(directory, "steelyard-edge.service");
writeFileSync(path, UNIT);

/** Exposure as `systemd-analyze security` counts it, from 0 (none) to 10, times ten. */
const MOST_EXPOSURE = 25;

describe("the unit, to systemd,", () => {
  it("is free of mistakes", () => {
    const { status, stdout, stderr } = spawnSync("systemd-analyze", ["verify", "--man=no", path], {
      encoding: "utf8",
    });
    assert.deepEqual([status, stdout, stderr], [0, "", ""]);
  });

  it("exposes little of the machine", () => {
    const threshold = `--threshold=${MOST_EXPOSURE}`;
    const { status, stdout } = spawnSync("systemd-analyze", ["security", "--offline=yes", threshold, path], {
      encoding: "utf8",
    });
    assert.equal(status, 0, stdout);
  });
});

/** Nobody: what it may do beyond that is what the unit gives it. */
const USER = "65534";

/** The unit's limit on real-time priority, where this machine lets anybody set one; else there is none to test. */
const withRealtime = (unit: string): readonly string[] => {
  const priority = /^LimitRTPRIO=(\d+)$/m.exec(unit)?.[1];
  assert.ok(priority !== undefined);
  const limit = [`--rtprio=${priority}`, "--"];
  const isAllowed = spawnSync("prlimit", [...limit, "chrt", "--rr", priority, "true"]).status === 0;
  return isAllowed ? ["prlimit", ...limit] : [];
};

/** How to start a program with the rights that the unit gives, and no others. */
const asTheUnitDoes = (unit: string): readonly string[] => {
  const capabilities = /^AmbientCapabilities=(.*)$/m.exec(unit)?.[1]?.split(" ") ?? [];
  assert.equal(/^CapabilityBoundingSet=(.*)$/m.exec(unit)?.[1], capabilities.join(" "));
  const set = ["-all", ...capabilities.map((name) => `+${name.replace("CAP_", "").toLowerCase()}`)].join(",");
  return [
    ...["setpriv", "--reuid", USER, "--regid", USER, "--clear-groups", "--no-new-privs"],
    ...["--inh-caps", set, "--ambient-caps", set, "--bounding-set", set, "--"],
  ];
};

describe("the edge with the rights of the unit alone", () => {
  it("holds addresses, balances, sets and restores kernel settings, and leaves nothing behind", async (context) => {
    await inBed(context, WITH_NODES, async ({ lab, e1, holdings }) => {
      await Promise.all(["n1", "n2", "n3"].map((name) => startServers(lab.host(name))));
      await e1.host.expect(["sh", "-c", `mkdir -p /run/steelyard && chown ${USER} /run/steelyard`]);
      await e1.host.expect(["sh", "-c", "echo 0 >/proc/sys/net/ipv4/conf/eth0/forwarding"]);
      const before = await tracesOf(e1);
      const realtime = withRealtime(UNIT);
      const { pid } = await e1.start(config(router({ priority: 150 }), server()), {
        prefix: [...realtime, ...asTheUnitDoes(UNIT)],
      });
      await holdings.settle(VIP, ["e1"]);
      const state = await e1.host.expect(["cat", `/proc/${pid}/status`]);
      assert.match(state, /^CapEff:\t0000000000003000$/m);
      assert.match(state, /^CapBnd:\t0000000000003000$/m);
      assert.match(state, new RegExp(`^Uid:\t${USER}\t${USER}\t`, "m"));
      assert.equal(await e1.host.expect(["cat", "/proc/sys/net/ipv4/conf/eth0/forwarding"]), "1\n");
      const answer = await lab.host("cl").run(["timeout", "2", "bash", "-c", `exec 3<>/dev/tcp/${VIP}/80`]);
      assert.equal(answer.code, 0, answer.stderr);
      const granted = (await e1.events()).some(({ text }) => text.includes("scheduled as SCHED_RR 10"));
      assert.equal(granted, realtime.length > 0, "by the limit, without CAP_SYS_NICE");
      assert.deepEqual(
        (await e1.events()).filter(({ severity }) => severity === "error").map(({ text }) => text),
        [],
      );
      assert.deepEqual(await e1.stop(), { code: 0, signal: null });
      await holdings.settle(VIP, []);
      assert.deepEqual(await changesSince(e1, before), []);
    });
  });
});
