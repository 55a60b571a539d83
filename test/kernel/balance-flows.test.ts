/** Established flows through every kind of change, on this kernel. Needs root. */
import assert from "node:assert/strict";
import { after, afterEach, before, beforeEach, describe, it } from "node:test";
import { chooseBackend } from "#core/balance/choice";
import type { EngineName, ForwardingMode, Protocol, Scheduler, VirtualServer } from "#core/balance/model";
import { onePort } from "#core/balance/ports";
import { address, Bed, type Client, VIRTUAL } from "./balance-bed.ts";
import { Edge } from "./balance-edge.ts";

type Variant = {
  readonly family: "IPv4" | "IPv6";
  readonly protocol: Protocol;
  readonly mode: ForwardingMode;
  readonly scheduler: Scheduler;
};

const HASH: Scheduler = { type: "consistent-hash", tableSize: 251 };
const PORT = 8080;
const HELD = 60;

const server = (
  { family, protocol, mode, scheduler }: Variant,
  workers: readonly number[],
  weights: Readonly<Record<string, number>> = {},
): VirtualServer => ({
  name: "web",
  address: address(VIRTUAL[family]),
  protocol,
  ports: onePort(PORT),
  mode,
  scheduler,
  backends: workers.map((number) => ({
    name: `w${number}`,
    address: address(family === "IPv4" ? `10.2.0.2${number}` : `fd02::2${number}`),
    port: PORT,
    weight: weights[`w${number}`] ?? 1,
  })),
});

