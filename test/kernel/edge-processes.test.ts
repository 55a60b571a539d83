import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { parseAddress } from "#base/address";
import type { Lab } from "#lab/index";
import { startServers, startUdpProbe } from "#lab/probe/start";
import { type Bed, type Edge, inBed, SMALL, until, WITH_NODES } from "./edge-bed.ts";
import { config, echo, router, VIP } from "./edge-config.ts";

const HIGH = router({ priority: 150 });
const LOW = router({ priority: 100 });

const startPair = async ({ e1, e2, holdings }: Bed, ...rest: readonly string[]): Promise<void> => {
  await Promise.all([e1.start(config(HIGH, ...rest)), e2.start(config(LOW, ...rest))]);
  await holdings.settle(VIP, ["e1"]);
};

const startNodes = async (lab: Lab): Promise<void> => {
  await Promise.all(["n1", "n2", "n3"].map((name) => startServers(lab.host(name))));
};

/** Datagrams through the virtual address every 10 ms, until `finish` gives how many were sent and lost. */
const startProbe = async (lab: Lab) => {
  const address = parseAddress(VIP) ?? assert.fail(VIP);
  const probe = await startUdpProbe(lab.host("cl"), { address, port: 9000, interval: 10 });
  return {
    finish: async (): Promise<{ readonly sent: number; readonly lost: number }> => {
      const { sent, answers } = await probe.finish();
      return { sent, lost: sent - answers.length };
    },
  };
};

/** Proportional memory of a process in kB. */
const memoryOf = async ({ host }: Edge, pid: number): Promise<number> =>
  Number(/^Pss:\s+(\d+)/m.exec(await host.expect(["cat", `/proc/${pid}/smaps_rollup`]))?.[1]);

/** How often a tracked link goes down and comes up while the agent hangs. */
const FLAPS = 50;

const isAlive = async ({ host }: Edge, pid: number): Promise<boolean> =>
  (await host.run(["kill", "-0", String(pid)])).code === 0;

const transitionsOf = async (edge: Edge): Promise<readonly string[]> =>
  (await edge.events()).filter(({ event }) => event.type === "router-state").map(({ text }) => text);

describe("the agent", () => {
  it("may be killed: traffic goes on, and a new one knows everything that happened and since when", async (context) => {
    await inBed(context, WITH_NODES, async (bed) => {
      const { lab, e1, e2, holdings } = bed;
      await startNodes(lab);
      await startPair(bed, echo());
      const probe = await startProbe(lab);
      const before = await e1.until("knows its backends", ({ servers }) =>
        servers.every(({ backends }) => backends.every(({ health }) => health === "healthy")),
      );
      const history = await e1.events();
      const peerBefore = await transitionsOf(e2);
      await e1.host.expect(["kill", "-KILL", String(before.agent.pid)]);
      const after = await e1.until("another agent answers", ({ agent }) => agent.pid !== before.agent.pid);
      await e1.event(({ subject, text }) => subject === "agent" && text.includes(`pid ${before.agent.pid}`));
      assert.deepEqual((await e1.events()).slice(0, history.length), history);
      assert.equal(after.wire.pid, before.wire.pid);
      assert.equal(after.wire.startedAt, before.wire.startedAt);
      assert.deepEqual(after.routers, before.routers);
      assert.deepEqual(after.servers, before.servers);
      const { sent, lost } = await probe.finish();
      assert(sent > 20 && lost === 0, `${lost} of ${sent} datagrams were lost`);
      assert.deepEqual(holdings.holders(VIP), ["e1"]);
      assert.deepEqual(await transitionsOf(e2), peerBefore);
    });
  });

  it("killed again and again leaves the socket usable and the router active", async (context) => {
    await inBed(context, SMALL, async ({ e1, holdings }) => {
      await e1.start(config(HIGH));
      await holdings.settle(VIP, ["e1"]);
      const { since } = await e1.is("active");
      for (let round = 0; round < 3; round += 1) {
        const { agent } = (await e1.status()) ?? assert.fail("no status");
        await e1.host.expect(["kill", "-KILL", String(agent.pid)]);
        await e1.until("another agent answers", (seen) => seen.agent.pid !== agent.pid);
      }
      const { state, since: still } = await e1.router();
      assert.deepEqual([state, still], ["active", since]);
      assert.equal(holdings.tenures(VIP).length, 1);
    });
  });

  it("may hang for 5 s: the wire process goes on, its memory stays bounded, and nothing is forgotten", async (context) => {
    await inBed(context, SMALL, async (bed) => {
      const { e1, e2, holdings } = bed;
      await e1.host.expect([
        "sh",
        "-c",
        "ip link add uplink type veth peer name far; ip link set uplink up; ip link set far up",
      ]);
      const track = { interfaces: [{ name: "uplink", weight: 1 }] };
      await Promise.all([e1.start(config(router({ priority: 150, track }))), e2.start(config(LOW))]);
      await holdings.settle(VIP, ["e1"]);
      const { wire, agent } = (await e1.status()) ?? assert.fail("no status");
      const before = await memoryOf(e1, wire.pid);
      const peerBefore = await transitionsOf(e2);
      await e1.host.expect(["kill", "-STOP", String(agent.pid)]);
      const began = Date.now();
      // Events for an agent that reads none of them: each flap is told four times.
      const flap = "ip link set far down; sleep 0.02; ip link set far up; sleep 0.02";
      await e1.host.expect(["sh", "-c", `for i in $(seq ${FLAPS}); do ${flap}; done`]);
      await pause(Math.max(0, began + 5_000 - Date.now()));
      const hanging = await memoryOf(e1, wire.pid);
      await e1.host.expect(["kill", "-CONT", String(agent.pid)]);
      assert(hanging - before < 20_000, `${before} kB before, ${hanging} kB after`);
      const told = await until("all of it is told", async () => {
        const flaps = (await e1.events()).filter(
          ({ event }) => event.type === "link" && event.state === "up",
        );
        return flaps.length >= FLAPS ? await e1.status() : undefined;
      });
      assert.equal(told.agent.pid, agent.pid);
      assert.deepEqual(await transitionsOf(e2), peerBefore);
      assert.deepEqual(holdings.holders(VIP), ["e1"]);
      const sequences = (await e1.events()).map(({ sequence }) => sequence);
      assert.deepEqual(
        sequences,
        sequences.map((_, index) => (sequences[0] ?? 0) + index),
      );
    });
  });
});

