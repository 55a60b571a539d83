/** What greedy and hostile sources get, and what the others see meanwhile, on this kernel. Needs root. */
import assert from "node:assert/strict";
import { after, afterEach, before, beforeEach, describe, it } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import type { SourceLimits } from "#core/balance/limits";
import type { ForwardingMode, VirtualServer } from "#core/balance/model";
import { onePort } from "#core/balance/ports";
import { address, Bed, type Client, VIRTUAL } from "./balance-bed.ts";
import { Edge } from "./balance-edge.ts";

const PORT = 8080;
const SYNS = 5_000;
type Family = "IPv4" | "IPv6";

const server = (
  mode: ForwardingMode,
  family: Family,
  change: Partial<VirtualServer> = {},
): VirtualServer => ({
  name: "web",
  address: address(VIRTUAL[family]),
  protocol: "tcp",
  ports: onePort(PORT),
  mode,
  scheduler: { type: "round-robin" },
  backends: [1, 2].map((number) => ({
    name: `w${number}`,
    address: address(family === "IPv4" ? `10.2.0.2${number}` : `fd02::2${number}`),
    port: PORT,
    weight: 1,
  })),
  ...change,
});

describe("a source", () => {
  let bed: Bed;
  let client: Client;
  let edge: Edge;

  before(async () => {
    bed = new Bed();
    await bed.startWorkers([PORT]);
    client = bed.startClient();
  });
  after(() => bed.close());
  beforeEach(() => {
    bed.giveAddressesTo("e1");
    edge = new Edge(bed.openEngine("e1"));
  });
  afterEach(async () => {
    await client.ask({ op: "drop" });
    assert.ok((await edge.engine.remove()).ok);
  });

  const limits = (family: Family, change: Partial<SourceLimits>): SourceLimits => ({
    prefixLength: family === "IPv4" ? 32 : 64,
    ...change,
  });
  const keptOut = async () => (await edge.engine.keptOut?.()) ?? new Map<string, number>();
  const tracked = (): number => Number(bed.inside("e1", "cat /proc/sys/net/netfilter/nf_conntrack_count"));

  for (const [mode, family] of [
    ["masquerade", "IPv4"],
    ["masquerade", "IPv6"],
    ["dsr", "IPv4"],
    ["dsr", "IPv6"],
  ] as const) {
    it(`opens no more connections than its rate and burst allow: ${mode}, ${family}`, async () => {
      const newConnections = { rate: 1, per: "hour", burst: 4 } as const;
      const target = server(mode, family, { limits: limits(family, { newConnections }) });
      await edge.run([target]);
      const names = await client.list({ op: "burst", count: 8, address: target.address, port: PORT });
      assert.deepEqual(names.map((name) => (name.startsWith("w") ? "open" : name)).toSorted(), [
        ...new Array(4).fill("open"),
        ...new Array(4).fill("timeout"),
      ]);
      const counted = await keptOut();
      assert.deepEqual([...counted.keys()], ["web new-connections"]);
      assert.ok((counted.get("web new-connections") ?? 0) >= 4);
    });
  }

  for (const family of ["IPv4", "IPv6"] as const) {
    it(`has no more connections open than it may: masquerade, ${family}`, async () => {
      const target = server("masquerade", family, { limits: limits(family, { connections: 4 }) });
      await edge.run([target]);
      const hold = { op: "hold", count: 6, address: target.address, port: PORT };
      const names = await client.list(hold);
      assert.deepEqual(names.slice(4), ["ECONNREFUSED", "ECONNREFUSED"]);
      assert.ok(names.slice(0, 4).every((name) => name.startsWith("w")));
      await client.ask({ op: "finish" });
      // The kernel forgets the ended ones when it comes by.
      await pause(300);
      assert.deepEqual(
        (await client.list(hold)).map((name) => name.startsWith("w")),
        [true, true, true, true, false, false],
      );
      assert.equal((await keptOut()).get("web connections"), 4);
    });

    it(`is served through the SYN proxy, and data flows both ways: ${family}`, async () => {
      const target = server("masquerade", family, { synProxy: true });
      await edge.run([target]);
      const to = { address: target.address, port: PORT };
      assert.deepEqual(await client.count({ op: "spread", count: 10, ...to }), { w1: 5, w2: 5 });
      assert.equal(await client.ask({ op: "download", ...to }), 199_999);
      const names = await client.list({ op: "hold", count: 4, ...to });
      assert.deepEqual(
        await client.list({ op: "poke" }),
        names.map((name) => `${name}:hi`),
      );
    });
  }

  it("that floods with SYNs fills the connection tracking table, unless the SYN proxy answers; others are served", async (context) => {
    const [open, proxied] = [server("masquerade", "IPv4"), server("masquerade", "IPv4", { synProxy: true })];
    const spread = { op: "spread", count: 10, address: open.address, port: PORT };
    await edge.run([proxied]);
    const before = tracked();
    bed.flood(proxied.address, PORT, SYNS);
    const during = tracked();
    assert.deepEqual(await client.count(spread), { w1: 5, w2: 5 });
    await edge.run([open]);
    bed.flood(open.address, PORT, SYNS);
    const unprotected = tracked();
    context.diagnostic(
      `${SYNS} SYNs leave ${during - before} entries with the SYN proxy, ${unprotected - during} without`,
    );
    assert.ok(during - before < 50, `${during - before}`);
    assert.ok(unprotected - during > SYNS / 2, `${unprotected - during}`);
  });
});
