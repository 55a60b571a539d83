/** Servers with several ports, and how they share an address with others. Needs root. */
import assert from "node:assert/strict";
import { after, afterEach, before, beforeEach, describe, it } from "node:test";
import type { ForwardingMode, Protocol, Scheduler, VirtualServer } from "#core/balance/model";
import { ALL_PORTS, onePort, type PortRange } from "#core/balance/ports";
import { address, Bed, type Client, VIRTUAL } from "./balance-bed.ts";
import { Edge } from "./balance-edge.ts";

const HASH: Scheduler = { type: "consistent-hash", tableSize: 251 };
const COUNT: Scheduler = { type: "round-robin" };
const SOME: PortRange = { first: 8000, last: 8010 };
const MODES: readonly ForwardingMode[] = ["masquerade", "nat", "dsr"];
const FAMILIES = ["IPv4", "IPv6"] as const;

type Wish = {
  readonly family: "IPv4" | "IPv6";
  readonly mode: ForwardingMode;
  readonly ports: PortRange;
  readonly protocol?: Protocol;
  readonly scheduler?: Scheduler;
  readonly workers?: readonly number[];
};

const server = ({ family, mode, ports, protocol = "tcp", scheduler = HASH, workers = [1, 2, 3] }: Wish) =>
  ({
    name: `${mode}-${ports.first}-${ports.last}`,
    address: address(VIRTUAL[family]),
    ...{ protocol, ports, mode, scheduler },
    backends: workers.map((number) => ({
      name: `w${number}`,
      address: address(family === "IPv4" ? `10.2.0.2${number}` : `fd02::2${number}`),
      weight: 1,
    })),
  }) satisfies VirtualServer;

/** What is asked at each port, and who must answer. */
type Answers = Readonly<Record<number, RegExp>>;

describe("a server with several ports", () => {
  let bed: Bed;
  let client: Client;
  let edge: Edge;

  before(async () => {
    bed = new Bed();
    await bed.startWorkers([8000, 8003, 8010, 8011]);
    client = bed.startClient();
  });
  after(() => bed.close());
  beforeEach(() => {
    bed.giveAddressesTo("e1");
    edge = new Edge(bed.openEngine("e1"));
  });
  afterEach(async () => {
    await client.ask({ op: "drop" });
    assert.ok((await edge.engine.remove()).ok);
  });

  const start = async (servers: readonly VirtualServer[]): Promise<void> => {
    bed.routeWorkers(servers.some(({ mode }) => mode === "nat") ? "edge" : "router");
    await edge.run(servers);
  };

  const assertAnswers = async (
    { family, protocol = "tcp" }: { readonly family: "IPv4" | "IPv6"; readonly protocol?: Protocol },
    answers: Answers,
  ): Promise<void> => {
    for (const [port, expected] of Object.entries(answers)) {
      // Enough that every backend is met, but for one run in a million.
      const count = 40;
      const target = { op: "spread", count, address: VIRTUAL[family], port: Number(port), protocol };
      const counts = await client.count(target);
      assert.match(Object.keys(counts).sort().join(), expected, `${protocol} port ${port}`);
    }
  };

  for (const mode of MODES) {
    for (const family of FAMILIES) {
      for (const protocol of ["tcp", "udp"] as const) {
        it(`gets what comes to each of them and nothing else: ${mode}, ${family}, ${protocol}`, async () => {
          const scheduler = protocol === "tcp" ? HASH : COUNT;
          await start([server({ family, mode, protocol, scheduler, ports: SOME })]);
          await assertAnswers(
            { family, protocol },
            { 8000: /^w1,w2,w3$/, 8003: /^w1,w2,w3$/, 8010: /^w1,w2,w3$/ },
          );
          // The kernel answers few packets a second to ports that nobody serves by UDP.
          if (protocol === "tcp") await assertAnswers({ family }, { 8011: /^ECONNREFUSED$/ });
        });
      }

      it(`leaves a port to a server of that port alone, whatever its mode: ${mode}, ${family}`, async () => {
        // What a backend answers by itself must not pass through the edge, as it does in mode nat.
        const other = mode === "masquerade" ? "dsr" : "masquerade";
        await start([
          server({ family, mode, ports: ALL_PORTS }),
          server({ family, mode: other, ports: SOME, workers: [4] }),
          server({ family, mode, ports: onePort(8003), workers: [2] }),
          server({ family, mode: other, ports: onePort(8010), workers: [] }),
        ]);
        await assertAnswers(
          { family },
          { 8000: /^w4$/, 8003: /^w2$/, 8010: /^ECONNREFUSED$/, 8011: /^w1,w2,w3$/ },
        );
      });

      for (const scheduler of [HASH, COUNT]) {
        it(`gets ICMP errors about its packets: ${mode}, ${family}, ${scheduler.type}`, async () => {
          bed.inside("router", "ip link set down0 mtu 1280");
          try {
            for (const ports of [SOME, ALL_PORTS]) {
              await start([server({ family, mode, scheduler, ports })]);
              for (let round = 0; round < 3; round += 1) {
                const target = { op: "download", address: VIRTUAL[family], port: 8003 };
                assert.equal(await client.ask(target), 199_999, `${ports.first}-${ports.last}`);
                for (const worker of ["w1", "w2", "w3"]) {
                  bed.inside(worker, "ip route flush cache; ip -6 route flush cache");
                }
              }
            }
          } finally {
            bed.inside("router", "ip link set down0 mtu 1500");
          }
        });
      }

      it(`gets the fragments of a datagram together: ${mode}, ${family}`, async () => {
        for (const ports of [SOME, ALL_PORTS]) {
          await start([server({ family, mode, ports, protocol: "udp" })]);
          for (let round = 0; round < 4; round += 1) {
            const target = { op: "datagram", address: VIRTUAL[family], port: 8000, size: 6_000 };
            assert.match(String(await client.ask(target)), /^w[123] 6000$/);
          }
        }
      });
    }
  }

  it("keeps open connections to different ports apart although they come from the same port (dsr)", async () => {
    const wish = { family: "IPv4", mode: "dsr", ports: SOME, scheduler: COUNT } as const;
    await start([server(wish)]);
    const from = (port: number) => ({ op: "choose", address: VIRTUAL.IPv4, port, count: 6 });
    const [first, second] = [await client.list(from(8000)), await client.list(from(8003))];
    assert.deepEqual([...new Set([...first, ...second])].sort(), ["w1", "w2", "w3"]);
    const records = bed.inside("e1", "nft list map netdev steelyard flows/dsr-8000-8010");
    assert.equal(records.match(/expires/g)?.length, 12);
  });
});
