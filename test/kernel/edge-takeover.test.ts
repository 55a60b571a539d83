import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { parseAddress } from "#base/address";
import { startServers, startUdpProbe } from "#lab/probe/start";
import { type Bed, inBed, SLACK, SMALL, WITH_NODES } from "./edge-bed.ts";
import { activeDown, config, echo, INTERVAL, router, VIP } from "./edge-config.ts";

const HIGH = 150;
const LOW = 100;
/** Longest time for which the address may be nobody's after the active edge has died in silence. */
const BOUND = activeDown(LOW) + SLACK;

/** Both edges up, e1 active. */
const pair = async ({ e1, e2, holdings }: Bed, ...rest: readonly string[]): Promise<void> => {
  await Promise.all([
    e1.start(config(router({ priority: HIGH }), ...rest)),
    e2.start(config(router({ priority: LOW }), ...rest)),
  ]);
  await holdings.settle(VIP, ["e1"]);
};

/** Nobody may hold the address together with another for longer than this, once they hear each other. */
const OVERLAP_LIMIT = 2_000;

describe("the address moves to the other edge", () => {
  it("when the active edge goes silent, and back when it is heard again, with one holder afterwards", async (context) => {
    await inBed(context, SMALL, async (bed) => {
      const { lab, holdings } = bed;
      await pair(bed);
      const cut = Date.now();
      await lab.fault("silence e1");
      const took = (await holdings.settle(VIP, ["e1", "e2"])) - cut;
      assert(took < BOUND, `${took} ms`);
      assert(took > 2 * INTERVAL, `e2 took over after ${took} ms, before e1 could be missed`);
      const restored = Date.now();
      await lab.fault("restore e1");
      await holdings.settle(VIP, ["e1"], OVERLAP_LIMIT);
      await pause(1_000);
      assert.deepEqual(holdings.holders(VIP), ["e1"]);
      assert.equal(holdings.vacancy(VIP, { from: cut }), 0);
      assert.equal(holdings.overlap(VIP, { from: restored + OVERLAP_LIMIT }), 0);
    });
  });

  it("when the link of the active edge is pulled, which gives it up by itself", async (context) => {
    await inBed(context, SMALL, async (bed) => {
      const { lab, e1, holdings } = bed;
      await pair(bed);
      const cut = Date.now();
      await lab.fault("link-down e1");
      await holdings.settle(VIP, ["e2"], BOUND);
      assert(holdings.vacancy(VIP, { from: cut }) < BOUND);
      assert.equal(holdings.overlap(VIP, { from: cut }), 0);
      assert.match(String((await e1.router()).failed), /interface eth0/);
      await lab.fault("link-up e1");
      await holdings.settle(VIP, ["e1"]);
      assert(holdings.overlap(VIP, { from: cut }) < OVERLAP_LIMIT);
    });
  });

  it("when every process of the active edge is killed; a restart ends with one holder", async (context) => {
    await inBed(context, SMALL, async (bed) => {
      const { e1, holdings } = bed;
      await pair(bed);
      const killed = Date.now();
      await e1.host.signalAll("SIGKILL");
      const took = (await holdings.settle(VIP, ["e1", "e2"])) - killed;
      assert(took < BOUND, `${took} ms`);
      const restarted = Date.now();
      await e1.start(config(router({ priority: HIGH })));
      await holdings.settle(VIP, ["e1"], OVERLAP_LIMIT);
      assert.equal(holdings.vacancy(VIP, { from: killed }), 0);
      assert(holdings.overlap(VIP, { from: restarted }) < OVERLAP_LIMIT + SLACK);
    });
  });

  it("when every process of the active edge is stopped; continued, exactly one holds it within 2 s", async (context) => {
    await inBed(context, SMALL, async (bed) => {
      const { e1, holdings } = bed;
      await pair(bed);
      const frozen = Date.now();
      await e1.host.signalAll("SIGSTOP");
      const took = (await holdings.settle(VIP, ["e1", "e2"])) - frozen;
      assert(took < BOUND, `${took} ms`);
      await pause(3_500); // Beyond the lease, which must not count against a process that was frozen as a whole.
      const thawed = Date.now();
      await e1.host.signalAll("SIGCONT");
      await holdings.settle(VIP, ["e1"], OVERLAP_LIMIT);
      await pause(1_000);
      assert.deepEqual(holdings.holders(VIP), ["e1"]);
      assert(holdings.vacancy(VIP, { from: frozen }) < SLACK);
      assert.equal(holdings.overlap(VIP, { from: thawed + OVERLAP_LIMIT }), 0);
    });
  });

  it("when the wire's main thread alone hangs: the dead-man lease gives it up", async (context) => {
    await inBed(context, SMALL, async (bed) => {
      const { lab, e1, e2, holdings } = bed;
      await pair(bed);
      const script = `process.on("SIGUSR2", () => { const end = Date.now() + 6_000; while (Date.now() < end); });`;
      await lab.write("hang.mjs", script);
      await e1.stop();
      await holdings.settle(VIP, ["e2"]);
      await e1.start(config(router({ priority: HIGH })), {
        env: { NODE_OPTIONS: "--import /run/lab/hang.mjs" },
      });
      await holdings.settle(VIP, ["e1"]);
      const hung = Date.now();
      await e1.signal("SIGUSR2");
      await holdings.settle(VIP, ["e2"], 3_000 + BOUND);
      assert(holdings.vacancy(VIP, { from: hung }) < BOUND);
      await e2.until("knows why", ({ routers }) => routers[0]?.reason === "priority-zero-received");
      await holdings.settle(VIP, ["e1"], 6_000);
      await e1.event(({ event }) => event.type === "process" && event.change === "stalled");
    });
  });
});

describe("a clean stop of the active edge", () => {
  it("hands the address over with priority 0 and without a lost datagram at 10 ms spacing", async (context) => {
    await inBed(context, WITH_NODES, async (bed) => {
      const { lab, e1, e2, holdings } = bed;
      await Promise.all(["n1", "n2", "n3"].map((name) => startServers(lab.host(name))));
      await pair(bed, echo());
      const address = parseAddress(VIP) ?? assert.fail(VIP);
      const probe = await startUdpProbe(lab.host("cl"), { address, port: 9000, interval: 10 });
      await pause(500);
      const asked = Date.now();
      const ended = await e1.stop();
      await pause(500);
      const { sent, answers } = await probe.finish();
      assert.deepEqual(ended, { code: 0, signal: null });
      assert(sent > 90, `only ${sent} were sent`);
      assert.equal(sent - answers.length, 0, `of ${sent} datagrams ${sent - answers.length} were lost`);
      assert.deepEqual(holdings.holders(VIP), ["e2"]);
      assert.equal(holdings.vacancy(VIP, { from: asked }), 0);
      const took = (holdings.tenures(VIP).at(-1)?.from ?? 0) - asked;
      assert(took < 2 * INTERVAL + SLACK, `${took} ms`);
      assert.equal((await e2.router()).reason, "priority-zero-received");
    });
  });

  it("waits no longer than an interval or so for a successor that does not exist", async (context) => {
    await inBed(context, SMALL, async ({ e1, holdings }) => {
      await e1.start(config(router({ priority: HIGH })));
      await holdings.settle(VIP, ["e1"]);
      const asked = Date.now();
      assert.deepEqual(await e1.stop(), { code: 0, signal: null });
      assert(Date.now() - asked < INTERVAL + 200 + SLACK);
      assert.deepEqual(holdings.holders(VIP), []);
    });
  });
});