const establishedFlows = (engine: EngineName) => (): void => {
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
    edge = new Edge(bed.openEngines("e1", engine));
  });
  afterEach(async () => {
    await client.ask({ op: "drop" });
    const removed = await edge.engine.remove();
    assert.ok(removed.ok);
  });

  const hold = (target: VirtualServer): Promise<readonly string[]> =>
    client.list({ op: "hold", count: HELD, address: target.address, port: PORT });
  const poke = (): Promise<readonly string[]> => client.list({ op: "poke" });
  const answering = (names: readonly string[]): readonly string[] => names.map((name) => `${name}:hi`);

  /** Of flows held by `names`, those whose backend is not `lost` still answer from it. */
  const assertKept = async (names: readonly string[], lost?: string): Promise<void> => {
    const answers = await poke();
    for (const [index, name] of names.entries()) {
      if (name !== lost) assert.equal(answers[index], `${name}:hi`, `flow ${index} of ${answers.length}`);
    }
  };

  const variants: readonly Variant[] = [
    { family: "IPv4", protocol: "tcp", mode: "dsr", scheduler: HASH },
    { family: "IPv6", protocol: "tcp", mode: "dsr", scheduler: HASH },
    { family: "IPv4", protocol: "tcp", mode: "dsr", scheduler: { type: "round-robin" } },
    { family: "IPv6", protocol: "tcp", mode: "dsr", scheduler: { type: "weighted" } },
    { family: "IPv4", protocol: "tcp", mode: "masquerade", scheduler: HASH },
    { family: "IPv6", protocol: "tcp", mode: "masquerade", scheduler: { type: "round-robin" } },
  ];
  for (const variant of variants) {
    const title = `${variant.mode}, ${variant.scheduler.type}, ${variant.family}`;
    it(`stay with their backend while others come, go and return: ${title}`, async () => {
      const three = [server(variant, [1, 2, 3])];
      const four = [server(variant, [1, 2, 3, 4])];
      const [target] = three;
      assert.ok(target);
      await edge.run(three);
      const names = await hold(target);
      assert.deepEqual(await poke(), answering(names));
      assert.equal((await edge.run(four)).how, "ruleset");
      await assertKept(names);
      const fresh = await client.count({ op: "spread", count: 80, address: target.address, port: PORT });
      assert.ok((fresh.w4 ?? 0) >= 8, JSON.stringify(fresh));
      const alsoHeld = await hold(target);
      const all = [...names, ...alsoHeld];
      assert.equal((await edge.run([server(variant, [1, 2, 3, 4], { w1: 0 })])).how, "elements");
      await assertKept(all);
      const drained = await client.count({ op: "spread", count: 40, address: target.address, port: PORT });
      assert.equal(drained.w1, undefined, JSON.stringify(drained));
      await edge.run(four);
      await assertKept(all);
      assert.equal((await edge.run(four, { "web/w2": "unavailable" })).how, "elements");
      await assertKept(all, "w2");
      const without = await client.count({ op: "spread", count: 40, address: target.address, port: PORT });
      assert.deepEqual(Object.keys(without).sort(), ["w1", "w3", "w4"]);
      const during = [...all, ...(await hold(target))];
      assert.equal((await edge.run(four)).how, "elements");
      await assertKept(during, "w2");
      await edge.settle(four);
      await assertKept(during, "w2");
    });
  }

  it("move to other backends with a reset, not a silence, when theirs dies (dsr)", async () => {
    const variant: Variant = { family: "IPv4", protocol: "tcp", mode: "dsr", scheduler: HASH };
    const servers = [server(variant, [1, 2, 3])];
    const [target] = servers;
    assert.ok(target);
    await edge.run(servers);
    const names = await hold(target);
    await edge.run(servers, { "web/w2": "unavailable" });
    const answers = await poke();
    for (const [index, name] of names.entries()) {
      assert.equal(answers[index], name === "w2" ? "ECONNRESET" : `${name}:hi`);
    }
  });

  for (const family of ["IPv4", "IPv6"] as const) {
    it(`survive the takeover of a second edge that was told nothing: dsr by hash, ${family}`, async () => {
      const variant: Variant = { family, protocol: "tcp", mode: "dsr", scheduler: HASH };
      const servers = [server(variant, [1, 2, 3])];
      const [target] = servers;
      assert.ok(target);
      await edge.run(servers);
      const second = new Edge(bed.openEngines("e2", engine));
      await second.run(servers);
      const names = await hold(target);
      bed.giveAddressesTo("e2");
      assert.deepEqual(await poke(), answering(names));
      bed.giveAddressesTo("e1");
      assert.deepEqual(await poke(), answering(names));
      assert.ok((await second.engine.remove()).ok);
    });
  }

  it("survive a restart of the program in the middle of a transition (dsr)", async () => {
    const variant: Variant = { family: "IPv4", protocol: "tcp", mode: "dsr", scheduler: HASH };
    const [three, four] = [[server(variant, [1, 2, 3])], [server(variant, [1, 2, 3, 4])]];
    const [target] = three;
    assert.ok(target);
    await edge.run(three);
    const names = await hold(target);
    await edge.run(four);
    const later = await hold(target);
    const restarted = new Edge(bed.openEngines("e1", engine));
    const observed = await restarted.engine.observe();
    assert.equal(observed.tables, "present");
    assert.deepEqual(observed.lastPlan, edge.plan);
    restarted.plan = observed.lastPlan;
    // Nobody has touched anything since, so nothing is touched either.
    assert.equal((await restarted.run(four)).how, "unchanged");
    await assertKept([...names, ...later]);
    await restarted.settle(four);
    await assertKept([...names, ...later]);
  });

  it("of UDP stay with their backend while one is added (dsr by hash)", async () => {
    const variant: Variant = { family: "IPv4", protocol: "udp", mode: "dsr", scheduler: HASH };
    const talk = { op: "talk", count: 40, address: VIRTUAL.IPv4, port: PORT };
    await edge.run([server(variant, [1, 2, 3])]);
    const names = await client.list(talk);
    const four = [server(variant, [1, 2, 3, 4])];
    await edge.run(four);
    assert.deepEqual(await client.list(talk), names);
    await edge.settle(four);
    assert.deepEqual(await client.list(talk), names);
    const fresh = await client.count({ ...talk, op: "spread", protocol: "udp", count: 80 });
    assert.ok((fresh.w4 ?? 0) >= 8, JSON.stringify(fresh));
  });

  for (const family of ["IPv4", "IPv6"] as const) {
    it(`go where we say they go: ${family}`, async () => {
      const variant: Variant = { family, protocol: "tcp", mode: "dsr", scheduler: HASH };
      await edge.run([server(variant, [1, 2, 3, 4])]);
      const planned = edge.plan?.servers[0];
      assert.ok(planned);
      const from = address(family === "IPv4" ? "10.1.0.2" : "fd01::2");
      const expected = Array.from({ length: 64 }, (_, index) => {
        const choice = chooseBackend(planned, { address: from, port: 20_000 + index });
        return choice.type === "backend" ? choice.backend.name : choice.type;
      });
      const target = { address: VIRTUAL[family], port: PORT, count: 64 };
      assert.deepEqual(await client.list({ op: "choose", ...target }), expected);
    });
  }

  it("leave the records soon after they end (dsr by counting)", async () => {
    const variant: Variant = {
      family: "IPv4",
      protocol: "tcp",
      mode: "dsr",
      scheduler: { type: "round-robin" },
    };
    const servers = [server(variant, [1, 2, 3])];
    const [target] = servers;
    assert.ok(target);
    await edge.run(servers);
    await hold(target);
    await poke();
    /** Whole minutes until each record is forgotten. */
    const minutesLeft = (): readonly number[] =>
      [
        ...bed.inside("e1", "nft list map netdev steelyard flows/web").matchAll(/expires (?:(\d+)m(?!s))?/g),
      ].map(([, minutes]) => Number(minutes ?? 0));
    assert.deepEqual(minutesLeft(), new Array<number>(HELD).fill(14));
    await client.ask({ op: "finish" });
    assert.deepEqual(minutesLeft(), new Array<number>(HELD).fill(0));
  });
};

describe("established flows by nftables", establishedFlows("nftables"));
describe("established flows by XDP above nftables", establishedFlows("xdp"));
