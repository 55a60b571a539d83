/** What clients see when their backend dies or is drained, and connection tracking knows their flows. Needs root. */
import assert from "node:assert/strict";
import { after, afterEach, before, beforeEach, describe, it } from "node:test";
import { instant, seconds } from "#base/time";
import type { ForwardingMode, Protocol, VirtualServer } from "#core/balance/model";
import { onePort } from "#core/balance/ports";
import { fakeClock } from "#drivers/clock/fake";
import type { ConntrackPort } from "#drivers/conntrack/port";
import { createFlowEnds, type FlowEnds } from "#roles/edge/wire/flow-ends";
import { createDeadlines } from "#runtime/deadlines";
import { address, Bed, type Client, VIRTUAL } from "./balance-bed.ts";
import { Edge } from "./balance-edge.ts";

const PORT = 8080;

const MODES: readonly ForwardingMode[] = ["masquerade", "nat", "dsr"];

const server = (
  mode: ForwardingMode,
  protocol: Protocol,
  family: "IPv4" | "IPv6" = "IPv4",
): VirtualServer => ({
  name: "web",
  address: address(VIRTUAL[family]),
  protocol,
  ports: onePort(PORT),
  mode,
  scheduler: { type: "consistent-hash", tableSize: 251 },
  backends: [1, 2, 3].map((number) => ({
    name: `w${number}`,
    address: address(family === "IPv4" ? `10.2.0.2${number}` : `fd02::2${number}`),
    port: PORT,
    weight: 1,
  })),
});

describe("flows of a backend", () => {
  let bed: Bed;
  let client: Client;
  let edge: Edge;
  let ends: FlowEnds;
  let conntrack: ConntrackPort;

  before(async () => {
    bed = new Bed();
    await bed.startWorkers([PORT]);
    client = bed.startClient();
  });
  after(() => bed.close());
  beforeEach(() => {
    bed.giveAddressesTo("e1");
    edge = new Edge(bed.openEngine("e1"));
    const clock = fakeClock({ onWake: () => undefined });
    const deadlines = createDeadlines(clock);
    conntrack = bed.openConntrack("e1");
    ends = createFlowEnds({ conntrack, clock, deadlines, emit: () => undefined });
  });
  afterEach(async () => {
    ends.close();
    await client.ask({ op: "drop" });
    assert.ok((await edge.engine.remove()).ok);
  });

  const run = async (target: VirtualServer, failed?: string): Promise<void> => {
    if (edge.plan === undefined) bed.routeWorkers(target.mode === "nat" ? "edge" : "router");
    await edge.run([target], failed === undefined ? {} : { [`web/${failed}`]: "unavailable" });
    assert.ok(edge.plan);
    ends.onApplied(edge.plan);
    await ends.settled();
  };

  for (const mode of MODES) {
    for (const family of ["IPv4", "IPv6"] as const) {
      it(`that dies, of UDP, go to another one with their next packet: ${mode}, ${family}`, async () => {
        const target = server(mode, "udp", family);
        const talk = { op: "talk", count: 30, address: target.address, port: PORT };
        await run(target);
        const before = await client.list(talk);
        assert.ok(before.includes("w2"));
        await run(target, "w2");
        const now = await client.list(talk);
        for (const [index, name] of before.entries()) {
          if (name !== "w2") assert.equal(now[index], name, `flow ${index}`);
        }
        assert.ok(!now.includes("w2") && !now.includes("timeout"), now.join(" "));
      });
    }
  }

  for (const mode of ["masquerade", "nat"] as const) {
    it(`that dies, of TCP, are reset with their client's next packet instead of hanging: ${mode}`, async () => {
      const target = server(mode, "tcp");
      await run(target);
      const names = await client.list({ op: "hold", count: 30, address: target.address, port: PORT });
      await run(target, "w2");
      const answers = await client.list({ op: "poke" });
      for (const [index, name] of names.entries()) {
        assert.equal(answers[index], name === "w2" ? "ECONNRESET" : `${name}:hi`, `flow ${index}`);
      }
    });
  }

  for (const mode of MODES) {
    for (const how of ["gets weight 0", "is no longer listed"] as const) {
      it(`that ${how} stay until the deadline and are reset then: ${mode}`, async () => {
        const target = { ...server(mode, "tcp"), drainTimeout: seconds(60) };
        const hold = { op: "hold", count: 30, address: target.address, port: PORT };
        await run(target);
        const names = await client.list(hold);
        const backends =
          how === "gets weight 0"
            ? target.backends.map((each) => (each.name === "w2" ? { ...each, weight: 0 } : each))
            : target.backends.filter(({ name }) => name !== "w2");
        const drained = { ...target, backends };
        await run(drained);
        assert.deepEqual(
          await client.list({ op: "poke" }),
          names.map((name) => `${name}:hi`),
        );
        const fresh = await client.list(hold);
        assert.ok(!fresh.includes("w2"), fresh.join(" "));
        edge.now = instant(seconds(60));
        await run(drained);
        const answers = await client.list({ op: "poke" });
        for (const [index, name] of [...names, ...fresh].entries()) {
          assert.equal(answers[index], name === "w2" ? "ECONNRESET" : `${name}:hi`, `flow ${index}`);
        }
      });
    }

    it(`all of which are down go to the sorry server, and finish there when one returns: ${mode}`, async () => {
      const target = { ...server(mode, "tcp"), sorryServer: { address: address("10.2.0.24"), port: PORT } };
      const down = { "web/w1": "unavailable", "web/w2": "unavailable", "web/w3": "unavailable" } as const;
      const spread = { op: "spread", count: 20, address: target.address, port: PORT };
      await run(target);
      assert.equal((await client.count(spread)).w4, undefined);
      assert.equal((await edge.run([target], down)).how, "elements");
      assert.deepEqual(await client.count(spread), { w4: 20 });
      const held = await client.list({ op: "hold", count: 5, address: target.address, port: PORT });
      assert.deepEqual(held, new Array(5).fill("w4"));
      assert.equal((await edge.run([target])).how, "elements");
      assert.equal((await client.count(spread)).w4, undefined);
      assert.deepEqual(await client.list({ op: "poke" }), new Array(5).fill("w4:hi"));
    });
  }
});
