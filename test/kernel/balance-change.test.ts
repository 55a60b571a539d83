/** Changes under load, what packets without a plain TCP or UDP header meet, and what is left behind. Needs root. */
import assert from "node:assert/strict";
import { after, afterEach, before, beforeEach, describe, it } from "node:test";
import type { ForwardingMode, Protocol, Scheduler, VirtualServer, WhenAllFail } from "#core/balance/model";
import { onePort } from "#core/balance/ports";
import { address, Bed, type Client, VIRTUAL } from "./balance-bed.ts";
import { Edge } from "./balance-edge.ts";

const HASH: Scheduler = { type: "consistent-hash", tableSize: 1021 };
const PORT = 8080;
const OTHER_PORT = 8081;
const LOCAL_PORT = 8082;

type Wish = {
  readonly name?: string;
  readonly family?: "IPv4" | "IPv6";
  readonly protocol?: Protocol;
  readonly mode?: ForwardingMode;
  readonly scheduler?: Scheduler;
  readonly port?: number;
  readonly workers?: readonly number[];
  readonly whenAllFail?: WhenAllFail;
};

const server = ({
  name = "web",
  family = "IPv4",
  protocol = "tcp",
  mode = "dsr",
  scheduler = HASH,
  port = PORT,
  workers = [1, 2, 3],
  whenAllFail = "forward",
}: Wish): VirtualServer => ({
  name,
  address: address(VIRTUAL[family]),
  protocol,
  ports: onePort(port),
  mode,
  scheduler,
  whenAllFail,
  backends: workers.map((number) => ({
    name: `w${number}`,
    address: address(family === "IPv4" ? `10.2.0.2${number}` : `fd02::2${number}`),
    port,
    weight: 1,
  })),
});

const FAMILIES = ["IPv4", "IPv6"] as const;
const MODES: readonly ForwardingMode[] = ["masquerade", "dsr"];

