/** What clients see when their backend dies or is drained, and connection tracking knows their flows. Needs root. */
import assert from "node:assert/strict";
import { after, afterEach, before, beforeEach, describe, it } from "node:test";
import type { ForwardingMode, Protocol, VirtualServer } from "#core/balance/model";
import { onePort } from "#core/balance/ports";
import { fakeClock } from "#drivers/clock/fake";
import { createFlowEnds, type FlowEnds } from "#roles/edge/wire/flow-ends";
import { createDeadlines } from "#runtime/deadlines";
import { address, Bed, type Client, VIRTUAL } from "./balance-bed.ts";
import { Edge } from "./balance-edge.ts";

const PORT = 8080;

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

describe("flows of a backend that dies", () => {
  let bed: Bed;
  let client: Client;
  let edge: Edge;
  let ends: FlowEnds;

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
    ends = createFlowEnds({ conntrack: bed.openConntrack("e1"), clock, deadlines, emit: () => undefined });
  });
  afterEach(async () => {
    ends.close();
    await client.ask({ op: "drop" });
    assert.ok((await edge.engine.remove()).ok);
  });

  const run = async (target: VirtualServer, failed?: string): Promise<void> => {
    await edge.run([target], failed === undefined ? {} : { [`web/${failed}`]: "unavailable" });
    assert.ok(edge.plan);
    ends.onApplied(edge.plan);
    await ends.settled();
  };

  for (const mode of ["masquerade", "dsr"] as const) {
    for (const family of ["IPv4", "IPv6"] as const) {
      it(`of UDP go to another one with their next packet: ${mode}, ${family}`, async () => {
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

  it("of TCP are reset with their client's next packet instead of hanging: masquerade", async () => {
    const target = server("masquerade", "tcp");
    await run(target);
    const names = await client.list({ op: "hold", count: 30, address: target.address, port: PORT });
    await run(target, "w2");
    const answers = await client.list({ op: "poke" });
    for (const [index, name] of names.entries()) {
      assert.equal(answers[index], name === "w2" ? "ECONNRESET" : `${name}:hi`, `flow ${index}`);
    }
  });
});
