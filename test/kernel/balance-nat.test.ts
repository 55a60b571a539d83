/** Mode `nat`: the client's address reaches the backend, whose answers come back through the edge. Needs root. */
import assert from "node:assert/strict";
import { after, afterEach, before, beforeEach, describe, it } from "node:test";
import { seconds } from "#base/time";
import type { Protocol, Scheduler, VirtualServer } from "#core/balance/model";
import { formatPorts, onePort } from "#core/balance/ports";
import { address, Bed, type Client, INNER, VIRTUAL } from "./balance-bed.ts";
import { Edge } from "./balance-edge.ts";

const HASH: Scheduler = { type: "consistent-hash", tableSize: 251 };
const PORT = 8080;
const BACKEND_PORT = 8090;
const HELD = 60;
const FAMILIES = ["IPv4", "IPv6"] as const;
/** A router that lets nothing of the client through. */
const MUTE = 'table inet mute { chain c { type filter hook forward priority 0; iifname "down0" drop; }; }';
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

const mute = (bed: Bed): void => void bed.feed("router", "nft -f -", MUTE);

/** Lets only the workers speak for a while, to an edge that does not know them. */
const takeOverUnheard = (bed: Bed, edge: "e1" | "e2"): void => {
  mute(bed);
  bed.giveAddressesTo(edge);
  bed.inside("router", "sleep 0.5; nft delete table inet mute");
};

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
        const spread = { op: "spread", count: 48, ...at(family), protocol };
        await edge.run([server({ family, protocol })]);
        assert.deepEqual(Object.keys(await client.count(spread)).sort(), ["w1", "w2", "w3"]);
        for (const type of ["round-robin", "weighted"] as const) {
          await edge.run([server({ family, protocol, scheduler: { type } })]);
          const counts = await client.count(spread);
          assert.deepEqual(Object.keys(counts).sort(), ["w1", "w2", "w3"]);
          // A port of an earlier flow that is used again is the earlier flow to connection tracking.
          for (const count of Object.values(counts))
            assert.ok(Math.abs(count - 16) <= 4, JSON.stringify(counts));
        }
        await edge.run([server({ family, protocol, scheduler: { type: "source-hash", tableSize: 251 } })]);
        // The same here.
        assert.ok(Math.max(...Object.values(await client.count(spread))) >= 44);
      });
    }

    it(`shows the backend the client's address: ${family}`, async () => {
      await edge.run([server({ family })]);
      const answer = String(await client.ask({ op: "ask", line: "who", ...at(family) }));
      assert.equal(answer.replace(/^w[123]:/, ""), CLIENT[family]);
    });

    it(`shows the backend the client's address behind the SYN proxy too: ${family}`, async () => {
      await edge.run([{ ...server({ family }), synProxy: true }]);
      const answer = String(await client.ask({ op: "ask", line: "who", ...at(family) }));
      assert.equal(answer.replace(/^w[123]:/, ""), CLIENT[family]);
      assert.equal(await client.ask({ op: "download", ...at(family) }), 199_999);
    });

    it(`keeps a client at its backend, and to its limit: ${family}`, async () => {
      const prefixLength = family === "IPv4" ? 32 : 128;
      const target: VirtualServer = {
        ...server({ family, scheduler: { type: "round-robin" } }),
        persistence: { timeout: seconds(60), prefixLength },
        limits: { prefixLength, connections: 4 },
      };
      await edge.run([target]);
      const names = await client.list({ op: "hold", count: 6, ...at(family) });
      assert.equal(new Set(names.slice(0, 4)).size, 1);
      assert.deepEqual(names.slice(4), ["ECONNREFUSED", "ECONNREFUSED"]);
    });

    it(`serves a backend that is a client itself: ${family}`, async () => {
      await edge.run([server({ family, workers: [1, 2, 4] })]);
      bed.inside("w4", `ip addr del ${VIRTUAL[family]} dev lo`);
      try {
        const counts = await bed.startClient("w4").count({ op: "spread", count: 48, ...at(family) });
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

    it(`brings backends that speak first after a takeover to their silent clients: ${family}`, async () => {
      const second = new Edge(bed.openEngine("e2"));
      await edge.run([server({ family })]);
      await second.run([server({ family })]);
      const names = await client.list({ op: "hold", count: HELD, ...at(family) });
      await client.ask({ op: "wait" });
      mute(bed);
      bed.giveAddressesTo("e2");
      const heard = await client.list({ op: "hear" });
      bed.inside("router", "nft delete table inet mute");
      assert.deepEqual(
        heard,
        names.map((name) => `${name}:later`),
      );
      assert.deepEqual(
        await client.list({ op: "poke" }),
        names.map((name) => `${name}:hi`),
      );
      assert.ok((await second.engine.remove()).ok);
    });
  }

  it("lets a backend that is out answer nobody any more", async () => {
    const second = new Edge(bed.openEngine("e2"));
    const servers = [server({ family: "IPv4" })];
    await edge.run(servers);
    await second.run(servers, { "web/w2": "unavailable" });
    const names = await client.list({ op: "hold", count: 12, ...at("IPv4") });
    await client.ask({ op: "flow" });
    takeOverUnheard(bed, "e2");
    const flowing = await client.ask({ op: "flowing", patience: 500 });
    assert.equal(flowing, names.filter((name) => name !== "w2").length);
    assert.match(bed.inside("e2", "nft list chain inet steelyard postrouting"), /counter packets [1-9]/);
    assert.ok((await second.engine.remove()).ok);
  });
});

