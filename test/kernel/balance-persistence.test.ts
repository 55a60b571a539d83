/** Clients that stay on their backend, on this kernel. Needs root. */
import assert from "node:assert/strict";
import { after, afterEach, before, beforeEach, describe, it } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { seconds } from "#base/time";
import { chooseBackend } from "#core/balance/choice";
import type { ForwardingMode, Protocol, Scheduler, VirtualServer } from "#core/balance/model";
import { onePort } from "#core/balance/ports";
import { address, Bed, type Client, VIRTUAL } from "./balance-bed.ts";
import { Edge } from "./balance-edge.ts";

const PORT = 8080;
const HASH: Scheduler = { type: "consistent-hash", tableSize: 251 };

type Variant = {
  readonly family: "IPv4" | "IPv6";
  readonly protocol: Protocol;
  readonly scheduler: Scheduler;
  /** `undefined`: `masquerade`. */
  readonly mode?: ForwardingMode;
  readonly timeout?: number;
};

const server = (
  { family, protocol, scheduler, mode = "masquerade", timeout = 60 }: Variant,
  drained?: string,
): VirtualServer => ({
  name: "web",
  address: address(VIRTUAL[family]),
  protocol,
  ports: onePort(PORT),
  mode,
  scheduler,
  backends: [1, 2, 3].map((number) => ({
    name: `w${number}`,
    address: address(family === "IPv4" ? `10.2.0.2${number}` : `fd02::2${number}`),
    port: PORT,
    weight: `w${number}` === drained ? 0 : 1,
  })),
  persistence: { timeout: seconds(timeout), prefixLength: family === "IPv4" ? 24 : 64 },
});

describe("a client with persistence", () => {
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
    assert.ok((await edge.engine.remove()).ok);
  });

  /** The one backend that ten flows meet. */
  const backendOf = async ({ family, protocol }: Variant): Promise<string> => {
    const counts = await client.count({
      op: "spread",
      count: 10,
      address: VIRTUAL[family],
      port: PORT,
      protocol,
    });
    const [name, ...others] = Object.keys(counts);
    assert.ok(name !== undefined && others.length === 0, JSON.stringify(counts));
    return name;
  };

  const variants: readonly Variant[] = [
    { family: "IPv4", protocol: "tcp", scheduler: { type: "round-robin" } },
    { family: "IPv6", protocol: "tcp", scheduler: HASH },
    { family: "IPv4", protocol: "udp", scheduler: HASH },
    { family: "IPv6", protocol: "udp", scheduler: { type: "round-robin" } },
    { family: "IPv4", protocol: "tcp", scheduler: HASH, mode: "dsr" },
    { family: "IPv6", protocol: "tcp", scheduler: { type: "round-robin" }, mode: "dsr" },
    { family: "IPv4", protocol: "udp", scheduler: { type: "weighted" }, mode: "dsr" },
    { family: "IPv6", protocol: "udp", scheduler: HASH, mode: "dsr" },
  ];
  for (const variant of variants) {
    const { scheduler, family, protocol, mode = "masquerade" } = variant;
    const title = `${mode}, ${scheduler.type}, ${family}, ${protocol}`;
    it(`stays until its backend fails or drains, and does not go back: ${title}`, async () => {
      await edge.run([server(variant)]);
      const first = await backendOf(variant);
      assert.equal((await edge.run([server(variant)], { [`web/${first}`]: "unavailable" })).how, "elements");
      const second = await backendOf(variant);
      assert.notEqual(second, first);
      await edge.run([server(variant)]);
      assert.equal(await backendOf(variant), second);
      await edge.run([server(variant, second)]);
      const third = await backendOf(variant);
      assert.notEqual(third, second);
      assert.equal((await edge.run([server(variant)])).how, "elements");
      assert.equal(await backendOf(variant), third);
      // Somebody may look at any time, and nft must be able to show it.
      assert.match(
        bed.inside(
          "e1",
          `nft list map ${mode === "dsr" ? "netdev" : "inet"} steelyard pins/web/${family === "IPv4" ? 4 : 6}`,
        ),
        /elements = /,
      );
    });
  }

  for (const mode of ["masquerade", "dsr"] as const) {
    it(`goes first where its address leads, the same on every edge: ${mode}`, async () => {
      const variant: Variant = { family: "IPv4", protocol: "tcp", scheduler: HASH, mode };
      await edge.run([server(variant)]);
      const planned = edge.plan?.servers[0];
      assert.ok(planned);
      const choice = chooseBackend(planned, { address: address("10.1.0.2"), port: 1 });
      assert.equal(await backendOf(variant), choice.type === "backend" && choice.backend.name);
    });

    it(`is forgotten when it stays away longer than the timeout, not while it comes back: ${mode}`, async () => {
      const scheduler: Scheduler = { type: "round-robin" };
      const variant: Variant = { family: "IPv4", protocol: "tcp", scheduler, mode, timeout: 1 };
      await edge.run([server(variant)]);
      const first = await backendOf(variant);
      for (let time = 0; time < 4; time += 1) {
        await pause(400);
        assert.equal(await backendOf(variant), first);
      }
      await pause(1_500);
      assert.notEqual(await backendOf(variant), first);
    });
  }

  for (const family of ["IPv4", "IPv6"] as const) {
    it(`keeps what it has open on a backend that drains, and is not forgotten while it talks: dsr, ${family}`, async () => {
      const variant: Variant = { family, protocol: "tcp", scheduler: HASH, mode: "dsr", timeout: 1 };
      const target = { address: VIRTUAL[family], port: PORT };
      const poke = (): Promise<readonly string[]> => client.list({ op: "poke" });
      await edge.run([server(variant)]);
      const first = await backendOf(variant);
      // Where the hash does not lead, so that the pin alone keeps it.
      await edge.run([server(variant)], { [`web/${first}`]: "unavailable" });
      const held = await client.list({ op: "hold", count: 10, ...target });
      const [home = "", ...others] = [...new Set(held)];
      assert.ok(home !== first && others.length === 0, held.join());
      await edge.run([server(variant)]);
      for (let time = 0; time < 4; time += 1) {
        await pause(400);
        assert.deepEqual(
          await poke(),
          held.map((name) => `${name}:hi`),
        );
      }
      assert.equal(await backendOf(variant), home, "it has talked all the time");
      await edge.run([server(variant, home)]);
      const next = await backendOf(variant);
      assert.notEqual(next, home);
      assert.deepEqual(
        await poke(),
        held.map((name) => `${name}:hi`),
      );
      assert.equal(await backendOf(variant), next);
      await edge.run([server(variant, home)], { [`web/${home}`]: "unavailable" });
      assert.deepEqual(
        await poke(),
        held.map(() => "ECONNRESET"),
      );
      await client.ask({ op: "drop" });
    });
  }
});