describe("a stop while the agent hangs", () => {
  it("gives everything up all the same, within seconds", async (context) => {
    await inBed(context, SMALL, async ({ e1, holdings }) => {
      await e1.start(config(HIGH));
      await holdings.settle(VIP, ["e1"]);
      const { agent } = (await e1.status()) ?? assert.fail("no status");
      await e1.host.expect(["kill", "-STOP", String(agent.pid)]);
      const asked = Date.now();
      assert.deepEqual(await e1.stop(), { code: 0, signal: null });
      assert(Date.now() - asked < 5_000);
      assert.deepEqual(holdings.holders(VIP), []);
      assert.equal(await isAlive(e1, agent.pid), false);
    });
  });
});

describe("the wire process, killed", () => {
  it("takes its agent along, leaves the kernel as it is, and is followed by one that adopts it without a gap", async (context) => {
    await inBed(context, WITH_NODES, async ({ lab, e1, holdings }) => {
      await startNodes(lab);
      await e1.start(config(HIGH, echo()));
      await holdings.settle(VIP, ["e1"]);
      const { agent } = (await e1.status()) ?? assert.fail("no status");
      const rules = await e1.host.expect(["nft", "list", "tables"]);
      assert.match(rules, /steelyard/);
      const probe = await startProbe(lab);
      await e1.signal("SIGKILL");
      await until("the agent ends", async () => !(await isAlive(e1, agent.pid)), { withinMs: 2_000 });
      assert.equal(await e1.host.expect(["nft", "list", "tables"]), rules);
      assert.deepEqual(holdings.holders(VIP), ["e1"]);
      await e1.start(config(HIGH, echo()));
      await e1.is("active");
      await pause(300);
      const { sent, lost } = await probe.finish();
      assert(sent > 50 && lost === 0, `${lost} of ${sent} datagrams were lost`);
      assert.equal(holdings.tenures(VIP).length, 1, "the address was never taken off");
      assert.equal(await e1.host.expect(["nft", "list", "tables"]), rules);
      assert.deepEqual((await e1.router()).addresses, [{ address: `${VIP}/24`, held: true }]);
    });
  });

  it("and started again after a better peer took over takes the leftover address off at once", async (context) => {
    await inBed(context, SMALL, async ({ e1, e2, holdings }) => {
      await e1.start(config(router({ priority: 100 })));
      await holdings.settle(VIP, ["e1"]);
      await e1.host.signalAll("SIGKILL");
      await e2.start(config(router({ priority: 150 })));
      await holdings.settle(VIP, ["e1", "e2"]);
      const restarted = Date.now();
      await e1.start(config(router({ priority: 100 })));
      const took = (await holdings.settle(VIP, ["e2"], 2_000)) - restarted;
      assert(took < 2_000, `${took} ms`);
      assert.equal((await e1.router()).state, "backup");
      assert.equal(holdings.vacancy(VIP, { from: restarted }), 0);
    });
  });

  it("and started with fewer addresses takes those off that are no longer wanted", async (context) => {
    await inBed(context, SMALL, async ({ e1, holdings }) => {
      await e1.start(config(router({ priority: 150, addresses: [`${VIP}/24`, "10.2.0.101/24"] })));
      await holdings.settle("10.2.0.101", ["e1"]);
      await e1.host.signalAll("SIGKILL");
      await e1.start(config(HIGH));
      await holdings.settle("10.2.0.101", []);
      await e1.is("active");
      assert.equal(holdings.tenures(VIP).length, 1);
    });
  });

  it("whose agent hangs at that moment is still followed by one that works", async (context) => {
    await inBed(context, SMALL, async ({ e1, holdings }) => {
      await e1.start(config(HIGH));
      await holdings.settle(VIP, ["e1"]);
      const { agent } = (await e1.status()) ?? assert.fail("no status");
      await e1.host.expect(["kill", "-STOP", String(agent.pid)]);
      await e1.signal("SIGKILL");
      await e1.host.expect(["kill", "-KILL", String(agent.pid)]);
      await e1.start(config(HIGH));
      await e1.is("active");
    });
  });
});
