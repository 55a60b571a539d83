/** What becomes of open connections in IPVS: drains, failures, takeovers. Runs inside user-mode Linux. */
import assert from "node:assert/strict";
import { after, afterEach, before, beforeEach, describe, it } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { seconds } from "#base/time";
import type { ForwardingMode, Scheduler, VirtualServer } from "#core/balance/model";
import { onePort } from "#core/balance/ports";
import { address, Bed, type Client, VIRTUAL } from "#test/kernel/balance-bed";
import { Edge } from "#test/kernel/balance-edge";

const CONNECTIONS = 24;
const PATIENCE_MILLIS = 6_000;

const MODES = ["dsr", "nat"] as const;

const server = (scheduler: Scheduler, mode: ForwardingMode = "dsr"): VirtualServer => ({
  ...{ name: "web", address: address(VIRTUAL.IPv4), protocol: "tcp", ports: onePort(80), mode, scheduler },
  backends: [1, 2, 3].map((host) => ({ name: `w${host}`, address: address(`10.2.0.2${host}`), weight: 1 })),
});
const HASH: Scheduler = { type: "consistent-hash", tableSize: 1021 };
const COUNTED: Scheduler = { type: "round-robin" };

describe("open connections in IPVS", () => {
  let bed: Bed;
  let client: Client;
  const to = { address: VIRTUAL.IPv4, port: 80 };
  const edgeOf = (name: "e1" | "e2", sync = false): Edge =>
    new Edge(bed.openIpvs(name, sync ? { interface: "eth0", id: 7 } : undefined));
  const poke = (): Promise<readonly string[]> => client.list({ op: "poke" });
  const hold = (): Promise<readonly string[]> => client.list({ op: "hold", count: CONNECTIONS, ...to });
  const answers = (names: readonly string[]): readonly string[] => names.map((name) => `${name}:hi`);

  before(async () => {
    bed = new Bed();
    await bed.startWorkers([80]);
    client = bed.startClient();
    for (const edge of ["e1", "e2"]) {
      bed.inside(
        edge,
        "ipvsadm -Ln >/dev/null; sysctl -qw net.ipv4.vs.expire_nodest_conn=1 net.ipv4.vs.expire_quiescent_template=1",
      );
    }
  });
  after(() => bed.close());
  beforeEach(() => bed.giveAddressesTo("e1"));
  afterEach(async () => {
    await client.ask({ op: "drop" });
    for (const edge of ["e1", "e2"] as const) await bed.openIpvs(edge).remove();
  });

  for (const scheduler of [HASH, COUNTED]) {
    it(`stay with a backend that drains, which gets no new ones: ${scheduler.type}`, async () => {
      const edge = edgeOf("e1");
      await edge.run([server(scheduler)]);
      const held = await hold();
      assert.ok(held.includes("w1"), held.join());
      await edge.run([server(scheduler)], { "web/w1": "draining" });
      assert.deepEqual(await poke(), answers(held));
      const fresh = await client.count({ op: "spread", count: 40, ...to });
      assert.deepEqual(Object.keys(fresh).sort(), ["w2", "w3"]);
    });

    it(`end at once when their backend fails, and the others stay: ${scheduler.type}`, async () => {
      const edge = edgeOf("e1");
      await edge.run([server(scheduler)]);
      const held = await hold();
      await edge.run([server(scheduler)], { "web/w1": "unavailable" });
      const began = performance.now();
      const poked = await poke();
      assert.ok(performance.now() - began < 2_000);
      assert.deepEqual(
        poked,
        held.map((name) => (name === "w1" ? "ECONNRESET" : `${name}:hi`)),
      );
    });
  }

  it("of one client meet one backend with persistence, until that drains", async () => {
    const edge = edgeOf("e1");
    const pinned = { ...server(COUNTED), persistence: { timeout: seconds(60), prefixLength: 32 } };
    await edge.run([pinned]);
    const met = async (): Promise<readonly string[]> =>
      Object.keys(await client.count({ op: "spread", count: 12, ...to }));
    const [name, ...others] = await met();
    assert.deepEqual(others, []);
    await edge.run([pinned], { [`web/${name}`]: "draining" });
    const [next, ...rest] = await met();
    assert.deepEqual(rest, []);
    assert.notEqual(next, name);
  });

  it("move with their next packet when they are UDP and their backend fails", async () => {
    const edge = edgeOf("e1");
    const udp: VirtualServer = { ...server(COUNTED), protocol: "udp" };
    await edge.run([udp]);
    const talk = (): Promise<readonly string[]> =>
      client.list({ op: "talk", count: 12, ...to, protocol: "udp" });
    const before = await talk();
    assert.deepEqual(await talk(), before);
    await edge.run([udp], { "web/w1": "unavailable" });
    const after = await talk();
    for (const [index, name] of before.entries()) {
      if (name === "w1") assert.match(after[index] ?? "", /^w[23]$/);
      else assert.equal(after[index], name);
    }
  });

  for (const mode of MODES) {
    describe(`in mode ${mode}`, () => {
      before(() => bed.routeWorkers(mode === "nat" ? "edge" : "router"));

      it("survive a takeover by hash alone where connections are picked up in their middle", async () => {
        for (const name of ["e1", "e2"] as const) await edgeOf(name).run([server(HASH, mode)]);
        bed.inside("e2", "sysctl -qw net.ipv4.vs.sloppy_tcp=1");
        const held = await hold();
        bed.giveAddressesTo("e2");
        assert.deepEqual(await poke(), answers(held));
        bed.inside("e2", "sysctl -qw net.ipv4.vs.sloppy_tcp=0");
      });

      it("survive a takeover and the way back with the sync daemon, whatever the scheduler", async () => {
        for (const name of ["e1", "e2"] as const) await edgeOf(name, true).run([server(COUNTED, mode)]);
        const held = await hold();
        assert.deepEqual(await poke(), answers(held));
        await heard("e2");
        bed.giveAddressesTo("e2");
        assert.deepEqual(await poke(), answers(held));
        bed.giveAddressesTo("e1");
        assert.deepEqual(await poke(), answers(held));
      });
    });
  }

  it("break in a takeover without either", async () => {
    bed.routeWorkers("router");
    for (const name of ["e1", "e2"] as const) await edgeOf(name).run([server(COUNTED)]);
    await hold();
    bed.giveAddressesTo("e2");
    assert.deepEqual(new Set(await poke()), new Set(["ECONNRESET"]));
  });

  /** Waits until an edge knows of every connection. */
  const heard = async (edge: "e1" | "e2"): Promise<void> => {
    const began = performance.now();
    for (;;) {
      const known = bed.inside(edge, "ipvsadm -Lnc | grep -c ESTABLISHED || true");
      if (Number(known) >= CONNECTIONS) return;
      if (performance.now() - began > PATIENCE_MILLIS)
        assert.fail(`${edge} knows of ${known.trim()} connections`);
      await pause(100);
    }
  };
});