describe("forwarding while things change", () => {
  let bed: Bed;
  let client: Client;
  let edge: Edge;

  before(async () => {
    bed = new Bed();
    await bed.startWorkers([PORT, OTHER_PORT]);
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

  for (const mode of MODES) {
    for (const scheduler of [HASH, { type: "round-robin" } as const]) {
      it(`lets no connection meet half a ruleset: ${mode}, ${scheduler.type}`, async () => {
        const plain = [server({ mode, scheduler })];
        const larger = [
          server({ mode, scheduler, workers: [1, 2, 3, 4] }),
          server({ name: "b", port: OTHER_PORT }),
        ];
        await edge.run(plain);
        await client.ask({ op: "hammer", address: VIRTUAL.IPv4, port: PORT });
        const ways = new Set<string>();
        for (let round = 0; round < 12; round += 1) {
          ways.add((await edge.run(larger)).how);
          ways.add((await edge.run(larger, { "web/w4": "draining" })).how);
          // A restart: everything is loaded again without knowledge of what was there.
          const restarted = new Edge(bed.openEngine("e1"));
          restarted.plan = edge.plan;
          ways.add((await restarted.run(larger)).how);
          edge.engine = restarted.engine;
        }
        const counts = await client.count({ op: "rest" });
        assert.ok(ways.has("elements") && ways.has("ruleset"), [...ways].join());
        assert.ok((counts.w1 ?? 0) > 50, JSON.stringify(counts));
        const strangers = Object.keys(counts).filter((answer) => !/^w[1-4]$/.test(answer));
        assert.deepEqual(strangers, [], JSON.stringify(counts));
      });
    }
  }

  for (const mode of MODES) {
    for (const family of FAMILIES) {
      it(`refuses new flows at once when no backend is available: ${mode}, ${family}`, async () => {
        const down = { "web/w1": "unavailable", "web/w2": "unavailable", "web/w3": "unavailable" } as const;
        const target = { op: "spread", count: 3, address: VIRTUAL[family], port: PORT };
        const whenAllFail = "reject";
        await edge.run([server({ mode, family, whenAllFail })]);
        assert.equal((await edge.run([server({ mode, family, whenAllFail })], down)).how, "elements");
        assert.deepEqual(await client.count(target), { ECONNREFUSED: 3 });
        await edge.run([server({ mode, family, whenAllFail, protocol: "udp" })], down);
        assert.deepEqual(await client.count({ ...target, protocol: "udp" }), { ECONNREFUSED: 3 });
        await edge.run([server({ mode, family, workers: [] })]);
        assert.deepEqual(await client.count(target), { ECONNREFUSED: 3 });
      });
    }
  }

  it("leaves ports of the virtual address that no server has to the edge itself", async () => {
    await edge.run([server({}), server({ name: "six", family: "IPv6", mode: "masquerade" })]);
    await bed.startWorker("e1", [LOCAL_PORT]);
    for (const family of FAMILIES) {
      const target = { op: "spread", count: 2, address: VIRTUAL[family] };
      assert.deepEqual(await client.count({ ...target, port: LOCAL_PORT }), { e1: 2 });
      assert.deepEqual(await client.count({ ...target, port: 9 }), { ECONNREFUSED: 2 });
    }
  });

  for (const mode of MODES) {
    for (const family of FAMILIES) {
      for (const scheduler of [HASH, { type: "round-robin" } as const]) {
        it(`brings "packet too big" to the backend it is for: ${mode}, ${family}, ${scheduler.type}`, async () => {
          // The narrow link is behind the router, so client and backends agree on packets that do not fit.
          bed.inside("router", "ip link set down0 mtu 1280");
          try {
            await edge.run([server({ mode, family, scheduler })]);
            for (let round = 0; round < 6; round += 1) {
              const target = { op: "download", address: VIRTUAL[family], port: PORT };
              assert.equal(await client.ask(target), 199_999);
              for (const worker of ["w1", "w2", "w3"]) {
                bed.inside(worker, "ip route flush cache; ip -6 route flush cache");
              }
            }
          } finally {
            bed.inside("router", "ip link set down0 mtu 1500");
          }
        });
      }
    }
  }

  for (const mode of MODES) {
    for (const family of FAMILIES) {
      it(`keeps the fragments of a datagram together: ${mode}, ${family}`, async () => {
        await edge.run([server({ mode, family, protocol: "udp" })]);
        for (let round = 0; round < 8; round += 1) {
          const target = { op: "datagram", address: VIRTUAL[family], port: PORT, size: 6_000 };
          assert.match(String(await client.ask(target)), /^w[123] 6000$/);
        }
      });
    }
  }

  it("does not forward frames for other stations that a promiscuous interface sees (dsr)", async () => {
    const second = new Edge(bed.openEngine("e2"));
    await edge.run([server({})]);
    await second.run([server({})]);
    // The switch floods everything, as it does for a station it has not learnt yet.
    bed.inside(
      "router",
      "for port in /sys/class/net/br0/brif/*; do echo 0 >$port/learning; done; ip link set br0 type bridge ageing_time 0",
    );
    bed.inside("e2", "ip link set eth0 promisc on");
    const counts = await client.count({ op: "spread", count: 20, address: VIRTUAL.IPv4, port: PORT });
    const forwarded = bed.inside("e2", "nft list table netdev steelyard").matchAll(/counter packets (\d+)/g);
    assert.equal(
      Object.values(counts).reduce((sum, count) => sum + count, 0),
      20,
    );
    for (const [, packets] of forwarded) assert.equal(packets, "0");
    bed.inside("e2", "ip link set eth0 promisc off");
    assert.ok((await second.engine.remove()).ok);
  });

  it("is whole again after somebody flushed the ruleset, and says so", async () => {
    const servers = [server({}), server({ name: "b", mode: "masquerade", port: OTHER_PORT })];
    await edge.run(servers);
    bed.inside("e1", "nft flush ruleset");
    assert.equal((await edge.engine.observe()).tables, "absent");
    const repaired = await edge.run(servers);
    assert.deepEqual([repaired.how, repaired.repaired], ["ruleset", true]);
    bed.inside("e1", "nft flush chain inet steelyard prerouting");
    assert.equal((await edge.engine.observe()).tables, "partial");
    const chain = await edge.run(servers);
    assert.equal(chain.repaired, true);
    assert.match(chain.by ?? "", /^nft \(pid \d+\)$/);
    for (const change of [
      "delete element inet steelyard ring/b/1021 '{ 3 }'",
      "add rule inet steelyard input drop",
    ]) {
      bed.inside("e1", `nft ${change}`);
      const element = await edge.run(servers);
      assert.deepEqual([element.how, element.repaired], ["ruleset", true], change);
      assert.match(element.by ?? "", /^nft \(pid \d+\)$/);
      assert.equal((await edge.run(servers)).how, "unchanged");
    }
    bed.inside("e1", "nft add table inet somebody");
    const undisturbed = await edge.run(servers);
    assert.deepEqual([undisturbed.how, undisturbed.repaired], ["unchanged", false]);
    // More than it can be told at once: the tables are compared instead.
    const many = Array.from({ length: 60_000 }, (_, index) => `10.0.${index >> 8}.${index & 255}`);
    const set = `table inet somebody { set s { type ipv4_addr; elements = { ${many.join(", ")} }; }; }`;
    bed.feed("e1", "nft -f -", set);
    bed.inside("e1", "nft flush chain inet steelyard output");
    const overheard = await edge.run(servers);
    assert.deepEqual([overheard.how, overheard.repaired], ["ruleset", true]);
    const counts = await client.count({ op: "spread", count: 5, address: VIRTUAL.IPv4, port: OTHER_PORT });
    assert.equal(
      Object.keys(counts).every((name) => /^w/.test(name)),
      true,
      JSON.stringify(counts),
    );
    bed.inside("e1", "nft delete table inet somebody");
  });

  it("makes its tables anew when something of its name has another shape, and says what that costs", async () => {
    const servers = [server({ name: "b", mode: "masquerade", port: OTHER_PORT })];
    await edge.run(servers);
    const map = "inet steelyard ring/b/1021";
    bed.feed(
      "e1",
      "nft -f -",
      `flush chain inet steelyard server/b\ndelete map ${map}\nadd map ${map} { type ipv4_addr : mark; }\n`,
    );
    const { how, repaired, anew } = await edge.run(servers);
    assert.deepEqual([how, repaired], ["ruleset", true]);
    assert.match(anew ?? "", /^nft refused the ruleset: /);
    const counts = await client.count({ op: "spread", count: 5, address: VIRTUAL.IPv4, port: OTHER_PORT });
    assert.ok(Object.keys(counts).every((name) => /^w/.test(name)));
    const again = await edge.run(servers);
    assert.deepEqual([again.how, again.anew], ["unchanged", undefined]);
  });

  it("finds an interface again that was made anew (dsr)", async () => {
    const target = { op: "spread", count: 5, address: VIRTUAL.IPv4, port: PORT };
    await edge.run([server({})]);
    bed.inside("e1", "ip link del eth0");
    bed.connect("e1", 11);
    bed.giveAddressesTo("e1");
    const repaired = await edge.run([server({})]);
    assert.deepEqual([repaired.how, repaired.repaired], ["ruleset", true]);
    assert.deepEqual(
      Object.keys(await client.count(target)).filter((name) => !/^w[123]$/.test(name)),
      [],
    );
    assert.equal((await edge.run([server({})])).how, "unchanged");
  });

  it("changes nothing when the kernel refuses a plan, and says why", async () => {
    await edge.run([server({})]);
    const before = bed.inside("e1", "nft -s list ruleset");
    const [planned] = edge.plan?.servers ?? [];
    assert.ok(planned);
    const backends = planned.backends.map((backend) => ({ ...backend, device: "nowhere0" }));
    const refused = await edge.engine.apply({ ingress: ["eth0"], servers: [{ ...planned, backends }] });
    assert.equal(refused.ok, false);
    assert.match(refused.ok ? "" : refused.error.message, /Interface does not exist/);
    assert.equal(
      bed.inside("e1", "nft -s list ruleset").replace(/packets \d+ bytes \d+/g, ""),
      before.replace(/packets \d+ bytes \d+/g, ""),
    );
    assert.equal((await edge.run([server({})])).how, "unchanged");
  });

  it("replaces every slot of a large ring in one transaction, quickly", async () => {
    const one = (workers: readonly number[]): readonly VirtualServer[] => [
      server({ mode: "masquerade", scheduler: { type: "consistent-hash", tableSize: 4093 }, workers }),
    ];
    await edge.run(one([1, 2]));
    const changed = await edge.run(one([1, 2]), { "web/w1": "unavailable" });
    assert.equal(changed.how, "elements");
    const counts = await client.count({ op: "spread", count: 20, address: VIRTUAL.IPv4, port: PORT });
    assert.deepEqual(counts, { w2: 20 });
  });

  it("leaves nothing behind", async () => {
    await edge.run([server({}), server({ name: "b", mode: "masquerade", port: OTHER_PORT })]);
    assert.ok((await edge.engine.remove()).ok);
    assert.equal(bed.inside("e1", "nft list ruleset"), "");
    assert.deepEqual(await edge.engine.observe(), { tables: "absent", lastPlan: undefined });
  });
});