describe("forwarding behind a virtual address", () => {
  let bed: Bed;
  let client: Client;

  before(async () => {
    bed = new Bed();
    await bed.startWorkers([BACKEND_PORT]);
    client = bed.startClient();
  });
  after(() => bed.close());
  afterEach(() => client.ask({ op: "drop" }));

  it("serves a backend that asks from the port at which it answers (udp)", async () => {
    const plain = server({ family: "IPv4", protocol: "udp" });
    const asking = { name: "w4", address: address("10.2.0.24"), port: 5353, weight: 0 };
    bed.giveAddressesTo("e1");
    const edge = new Edge(bed.openEngine("e1"));
    const masquerade = { mode: "masquerade", masqueradeAddress: address(INNER.IPv4) } as const;
    await edge.run([{ ...plain, ...masquerade, backends: [...plain.backends, asking] }]);
    bed.inside("w4", `ip addr del ${VIRTUAL.IPv4} dev lo`);
    const question = {
      address: VIRTUAL.IPv4,
      port: PORT,
      op: "datagram",
      size: 1,
      protocol: "udp",
      localPort: 5353,
    };
    assert.match(String(await bed.startClient("w4").ask(question)), /^w[123]/);
    bed.inside("w4", `ip addr add ${VIRTUAL.IPv4}/32 dev lo`);
    assert.ok((await edge.engine.remove()).ok);
  });

  for (const family of FAMILIES) {
    for (const ports of [onePort(PORT), { first: BACKEND_PORT, last: BACKEND_PORT + 9 }]) {
      const title = `${family}, ${formatPorts(ports)}`;
      it(`lets connections survive a takeover once the client speaks: ${title}`, async () => {
        bed.giveAddressesTo("e1");
        // A port that an ended connection of an earlier test still has is no longer free on one edge, and free on the other.
        for (const name of ["e1", "e2"]) bed.inside(name, "conntrack -F");
        const [first, second] = [new Edge(bed.openEngine("e1")), new Edge(bed.openEngine("e2"))];
        const one = ports.first === ports.last;
        const plain = server({ family });
        const servers: readonly VirtualServer[] = [
          {
            ...{ ...plain, ports, mode: "masquerade", masqueradeAddress: address(INNER[family]) },
            backends: plain.backends.map(({ port: _port, ...backend }) => ({
              ...backend,
              ...(one ? { port: BACKEND_PORT } : {}),
            })),
          },
        ];
        await first.run(servers);
        await second.run(servers);
        const target = { address: VIRTUAL[family], port: ports.first };
        assert.match(
          String(await client.ask({ op: "ask", line: "who", ...target })),
          new RegExp(`:${INNER[family]}$`),
        );
        const names = await client.list({ op: "hold", count: HELD, ...target });
        await client.ask({ op: "flow" });
        for (const next of ["e2", "e1"] as const) {
          takeOverUnheard(bed, next);
          await client.ask({ op: "flow" });
          // A backend that was not heard asks again after twice as long each time.
          assert.equal(await client.ask({ op: "flowing", patience: 12_000 }), names.length);
        }
        assert.match(bed.inside("e2", "nft list chain inet steelyard strays"), /counter packets [1-9]/);
        // The edge that does not hold the address is a client, too.
        const standby = bed.startClient("e2");
        const met = await standby.count({ op: "spread", count: 3, ...target });
        assert.deepEqual(
          Object.keys(met).filter((name) => !/^w[123]$/.test(name)),
          [],
        );
        for (const edge of [first, second]) assert.ok((await edge.engine.remove()).ok);
      });
    }
  }
});
