/** Each mode, scheduler, family and protocol with real traffic through IPVS. Runs inside user-mode Linux. */
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import type { Protocol, Scheduler, VirtualServer } from "#core/balance/model";
import { onePort } from "#core/balance/ports";
import { address, Bed, type Client, VIRTUAL } from "#test/kernel/balance-bed";
import { Edge } from "#test/kernel/balance-edge";

const FAMILIES = ["IPv4", "IPv6"] as const;
const PROTOCOLS: readonly Protocol[] = ["tcp", "udp"];
const MODES = ["dsr", "nat"] as const;
const SCHEDULERS: readonly Scheduler[] = [
  { type: "consistent-hash", tableSize: 1021 },
  { type: "source-hash", tableSize: 1021 },
  { type: "round-robin" },
  { type: "weighted" },
];
/** A client's port that comes again must not be a flow of the other mode to IPVS, which remembers UDP for five minutes. */
const FIRST_PORT = { dsr: 8000, nat: 8200 } as const;
const WEIGHTS = [3, 2, 1] as const;
const FLOWS = 60;

/** Every family, protocol and scheduler in one mode; where ports can be rewritten, they are. */
const serversOf = (mode: (typeof MODES)[number]): readonly VirtualServer[] =>
  FAMILIES.flatMap((family) =>
    PROTOCOLS.flatMap((protocol) =>
      SCHEDULERS.map((scheduler, index) => ({
        name: `${scheduler.type}, ${family}, ${protocol}`,
        ...{
          address: address(VIRTUAL[family]),
          protocol,
          ports: onePort(FIRST_PORT[mode] + index),
          mode,
          scheduler,
        },
        backends: WEIGHTS.map((weight, host) => ({
          name: `w${host + 1}`,
          address: address(`${family === "IPv4" ? "10.2.0.2" : "fd02::2"}${host + 1}`),
          ...(mode === "nat" ? { port: 8100 } : {}),
          weight: scheduler.type === "round-robin" ? 1 : weight,
        })),
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
    await bed.startWorkers([8000, 8001, 8002, 8003, 8100]);
    bed.giveAddressesTo("e1");
    client = bed.startClient();
    edge = new Edge(bed.openIpvs("e1"));
  });
  after(() => bed.close());

  const target = ({ address: to, ports, protocol }: VirtualServer): Readonly<Record<string, unknown>> => ({
    ...{ address: to, port: ports.first, protocol },
  });

  for (const mode of MODES) {
    describe(`in mode ${mode}`, () => {
      before(async () => {
        bed.routeWorkers(mode === "nat" ? "edge" : "router");
        await edge.run([]);
        await edge.run(serversOf(mode));
      });

      for (const server of serversOf(mode)) {
        it(`is spread as the scheduler says: ${server.name}`, async () => {
          assertSpread(server, await client.count({ op: "spread", count: FLOWS, ...target(server) }));
        });
      }
    });
  }

  it("shows the backend the client's address", async () => {
    const [server] = serversOf("nat");
    assert.ok(server);
    assert.match(String(await client.ask({ op: "ask", line: "who", ...target(server) })), /:10\.1\.0\.2$/);
  });
});

const assertSpread = (
  { scheduler, backends }: VirtualServer,
  counts: Readonly<Record<string, number>>,
): void => {
  const seen = JSON.stringify(counts);
  if (scheduler.type === "source-hash") {
    assert.deepEqual(Object.values(counts), [FLOWS], seen);
    return;
  }
  const total = backends.reduce((sum, { weight }) => sum + weight, 0);
  const tolerance = scheduler.type === "consistent-hash" ? HASH_TOLERANCE : 1;
  assert.deepEqual(Object.keys(counts).sort(), ["w1", "w2", "w3"], seen);
  for (const { name, weight } of backends) {
    assert.ok(Math.abs((counts[name] ?? 0) - (FLOWS * weight) / total) <= tolerance, seen);
  }
};
