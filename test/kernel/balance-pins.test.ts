/** Clients that are kept on a backend, read from one edge's kernel and put into the other's. Needs root. */
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { addressBytes } from "#base/address";
import { seconds } from "#base/time";
import type { ForwardingMode, VirtualServer } from "#core/balance/model";
import { clientKey, type Pin } from "#core/balance/pin";
import type { ServerPlan } from "#core/balance/plan-model";
import { onePort } from "#core/balance/ports";
import type { BalanceEngine, Pins } from "#drivers/balance/port";
import { address, Bed, type Client, VIRTUAL } from "./balance-bed.ts";
import { Edge } from "./balance-edge.ts";

const PORT = 8080;
const COUNT = 5_000;

const server = (family: "IPv4" | "IPv6", mode: ForwardingMode = "masquerade"): VirtualServer => ({
  ...{ name: "web", address: address(VIRTUAL[family]), protocol: "tcp", mode },
  ports: onePort(PORT),
  scheduler: { type: "round-robin" },
  backends: [1, 2, 3].map((number) => ({
    name: `w${number}`,
    address: address(family === "IPv4" ? `10.2.0.2${number}` : `fd02::2${number}`),
    port: PORT,
    weight: 1,
  })),
  persistence: { timeout: seconds(60), prefixLength: family === "IPv4" ? 32 : 128 },
});

const CLIENT = { IPv4: "10.1.0.2", IPv6: "fd01::2" } as const;
const pinsOf = ({ pins }: BalanceEngine): Pins => {
  assert.ok(pins);
  return pins;
};
const keyOf = (text: string): string => clientKey(addressBytes(address(text)));

describe("the pins of a server", () => {
  let bed: Bed;
  let client: Client;

  before(async () => {
    bed = new Bed();
    await bed.startWorkers([PORT]);
    client = bed.startClient();
  });
  after(() => bed.close());

  const read = async (engine: BalanceEngine, planned: ServerPlan): Promise<Map<string, Pin>> => {
    const pins = new Map<string, Pin>();
    const spent = await pinsOf(engine).read(planned, (pin) => void pins.set(pin.client, pin));
    assert.ok(spent !== undefined);
    return pins;
  };

  for (const [family, mode] of [
    ["IPv4", "masquerade"],
    ["IPv6", "masquerade"],
    ["IPv4", "dsr"],
    ["IPv6", "dsr"],
  ] as const) {
    it(`lead a client on another edge where it was on this one, and are not ours to repair: ${family}, ${mode}`, async () => {
      const table = `${mode === "dsr" ? "netdev" : "inet"} steelyard`;
      const meet = async (): Promise<string> => {
        const counts = await client.count({
          ...{ op: "spread", count: 5, address: VIRTUAL[family], port: PORT, protocol: "tcp" },
        });
        assert.equal(Object.keys(counts).length, 1, JSON.stringify(counts));
        return Object.keys(counts)[0] ?? "";
      };
      const [first, second] = [bed.openEngine("e1"), bed.openEngine("e2")];
      const [one, two] = [new Edge(first), new Edge(second)];
      await two.run([server(family, mode)]);
      bed.giveAddressesTo("e1");
      await one.run([server(family, mode)], { "web/w1": "unavailable", "web/w2": "unavailable" });
      const planned = one.plan?.servers[0];
      const peer = two.plan?.servers[0];
      assert.ok(planned && peer);
      assert.equal(await meet(), "w3");
      const own = (await read(first, planned)).get(keyOf(CLIENT[family]));
      assert.ok(own && own.remaining > seconds(50) && own.remaining <= seconds(60));
      // What the standby knew is replaced.
      const other = peer.backends.find(({ name }) => name === "w1")?.id ?? 0;
      assert.equal(
        await pinsOf(second).write(peer, [{ ...own, backend: other, remaining: seconds(20) }]),
        undefined,
      );
      assert.equal(await pinsOf(second).write(peer, [{ ...own, remaining: seconds(30) }]), undefined);
      const found = (await read(second, peer)).get(own.client);
      assert.equal(found?.backend, own.backend);
      assert.ok(found && found.remaining > seconds(25) && found.remaining <= seconds(30));
      const { repaired, how } = await two.run([server(family, mode)]);
      assert.deepEqual({ repaired, how }, { repaired: false, how: "unchanged" });
      const target = { address: VIRTUAL[family], port: PORT };
      const held = mode === "dsr" ? await client.list({ op: "hold", count: 5, ...target }) : [];
      bed.giveAddressesTo("e2");
      // Of what is open the other edge knows nothing but whose it is.
      if (mode === "dsr")
        assert.deepEqual(
          await client.list({ op: "poke" }),
          held.map(() => "w3:hi"),
        );
      assert.equal(await meet(), "w3");
      const renewed = (await read(second, peer)).get(own.client);
      assert.ok(renewed && renewed.remaining > seconds(50));
      assert.match(
        bed.inside("e2", `nft list map ${table} pins/web/${family === "IPv4" ? 4 : 6}`),
        /expires/,
      );
      bed.inside("e2", `nft add element ${table} keeping/web '{ 4711 }'`);
      assert.equal((await two.run([server(family, mode)])).repaired, true);
      await client.ask({ op: "drop" });
      for (const engine of [first, second]) assert.ok((await engine.remove()).ok);
    });
  }

  it("are read and written by the thousand, each where it belongs and until its own time", async () => {
    const engine = bed.openEngine("e1");
    const edge = new Edge(engine);
    await edge.run([server("IPv4")]);
    const planned = edge.plan?.servers[0];
    assert.ok(planned);
    const ids = planned.backends.map(({ id }) => id);
    const pins = Array.from(
      { length: COUNT },
      (_, index): Pin => ({
        client: keyOf(`10.9.${index >> 8}.${index & 255}`),
        backend: ids[index % ids.length] ?? 0,
        remaining: seconds(1 + (index % 2) * 50),
      }),
    );
    const began = performance.now();
    assert.equal(await pinsOf(engine).write(planned, pins), undefined);
    const took = performance.now() - began;
    const found = await read(engine, planned);
    assert.ok(found.size <= COUNT && found.size >= COUNT / 2);
    for (const pin of pins.filter(({ remaining }) => remaining > seconds(2))) {
      assert.equal(found.get(pin.client)?.backend, pin.backend);
    }
    const again = performance.now();
    assert.equal(await pinsOf(engine).write(planned, pins), undefined);
    console.log(
      `${COUNT} pins: written in ${took.toFixed(0)} ms, again in ${(performance.now() - again).toFixed(0)} ms`,
    );
    const elsewhere = pins
      .filter((_, index) => index % 2 === 1)
      .map((pin, index) => ({ ...pin, backend: ids[(index + 1) % ids.length] ?? 0 }));
    assert.equal(await pinsOf(engine).write(planned, elsewhere), undefined);
    const moved = await read(engine, planned);
    assert.deepEqual(
      elsewhere.filter(({ client, backend }) => moved.get(client)?.backend !== backend),
      [],
    );
    await new Promise((resolve) => setTimeout(resolve, 1_600));
    assert.equal((await read(engine, planned)).size, COUNT / 2);
    assert.ok((await engine.remove()).ok);
    assert.equal(await pinsOf(engine).read(planned, () => undefined), undefined);
    assert.equal(typeof (await pinsOf(engine).write(planned, pins.slice(0, 1))), "string");
  });
});
