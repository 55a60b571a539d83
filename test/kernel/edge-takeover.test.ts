import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { parseAddress } from "#base/address";
import { type LabProcess, standardTopology } from "#lab/index";
import { startDownloads, startServers, startUdpProbe, urlOf } from "#lab/probe/start";
import { type Bed, inBed, SLACK, SMALL } from "./edge-bed.ts";
import { activeDown, config, echo, INTERVAL, router, server, VIP } from "./edge-config.ts";
import { assertServed, HANDED_OVER } from "./handed-over.ts";

const ADDRESS = parseAddress(VIP) ?? assert.fail(VIP);
const HIGH = 150;
const LOW = 100;
/** Longest time for which the address may be nobody's after the active edge has died in silence. */
const BOUND = activeDown(LOW) + SLACK;

/** Both edges up, e1 active; gives the program on e1. */
const pair = async ({ e1, e2, holdings }: Bed, ...rest: readonly string[]): Promise<LabProcess> => {
  const [program] = await Promise.all([
    e1.start(config(router({ priority: HIGH }), ...rest)),
    e2.start(config(router({ priority: LOW }), ...rest)),
  ]);
  await holdings.settle(VIP, ["e1"]);
  return program;
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

  it("with every download in flight, in direct server return: both edges choose the same backends", async (context) => {
    const topology = standardTopology({ client: "lan", directReturn: [ADDRESS] });
    await inBed(context, topology, async (bed) => {
      const { lab, holdings } = bed;
      await Promise.all(["n1", "n2", "n3"].map((name) => startServers(lab.host(name))));
      await pair(bed, server({ mode: "dsr", port: 8080 }));
      const options = { url: urlOf(ADDRESS, 8080), streams: 30, duration: 3, bytes: 1_000_000 };
      const downloads = await startDownloads(lab.host("cl"), options);
      await lab.fault("silence e1");
      await holdings.settle(VIP, ["e1", "e2"], BOUND);
      const { downloads: ended } = await downloads.finish();
      assert.deepEqual(
        ended.filter(({ whole }) => !whole),
        [],
      );
      assert.equal(new Set(ended.map(({ backend }) => backend)).size, 3);
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
      const script = `process.on("SIGWINCH", () => { const end = Date.now() + 6_000; while (Date.now() < end); });`;
      await lab.write("hang.mjs", script);
      await e1.stop();
      await holdings.settle(VIP, ["e2"]);
      await e1.start(config(router({ priority: HIGH })), {
        env: { NODE_OPTIONS: "--import /run/lab/hang.mjs" },
      });
      await holdings.settle(VIP, ["e1"]);
      const hung = Date.now();
      await e1.signal("SIGWINCH");
      await holdings.settle(VIP, ["e2"], 3_000 + BOUND);
      assert(holdings.vacancy(VIP, { from: hung }) < BOUND);
      await e2.until("knows why", ({ routers }) => routers[0]?.reason === "priority-zero-received");
      await holdings.settle(VIP, ["e1"], 6_000);
      await e1.event(({ event }) => event.type === "process" && event.change === "stalled");
    });
  });
});

describe("a clean stop of the active edge", () => {
  const WAYS = [
    ["of its main process", ({ e1 }: Bed) => e1.signal("SIGTERM")],
    ["of all its processes at once, as systemd does", ({ e1 }: Bed) => e1.host.signalAll("SIGTERM")],
  ] as const;
  for (const [how, stop, mode, topology, underWay] of WAYS.flatMap((way) =>
    HANDED_OVER.map((mode) => [...way, ...mode] as const),
  )) {
    it(`${how} hands over with priority 0 and with its servers at work (${mode}), at 10 ms spacing`, async (context) => {
      await inBed(context, topology, async (bed) => {
        const { lab, e1, e2, holdings } = bed;
        await Promise.all(["n1", "n2", "n3"].map((name) => startServers(lab.host(name))));
        const program = await pair(bed, echo({ mode }));
        const probe = await startUdpProbe(lab.host("cl"), { address: ADDRESS, port: 9000, interval: 10 });
        await pause(500);
        const asked = Date.now();
        await stop(bed);
        assert.deepEqual(await program.exited, { code: 0, signal: null });
        await pause(500);
        const { sent, answers } = await probe.finish();
        assertServed({ sent, answers: answers.length, underWay });
        assert.deepEqual(holdings.holders(VIP), ["e2"]);
        assert.equal(holdings.vacancy(VIP, { from: asked }), 0);
        const took = (holdings.tenures(VIP).at(-1)?.from ?? 0) - asked;
        assert(took < 2 * INTERVAL + SLACK, `${took} ms`);
        assert.equal((await e2.router()).reason, "priority-zero-received");
        assert.equal(await e1.status(), undefined);
      });
    });
  }

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
