/** Who may use a server: source ranges in each mode. Needs root. */
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { isIpv4 } from "#base/address";
import { parseInterfaceAddress } from "#base/prefix";
import { MODES, type VirtualServer } from "#core/balance/model";
import { onePort } from "#core/balance/ports";
import { address, Bed, type Client, VIRTUAL } from "./balance-bed.ts";
import { Edge } from "./balance-edge.ts";

const PORT = 8080;
const RANGES = {
  IPv4: { with: ["10.1.0.0/16", "10.1.0.2/32"], without: ["10.1.0.3/32", "10.9.0.0/16"] },
  IPv6: { with: ["fd01::/64"], without: ["fd01::3/128", "fd09::/16"] },
} as const;

describe("source ranges", () => {
  let bed: Bed;
  let client: Client;
  let edge: Edge;

  before(async () => {
    bed = new Bed();
    bed.giveAddressesTo("e1");
    await bed.startWorkers([PORT]);
    client = bed.startClient();
    edge = new Edge(bed.openEngine("e1"));
  });
  after(() => bed.close());

  for (const mode of MODES) {
    for (const family of ["IPv4", "IPv6"] as const) {
      for (const protocol of ["tcp", "udp"] as const) {
        it(`let those in them through, and nobody else: ${mode}, ${family}, ${protocol}`, async () => {
          const server = (ranges: readonly string[]): VirtualServer => ({
            name: "web",
            address: address(VIRTUAL[family]),
            ...{
              protocol,
              ports: onePort(PORT),
              mode,
              scheduler: { type: "consistent-hash", tableSize: 31 },
            },
            sourceRanges: ranges.map((text) => {
              const parsed = parseInterfaceAddress(text);
              assert.ok(parsed && isIpv4(parsed.address) === (family === "IPv4"));
              return parsed;
            }),
            backends: [1, 2, 3].map((number) => ({
              name: `w${number}`,
              address: address(family === "IPv4" ? `10.2.0.2${number}` : `fd02::2${number}`),
              port: PORT,
              weight: 1,
            })),
          });
          bed.routeWorkers(mode === "nat" ? "edge" : "router");
          const target = { patience: 300, op: "talk", address: VIRTUAL[family], port: PORT };
          const ask = (count: number) =>
            client.count({ ...target, op: "spread", count, protocol }).then(Object.keys);
          await edge.run([server(RANGES[family].with)]);
          const served = await ask(12);
          assert.ok(
            served.every((name) => /^w[123]$/.test(name)),
            served.join(),
          );
          assert.equal((await edge.run([server(RANGES[family].without)])).how, "ruleset");
          assert.deepEqual(await ask(1), ["timeout"]);
          const table = bed.inside("e1", `nft list table ${mode === "dsr" ? "netdev" : "inet"} steelyard`);
          assert.match(table, /!= @allowed\/web counter packets [1-9]/);
        });
      }
    }
  }
});
