import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { parseAddress } from "#base/address";
import { startServers, startUdpProbe } from "#lab/probe/start";
import { type Bed, inBed, SLACK, SMALL, until, WITH_NODES } from "./edge-bed.ts";
import { activeDown, config, echo, router, VIP } from "./edge-config.ts";
import { assertServed, HANDED_OVER } from "./handed-over.ts";

const ADDRESS = parseAddress(VIP) ?? assert.fail(VIP);
/** Long enough that a busy machine of two cores starts a program within three of them. */
const INTERVAL = 500;
const HIGH = { priority: 150, advertisementInterval: `${INTERVAL}ms` };
const LOW = { priority: 100, advertisementInterval: `${INTERVAL}ms` };

/** e1 active and e2 backup, nodes that echo, and a client that asks every 10 ms; gives what ends that. */
const served = async ({ lab, e1, e2, holdings }: Bed, spec = {}, mode = "masquerade") => {
  await Promise.all(["n1", "n2", "n3"].map((name) => startServers(lab.host(name))));
  const text = config(router({ ...HIGH, ...spec }), echo({ mode }));
  await e1.start(text);
  await holdings.settle(VIP, ["e1"]);
  await e2.start(config(router({ ...LOW, ...spec }), echo({ mode })));
  await e2.is("backup");
  const probe = await startUdpProbe(lab.host("cl"), { address: ADDRESS, port: 9000, interval: 10 });
  await pause(300);
  return { text, probe };
};

const kill = ({ e1 }: Bed): Promise<void> => e1.host.signalAll("SIGKILL");
/** As a service manager does it: the next start waits for the end, for two edges do not run side by side. */
const leave = async ({ e1 }: Bed): Promise<void> => {
  const { wire } = (await e1.status()) ?? assert.fail("no status");
  await e1.signal("SIGUSR2");
  await until("it ends", async () => (await e1.host.run(["kill", "-0", String(wire.pid)])).code !== 0);
};

describe("an edge that comes back before its peer has missed it goes on where it was", () => {
  for (const [what, end, spec] of [
    ["is killed", kill, {}],
    ["is killed, without preemption", kill, { preempt: false }],
    ["is told to leave all in place (SIGUSR2)", leave, {}],
  ] as const) {
    it(`after it ${what}: no datagram is lost at 10 ms spacing, and nothing moves`, async (context) => {
      await inBed(context, WITH_NODES, async (bed) => {
        const { e1, e2, holdings } = bed;
        const { text, probe } = await served(bed, spec);
        const began = Date.now();
        await end(bed);
        await e1.start(text);
        const took = Date.now() - began;
        assert.equal((await e1.is("active")).reason, "resumed", `after ${took} ms`);
        await pause(activeDown(LOW.priority, INTERVAL));
        const { sent, answers } = await probe.finish();
        assert.equal(sent - answers.length, 0, `of ${sent} datagrams ${sent - answers.length} were lost`);
        assert.deepEqual(
          holdings.tenures(VIP).map(({ host }) => host),
          ["e1"],
        );
        const moves = (await e2.events()).filter(({ event }) => event.type === "router-state");
        assert.deepEqual(
          moves.map(({ event }) => event.type === "router-state" && event.to),
          ["backup"],
        );
        context.diagnostic(`back after ${took} ms`);
      });
    });
  }
});

describe("an edge that comes back after its peer has taken over", () => {
  it("ends with one holder, the better one, and both had it no longer than the bound", async (context) => {
    await inBed(context, SMALL, async (bed) => {
      const { e1, e2, holdings } = bed;
      await e1.start(config(router(HIGH)));
      await holdings.settle(VIP, ["e1"]);
      await e2.start(config(router(LOW)));
      await e1.host.signalAll("SIGKILL");
      await holdings.settle(VIP, ["e1", "e2"]);
      const began = Date.now();
      await e1.start(config(router(HIGH)));
      await holdings.settle(VIP, ["e1"]);
      const bound = activeDown(HIGH.priority, INTERVAL) + SLACK;
      assert(holdings.overlap(VIP, { from: began }) < bound);
      assert.equal(holdings.vacancy(VIP, { from: began }), 0);
    });
  });
});

describe("a router that a reload removes", () => {
  for (const [mode, topology, underWay] of HANDED_OVER) {
    it(`hands over with its servers at work (${mode}), at 10 ms spacing`, async (context) => {
      await inBed(context, topology, async (bed) => {
        const { e1, holdings } = bed;
        const { probe } = await served(bed, {}, mode);
        await e1.configure(config(router({ vrid: 60, addresses: ["10.2.0.101/24"] }, "other")));
        await holdings.settle(VIP, ["e2"]);
        await pause(300);
        const { sent, answers } = await probe.finish();
        assertServed({ sent, answers: answers.length, underWay });
        assert.equal(holdings.vacancy(VIP, { from: Date.now() - 1_000 }), 0);
      });
    });
  }
});
