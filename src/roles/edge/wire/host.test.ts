import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { millis, seconds } from "#base/time";
import { type Desired, NOTHING_DESIRED } from "#core/config/desired";
import { type SysctlKey, sysctlKey } from "#core/sysctl/key";
import { fakeClock } from "#drivers/clock/fake";
import { FakeNetlink } from "#drivers/netlink/fake";
import { FakeSysctl } from "#drivers/sysctl/fake";
import { createDeadlines } from "#runtime/deadlines";
import { virtualRouter } from "#testing/values";
import { HostState } from "./host.ts";

const parent = mkdtempSync(join(tmpdir(), "steelyard-host-"));
after(() => rmSync(parent, { recursive: true }));

const PROMOTE = sysctlKey("net", "ipv4", "conf", "eth0", "promote_secondaries");
const DESIRED: Desired = { ...NOTHING_DESIRED, routers: [virtualRouter()] };

const settle = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve));

const bench = () => {
  const netlink = new FakeNetlink([
    { index: 2, name: "eth0", mtu: 1500, up: true, carrier: true, loopback: false },
  ]);
  const sysctl = new FakeSysctl(new Map<SysctlKey, string>([[PROMOTE, "0"]]));
  const clock = fakeClock({ onWake: () => deadlines.runDue() });
  const deadlines = createDeadlines(clock);
  const said: string[] = [];
  const host = new HostState({
    ...{ netlink, sysctl, clock, deadlines, onPathsChanged: () => {} },
    options: {
      ...{ config: ["edge.yaml"], admin: "/nowhere", runtimeDirectory: mkdtempSync(join(parent, "run-")) },
      ...{
        program: "edge",
        logFormat: "text",
        logLevel: "info",
        realtime: "try",
        engine: "nftables",
        bgpDrain: 0,
      },
    },
    emit: (event) => {
      if (event.type === "sysctl") said.push(event.change);
    },
  });
  host.apply(DESIRED);
  return { host, netlink, sysctl, clock, said };
};

describe("what the machine needs", () => {
  it("is put back at once when the kernel tells that somebody changed a setting", async () => {
    const { host, netlink, sysctl, clock, said } = bench();
    sysctl.write(PROMOTE, "0");
    netlink.changeSetting();
    netlink.changeSetting();
    await settle();
    clock.advance(millis(20));
    assert.deepEqual(said, ["set", "repaired"]);
    host.close();
  });

  it("is put back within five seconds when the kernel does not tell", () => {
    const { host, sysctl, clock, said } = bench();
    sysctl.write(PROMOTE, "0");
    clock.advance(millis(4_999));
    assert.deepEqual(said, ["set"]);
    clock.advance(millis(1));
    assert.deepEqual(said, ["set", "repaired"]);
    host.close();
  });

  it("is left alone once it is closed", async () => {
    const { host, netlink, sysctl, clock, said } = bench();
    netlink.changeSetting();
    await settle();
    host.close();
    sysctl.write(PROMOTE, "0");
    netlink.changeSetting();
    await settle();
    clock.advance(seconds(10));
    assert.deepEqual(said, ["set"]);
  });
});
