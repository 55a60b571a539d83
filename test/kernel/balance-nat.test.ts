/** Mode `nat`: the client's address reaches the backend, whose answers come back through the edge. Needs root. */
import assert from "node:assert/strict";
import { after, afterEach, before, beforeEach, describe, it } from "node:test";
import type { Protocol, Scheduler, VirtualServer } from "#core/balance/model";
import { onePort } from "#core/balance/ports";
import { address, Bed, type Client, VIRTUAL } from "./balance-bed.ts";
import { Edge } from "./balance-edge.ts";

const HASH: Scheduler = { type: "consistent-hash", tableSize: 251 };
const PORT = 8080;
const BACKEND_PORT = 8090;
const HELD = 60;
const FAMILIES = ["IPv4", "IPv6"] as const;
const CLIENT = { IPv4: "10.1.0.2", IPv6: "fd01::2" } as const;

type Wish = {
  readonly family: "IPv4" | "IPv6";
  readonly protocol?: Protocol;
  readonly scheduler?: Scheduler;
  readonly workers?: readonly number[];
};

const server = ({
  family,
  protocol = "tcp",
  scheduler = HASH,
  workers = [1, 2, 3],
}: Wish): VirtualServer => ({
  name: "web",
  address: address(VIRTUAL[family]),
  ...{ protocol, ports: onePort(PORT), mode: "nat", scheduler },
  backends: workers.map((number) => ({
    name: `w${number}`,
    address: address(family === "IPv4" ? `10.2.0.2${number}` : `fd02::2${number}`),
    port: BACKEND_PORT,
    weight: 1,
  })),
});

describe("forwarding that keeps the client's address", () => {
  let bed: Bed;
  let client: Client;
  let edge: Edge;

  before(async () => {
    bed = new Bed();
    bed.routeWorkers("edge");
    await bed.startWorkers([BACKEND_PORT]);
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

  const at = (family: "IPv4" | "IPv6") => ({ address: VIRTUAL[family], port: PORT });

  for (const family of FAMILIES) {
    for (const protocol of ["tcp", "udp"] as const) {
      it(`spreads flows by every scheduler: ${family}, ${protocol}`, async () => {
        const spread = { op: "spread", count: 24, ...at(family), protocol };
        await edge.run([server({ family, protocol })]);
        assert.deepEqual(Object.keys(await client.count(spread)).sort(), ["w1", "w2", "w3"]);
        for (const type of ["round-robin", "weighted"] as const) {
          await edge.run([server({ family, protocol, scheduler: { type } })]);
          const counts = await client.count(spread);
          assert.deepEqual(Object.keys(counts).sort(), ["w1", "w2", "w3"]);
          // A port of an earlier flow that is used again is the earlier flow to connection tracking.
          for (const count of Object.values(counts))
            assert.ok(Math.abs(count - 8) <= 3, JSON.stringify(counts));
        }
        await edge.run([server({ family, protocol, scheduler: { type: "source-hash", tableSize: 251 } })]);
        assert.deepEqual(Object.values(await client.count(spread)), [24]);
      });
    }

    it(`shows the backend the client's address: ${family}`, async () => {
      await edge.run([server({ family })]);
      const answer = String(await client.ask({ op: "ask", line: "who", ...at(family) }));
      assert.equal(answer.replace(/^w[123]:/, ""), CLIENT[family]);
    });

    it(`serves a backend that is a client itself: ${family}`, async () => {
      await edge.run([server({ family, workers: [1, 2, 4] })]);
      bed.inside("w4", `ip addr del ${VIRTUAL[family]} dev lo`);
      try {
        const counts = await bed.startClient("w4").count({ op: "spread", count: 24, ...at(family) });
        assert.deepEqual(Object.keys(counts).sort(), ["w1", "w2", "w4"]);
      } finally {
        const loopback = family === "IPv4" ? "/32 dev lo" : "/128 dev lo nodad preferred_lft 0";
        bed.inside("w4", `ip addr add ${VIRTUAL[family]}${loopback}`);
      }
    });

    it(`brings "packet too big" to the backend it is for: ${family}`, async () => {
      bed.inside("router", "ip link set down0 mtu 1280");
      try {
        await edge.run([server({ family })]);
        for (let round = 0; round < 4; round += 1) {
          assert.equal(await client.ask({ op: "download", ...at(family) }), 199_999);
          for (const worker of ["w1", "w2", "w3"]) {
            bed.inside(worker, "ip route flush cache; ip -6 route flush cache");
          }
        }
      } finally {
        bed.inside("router", "ip link set down0 mtu 1500");
      }
    });

    it(`lets connections survive a takeover by an edge that was told nothing: ${family}`, async () => {
      const second = new Edge(bed.openEngine("e2"));
      await edge.run([server({ family })]);
      await second.run([server({ family })]);
      const names = await client.list({ op: "hold", count: HELD, ...at(family) });
      for (const next of ["e2", "e1", "e2"] as const) {
        bed.giveAddressesTo(next);
        assert.deepEqual(
          await client.list({ op: "poke" }),
          names.map((name) => `${name}:hi`),
        );
      }
      assert.ok((await second.engine.remove()).ok);
    });
  }
});
