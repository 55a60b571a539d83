/** Each scheduler, family and protocol with real traffic through IPVS. Runs inside user-mode Linux. */
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import type { Protocol, Scheduler, VirtualServer } from "#core/balance/model";
import { onePort } from "#core/balance/ports";
import { address, Bed, type Client, VIRTUAL } from "#test/kernel/balance-bed";
import { Edge } from "#test/kernel/balance-edge";

const FAMILIES = ["IPv4", "IPv6"] as const;
const PROTOCOLS: readonly Protocol[] = ["tcp", "udp"];
const SCHEDULERS: readonly Scheduler[] = [
  { type: "consistent-hash", tableSize: 1021 },
  { type: "round-robin" },
  { type: "weighted" },
];
const WEIGHTS = [3, 2, 1] as const;
const FLOWS = 60;

type Case = { readonly title: string; readonly server: VirtualServer };

const CASES: readonly Case[] = FAMILIES.flatMap((family) =>
  PROTOCOLS.flatMap((protocol) =>
    SCHEDULERS.map((scheduler, index) => ({
      title: `dsr, ${scheduler.type}, ${family}, ${protocol}`,
      server: {
        name: `${scheduler.type}-${family}-${protocol}`,
        address: address(VIRTUAL[family]),
        protocol,
        ports: onePort(8000 + index),
        mode: "dsr" as const,
        scheduler,
        backends: WEIGHTS.map((weight, host) => ({
          name: `w${host + 1}`,
          address: address(`${family === "IPv4" ? "10.2.0.2" : "fd02::2"}${host + 1}`),
          weight: scheduler.type === "round-robin" ? 1 : weight,
        })),
      },
    })),
  ),
);

/** A spread by hash over three backends leaves these bounds once in a million runs. */
const HASH_TOLERANCE = 20;

describe("real traffic through IPVS", () => {
  let bed: Bed;
  let client: Client;
  let edge: Edge;

  before(async () => {
    bed = new Bed();
    await bed.startWorkers([8000, 8001, 8002]);
    bed.giveAddressesTo("e1");
    client = bed.startClient();
    edge = new Edge(bed.openIpvs("e1"));
    await edge.run(CASES.map(({ server }) => server));
  });
  after(() => bed.close());

  const target = ({ address: to, ports, protocol }: VirtualServer): Readonly<Record<string, unknown>> => ({
    ...{ address: to, port: ports.first, protocol },
  });

  for (const { title, server } of CASES) {
    it(`spreads new flows as the scheduler says: ${title}`, async () => {
      const counts = await client.count({ op: "spread", count: FLOWS, ...target(server) });
      const total = server.backends.reduce((sum, { weight }) => sum + weight, 0);
      const tolerance = server.scheduler.type === "consistent-hash" ? HASH_TOLERANCE : 1;
      assert.deepEqual(Object.keys(counts).sort(), ["w1", "w2", "w3"], JSON.stringify(counts));
      for (const { name, weight } of server.backends) {
        const expected = (FLOWS * weight) / total;
        assert.ok(Math.abs((counts[name] ?? 0) - expected) <= tolerance, JSON.stringify(counts));
      }
    });
  }
});
