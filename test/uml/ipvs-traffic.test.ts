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
  { type: "least-connections" },
];
/** A client's port that comes again must not be a flow of the other mode to IPVS, which remembers UDP for five minutes. */
const FIRST_PORT = { dsr: 8000, nat: 8200 } as const;
const WEIGHTS = [3, 2, 1] as const;
const FLOWS = 60;
/** Least connections, exactly: `held` are open at w1, then `fresh` come. With equal weights `wlc` is `lc`. */
const LEAST = [
  { title: "lc", weights: [1, 1, 1], held: 12, fresh: { w2: 12, w3: 12 } },
  { title: "wlc", weights: WEIGHTS, held: 12, fresh: { w2: 8, w3: 4 } },
] as const;

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

/** One of them, at a port of its own, by least connections. */
const leastServers = ({
  mode,
  at,
  weights,
}: {
  readonly mode: (typeof MODES)[number];
  readonly at: number;
  readonly weights: readonly number[];
}): readonly VirtualServer[] =>
  serversOf(mode)
    .filter(({ scheduler }) => scheduler.type === "least-connections")
    .map((server) => ({
      ...server,
      ports: onePort(FIRST_PORT[mode] + SCHEDULERS.length + at),
      backends: server.backends.map((backend, index) => ({ ...backend, weight: weights[index] ?? 0 })),
    }));

const tally = (names: readonly string[]): Readonly<Record<string, number>> =>
  Object.fromEntries(
    [...new Set(names)].sort().map((name) => [name, names.filter((each) => each === name).length]),
  );

/** A spread by hash over three backends leaves these bounds once in a million runs. */
const HASH_TOLERANCE = 20;

describe("real traffic through IPVS", () => {
  let bed: Bed;
  let client: Client;
  let edge: Edge;

  before(async () => {
    bed = new Bed();
    await bed.startWorkers([8000, 8001, 8002, 8003, 8004, 8005, 8006, 8100]);
    bed.giveAddressesTo("e1");
    client = bed.startClient();
    edge = new Edge(bed.openIpvs("e1"));
  });
  after(() => bed.close());

  const target = ({ address: to, ports, protocol }: VirtualServer): Readonly<Record<string, unknown>> => ({
    ...{ address: to, port: ports.first, protocol },
  });

  /** Opens flows that stay open, and gives their backends. */
  const open = async (server: VirtualServer, count: number): Promise<readonly string[]> => {
    if (server.protocol === "tcp") return client.list({ op: "hold", count, ...target(server) });
    const before = (await client.list({ op: "talk", count: 0, ...target(server) })).length;
    return (await client.list({ op: "talk", count: before + count, ...target(server) })).slice(before);
  };

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

      for (const [at, { title, weights, held, fresh }] of LEAST.entries()) {
        it(`goes to whoever has the fewest open flows for its weight: ${title}, both families and protocols`, async () => {
          const all = leastServers({ mode, at, weights });
          await edge.run(leastServers({ mode, at, weights: [1, 0, 0] }));
          for (const server of all) {
            assert.deepEqual(await open(server, held), new Array(held).fill("w1"), server.name);
            await edge.run(all);
            const count = fresh.w2 + fresh.w3;
            assert.deepEqual(tally(await open(server, count)), fresh, server.name);
            await edge.run(leastServers({ mode, at, weights: [1, 0, 0] }));
            await client.ask({ op: "drop" });
          }
        });
      }
    });
  }

  it("shows the backend the client's address", async () => {
    const [server] = serversOf("nat");
    assert.ok(server);
    await edge.run(serversOf("nat"));
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
