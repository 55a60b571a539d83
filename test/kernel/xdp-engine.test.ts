/** The XDP engine on this kernel: what it does when the network, other programs or its own process change. Needs root. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { after, afterEach, before, beforeEach, describe, it } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import type { VirtualServer } from "#core/balance/model";
import { onePort } from "#core/balance/ports";
import { balanceEngineContract } from "#drivers/balance/contract";
import type { XdpEngine } from "#drivers/balance/xdp/engine";
import { address, Bed, type Client, VIRTUAL } from "./balance-bed.ts";
import { Edge } from "./balance-edge.ts";

const PORT = 8080;

const server = (workers: readonly number[]): VirtualServer => ({
  name: "web",
  address: address(VIRTUAL.IPv4),
  protocol: "tcp",
  ports: onePort(PORT),
  mode: "dsr",
  scheduler: { type: "consistent-hash", tableSize: 251 },
  backends: workers.map((number) => ({
    name: `w${number}`,
    address: address(`10.2.0.2${number}`),
    weight: 1,
  })),
});

balanceEngineContract("XDP above nftables", () => {
  const bed = new Bed();
  return {
    open: () => bed.openEngines("e1", "xdp"),
    flush: () => bed.inside("e1", "nft flush ruleset"),
    device: "eth0",
    close: () => bed.close(),
  };
});

describe("the XDP engine", () => {
  let bed: Bed;
  let client: Client;
  let xdp: XdpEngine;
  let edge: Edge;

  before(async () => {
    bed = new Bed();
    await bed.startWorkers([PORT]);
    client = bed.startClient();
  });
  after(() => bed.close());
  beforeEach(() => {
    bed.giveAddressesTo("e1");
    xdp = bed.openXdp("e1");
    edge = new Edge(bed.combine("e1", xdp));
  });
  afterEach(async () => {
    await client.ask({ op: "drop" });
    assert.ok((await edge.engine.remove()).ok);
    await xdp.close();
  });

  const attached = (): boolean => bed.inside("e1", "ip link show dev eth0").includes("xdp");
  const sent = (): number => xdp.statistics()?.backends.reduce((sum, { packets }) => sum + packets, 0) ?? 0;
  const spread = (count = 20): Promise<Readonly<Record<string, number>>> =>
    client.count({ op: "spread", count, address: VIRTUAL.IPv4, port: PORT });
  const unresolved = (): number => xdp.statistics()?.passed["no-neighbour"] ?? 0;
  /** Waits until packets go through the program itself: once the kernel knows all backends. */
  const untilSent = async (): Promise<void> => {
    for (let tries = 0; tries < 40; tries += 1) {
      const [before, passed] = [sent(), unresolved()];
      await spread(12);
      if (sent() > before && unresolved() === passed) return;
      await pause(25);
    }
    const seen = JSON.stringify([xdp.statistics(), edge.carrierOf("web")]);
    assert.fail(
      `not all was sent by the program: ${seen}\n${bed.inside("e1", "ip neigh; ip link show dev eth0")}`,
    );
  };

  it("finds the backends by itself, sends to them, and counts what it sends", async () => {
    bed.inside("e1", "ip neigh flush dev eth0");
    await edge.run([server([1, 2, 3])]);
    assert.ok(attached());
    await untilSent();
    const before = xdp.statistics();
    const counts = await spread(60);
    const now = xdp.statistics();
    for (const [index, { backend, packets, bytes }] of (now?.backends ?? []).entries()) {
      const more = packets - (before?.backends[index]?.packets ?? 0);
      // At least the SYN and the ACK of each connection; its end may come after the count.
      assert.ok(more >= 2 * (counts[backend] ?? 0), JSON.stringify({ backend, more, counts }));
      assert.ok(bytes >= packets * 54);
    }
    assert.equal(now?.passed["no-neighbour"], before?.passed["no-neighbour"]);
  });

  it("follows a backend to another Ethernet address", async () => {
    await edge.run([server([1])]);
    await untilSent();
    bed.inside("w1", "ip link set eth0 down; ip link set eth0 address 02:00:00:00:77:01 up");
    bed.inside("w1", "ip route replace default via 10.2.0.1");
    bed.inside("e1", "ip neigh replace 10.2.0.21 lladdr 02:00:00:00:77:01 dev eth0 nud reachable");
    await pause(30);
    const before = sent();
    assert.deepEqual(await spread(10), { w1: 10 });
    assert.ok(sent() >= before + 20);
  });

  it("leaves frames that the kernel has joined to nftables, which splits them again", async () => {
    await edge.run([server([1, 2, 3])]);
    await untilSent();
    const line = "x".repeat(300_000);
    const answer = await client.ask({ op: "ask", line, address: VIRTUAL.IPv4, port: PORT });
    assert.match(String(answer).slice(0, 3), /^w[123]/);
    assert.equal(String(answer).length, line.length + 3);
    assert.ok((xdp.statistics()?.passed["too-long"] ?? 0) > 0);
  });

  it("is gone as soon as its process is, and nftables goes on with the open connections", async () => {
    await edge.run([server([1, 2, 3])]);
    await untilSent();
    const names = await client.list({ op: "hold", count: 20, address: VIRTUAL.IPv4, port: PORT });
    await xdp.close();
    assert.ok(!attached());
    assert.deepEqual(
      await client.list({ op: "poke" }),
      names.map((name) => `${name}:hi`),
    );
  });

  it("keeps open connections where they are when it comes in the middle of a transition", async () => {
    const nftables = new Edge(bed.openEngine("e1"));
    await nftables.run([server([1, 2, 3])]);
    const names = [...(await client.list({ op: "hold", count: 40, address: VIRTUAL.IPv4, port: PORT }))];
    await nftables.run([server([1, 2, 3, 4])]);
    names.push(...(await client.list({ op: "hold", count: 40, address: VIRTUAL.IPv4, port: PORT })));
    edge.plan = nftables.plan;
    await edge.run([server([1, 2, 3, 4])]);
    assert.ok(attached());
    const answers = names.map((name) => `${name}:hi`);
    assert.deepEqual(await client.list({ op: "poke" }), answers);
    await edge.settle([server([1, 2, 3, 4])]);
    assert.deepEqual(await client.list({ op: "poke" }), answers);
    assert.ok((xdp.statistics()?.passed.left ?? 0) > 0);
  });

  it("breaks no connection in takeovers between it and nftables on the other edge", async () => {
    const other = new Edge(bed.openEngine("e2"));
    await edge.run([server([1, 2, 3])]);
    await other.run([server([1, 2, 3])]);
    await untilSent();
    const target = { address: VIRTUAL.IPv4, port: PORT };
    const names = await client.list({ op: "hold", count: 100, ...target });
    const answers = names.map((name) => `${name}:hi`);
    for (const active of ["e2", "e1", "e2", "e1"] as const) {
      const download = client.ask({ op: "download", ...target });
      bed.giveAddressesTo(active);
      assert.equal(await download, 199_999);
      assert.deepEqual(await client.list({ op: "poke" }), answers, active);
    }
    assert.ok((await other.engine.remove()).ok);
  });

  it("leaves the program of somebody else alone, and nftables carries all with that reason", async () => {
    const release = bed.occupy("e1");
    await edge.run([server([1, 2, 3])]);
    const carrier = edge.carrierOf("web");
    assert.equal(carrier.engine, "nftables");
    assert.match(carrier.because ?? "", /^xdp: eth0 has the XDP program of somebody else/);
    assert.deepEqual(
      Object.values(await spread(20)).reduce((sum, count) => sum + count, 0),
      20,
    );
    assert.ok(attached(), "the other program is still there");
    release();
  });

  it("comes back when somebody detached it or made the interface anew, and says so", async () => {
    await edge.run([server([1, 2, 3])]);
    bed.inside("router", "ip link del to-e1");
    bed.connect("e1", 11);
    bed.giveAddressesTo("e1");
    await pause(50);
    const again = await edge.run([server([1, 2, 3])]);
    assert.ok(attached(), JSON.stringify(edge.carrierOf("web")));
    assert.ok(again.repaired);
    await untilSent();
  });

  it("takes only what it can: the rest is carried by nftables, with the reason", async () => {
    const counted: VirtualServer = {
      ...server([1, 2]),
      name: "counted",
      ports: onePort(81),
      scheduler: { type: "round-robin" },
    };
    await edge.run([server([1, 2]), counted]);
    assert.deepEqual(edge.carrierOf("web"), { engine: "xdp" });
    assert.match(edge.carrierOf("counted").because ?? "", /round-robin counts connections/);
  });
});

describe("a process that may not use BPF", () => {
  const script = `
    import { openXdpEngine } from "#drivers/balance/xdp/engine";
    const engine = openXdpEngine();
    console.log(JSON.stringify(await engine.available() ?? {}));
    await engine.close();`;
  const reason = (...keep: readonly string[]): string | undefined => {
    const all = `-all,${keep.map((name) => `+${name}`).join(",")}`;
    const set = ["setpriv", `--bounding-set=${all}`, `--inh-caps=${all}`];
    const run = [...set, process.execPath, "--input-type=module", "-e", script];
    const answer: { readonly code?: string } = JSON.parse(
      execFileSync(run[0] ?? "", run.slice(1), { encoding: "utf8" }),
    );
    return answer.code;
  };

  it("needs CAP_BPF, CAP_PERFMON and CAP_NET_ADMIN, and says so", () => {
    assert.equal(reason("bpf", "perfmon", "net_admin"), undefined);
    assert.equal(reason("net_admin"), "no-permission");
    assert.equal(reason("bpf"), "no-permission");
  });
});
