/** What backends were sent in `dsr` by hash, counted slot by slot by this kernel. Needs root. */
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import type { VirtualServer } from "#core/balance/model";
import { onePort } from "#core/balance/ports";
import { address, Bed, type Client, VIRTUAL } from "./balance-bed.ts";
import { Edge } from "./balance-edge.ts";

const PORT = 8080;
const WEB: VirtualServer = {
  ...{ name: "web", address: address(VIRTUAL.IPv4), protocol: "udp", ports: onePort(PORT), mode: "dsr" },
  scheduler: { type: "consistent-hash", tableSize: 251 },
  backends: [1, 2, 3].map((number) => ({
    ...{ name: `w${number}`, address: address(`10.2.0.2${number}`), port: PORT, weight: 1 },
  })),
};

type Met = Readonly<Record<string, number>>;

const sum = (...all: readonly Met[]): Met => {
  const names = new Set(all.flatMap((each) => Object.keys(each)));
  return Object.fromEntries(
    [...names].sort().map((name) => [name, all.reduce((total, each) => total + (each[name] ?? 0), 0)]),
  );
};

describe("what backends were sent", () => {
  let bed: Bed;
  let client: Client;
  before(async () => {
    bed = new Bed();
    await bed.startWorkers([PORT]);
    bed.giveAddressesTo("e1");
    client = bed.startClient();
  });
  after(() => bed.close());

  /** One datagram for each of so many flows; gives who got them. */
  const ask = (count: number): Promise<Met> =>
    client.count({ op: "spread", count, address: WEB.address, port: PORT, protocol: "udp" });

  const told = ({ engine }: Edge): Met => {
    const counts = Object.entries(engine.counts?.() ?? {});
    const packets = counts.filter(([name]) => name.startsWith("nftables-packets web "));
    return sum(Object.fromEntries(packets.map(([name, count]) => [name.split(" ")[2] ?? "", count])));
  };

  it("is all of it, over a move of slots and before anybody had read them", async () => {
    const edge = new Edge(bed.openEngine("e1"));
    await edge.run([WEB]);
    assert.match(
      bed.inside("e1", "nft list table netdev steelyard"),
      /fwd ip to jhash .* map @targets\/web\//,
    );
    const first = await ask(200);
    assert.deepEqual(told(edge), sum(first));
    const second = await ask(100);
    const { how } = await edge.run([WEB], { "web/w1": "unavailable" });
    assert.equal(how, "elements");
    const third = await ask(100);
    assert.deepEqual(Object.keys(third).sort(), ["w2", "w3"]);
    assert.deepEqual(told(edge), sum(first, second, third));
    await edge.run([WEB]);
    const fourth = await ask(100);
    assert.deepEqual(told(edge), sum(first, second, third, fourth));
    await edge.engine.close();
  });

  it("begins at nothing in a program that takes up what another left, and never shrinks", async () => {
    const engine = bed.openEngine("e1");
    const edge = new Edge(engine);
    edge.plan = (await engine.observe()).lastPlan;
    const { how } = await edge.run([WEB]);
    assert.equal(how, "unchanged");
    assert.deepEqual(told(edge), {});
    const first = await ask(100);
    assert.deepEqual(told(edge), sum(first));
    await edge.run([WEB], { "web/w2": "unavailable" });
    assert.deepEqual(told(edge), sum(first));
    assert.ok((await edge.engine.remove()).ok);
    await edge.engine.close();
  });
});
