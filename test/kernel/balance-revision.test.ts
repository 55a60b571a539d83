/** Servers that come, go and are rebuilt beside others: what is in the kernel then is what a start would put there. Needs root. */
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { seconds } from "#base/time";
import type { Protocol, Scheduler, VirtualServer } from "#core/balance/model";
import { ALL_PORTS, onePort, type PortRange } from "#core/balance/ports";
import { integerBetween, pick, type Random, seededRandom } from "#testing/random";
import { address, Bed, VIRTUAL } from "./balance-bed.ts";
import { Edge } from "./balance-edge.ts";

const NAMES = ["a", "b", "c", "d", "e", "f"];
const SCHEDULERS: readonly [Scheduler, ...Scheduler[]] = [
  { type: "consistent-hash", tableSize: 7 },
  { type: "consistent-hash", tableSize: 13 },
  { type: "source-hash", tableSize: 7 },
  { type: "round-robin" },
];

const portsOf = (random: Random, index: number): PortRange =>
  pick(random, [
    onePort(8_000 + index),
    // What another server may have had.
    onePort(8_000 + integerBetween(random, 0, 9) * 10 + index),
    { first: 9_000 + index * 10, last: 9_000 + index * 10 + integerBetween(random, 1, 9) },
    ALL_PORTS,
  ]);

/** A server of this name, of any kind. */
const someServer = (random: Random, name: string): VirtualServer => {
  const index = NAMES.indexOf(name);
  const family = pick(random, ["IPv4", "IPv6"] as const);
  const protocol = pick<Protocol>(random, ["tcp", "udp"]);
  const ports = portsOf(random, index);
  const mode = pick(random, ["masquerade", "dsr", "nat"] as const);
  const isOne = ports.first === ports.last;
  const count = integerBetween(random, 0, 4);
  return {
    ...{ name, protocol, mode, ports, scheduler: pick(random, SCHEDULERS) },
    // All ports of an address are one server's.
    address: address(isOne ? VIRTUAL[family] : family === "IPv4" ? `10.2.0.15${index}` : `fd02::15${index}`),
    backends: Array.from({ length: count }, (_, host) => ({
      name: `w${host + 1}`,
      address: address(family === "IPv4" ? `10.2.0.2${host + 1}` : `fd02::2${host + 1}`),
      weight: 1,
      ...(isOne && mode !== "dsr" ? { port: pick(random, [80, 81]) } : {}),
    })),
    ...(random() < 0.3
      ? {
          sourceRanges: [
            {
              address: address(family === "IPv4" ? "198.51.100.0" : "2001:db8::"),
              prefixLength: family === "IPv4" ? 24 : 64,
            },
          ],
        }
      : {}),
    ...(random() < 0.2
      ? { persistence: { timeout: seconds(300), prefixLength: family === "IPv4" ? 24 : 64 } }
      : {}),
    ...(random() < 0.2 && mode !== "dsr"
      ? { limits: { prefixLength: family === "IPv4" ? 32 : 64, connections: integerBetween(random, 1, 9) } }
      : {}),
  };
};

type Listed = Readonly<Record<string, Record<string, unknown>>>;
const strip = (value: unknown): unknown =>
  JSON.parse(
    JSON.stringify(value, (key, inner) => (key === "handle" || key === "comment" ? undefined : inner)),
  );

/** A map that packets write to keeps the timeout that it was made with; rules say which one counts. */
const withoutTimeout = (value: unknown): string =>
  JSON.stringify(value).replace(/("flags":\["timeout"\]),"timeout":\d+/, "$1");

const sortedText = (value: unknown): readonly string[] =>
  (Array.isArray(value) ? value : []).map((each) => JSON.stringify(each)).sort();

/** What a host has in its tables, whatever the order in which it came there. Elements that packets made are left out. */
const listing = (bed: Bed, host: string): readonly string[] => {
  const { nftables } = JSON.parse(bed.inside(host, "nft -j list ruleset")) as { nftables: Listed[] };
  const rulesByChain = new Map<string, unknown[]>();
  const lines: string[] = [];
  for (const entry of nftables) {
    for (const [kind, body] of Object.entries(entry)) {
      if (kind === "metainfo") continue;
      if (kind === "rule") {
        const chain = `${body.family} ${body.chain}`;
        rulesByChain.set(chain, [...(rulesByChain.get(chain) ?? []), strip(body.expr)]);
      } else if (kind === "counter") lines.push(`counter ${body.family} ${body.name}`);
      else {
        const { elem, ...rest } = body;
        lines.push(`${kind} ${withoutTimeout(strip(rest))} ${sortedText(elem).join()}`);
      }
    }
  }
  const rules = [...rulesByChain].map(
    ([chain, all]) => `${chain}: ${JSON.stringify(all).replaceAll(/"(packets|bytes)":\d+/g, '"$1":0')}`,
  );
  return [...lines, ...rules].sort();
};

/** Handles of the rules of a server's chains: made anew, they have others. */
const handlesOf = (bed: Bed, host: string, server: string): string => {
  const { nftables } = JSON.parse(bed.inside(host, "nft -j list ruleset")) as { nftables: Listed[] };
  return nftables
    .flatMap(({ rule }) =>
      typeof rule?.chain === "string" && rule.chain.split("/")[1] === server ? [String(rule.handle)] : [],
    )
    .join();
};

/** Whether two servers would want the same packets: no configuration may say that. */
const isAllowed = (servers: readonly VirtualServer[]): boolean =>
  servers.every((one, index) =>
    servers
      .slice(index + 1)
      .every(
        (other) =>
          one.address !== other.address ||
          one.protocol !== other.protocol ||
          one.ports.last < other.ports.first ||
          other.ports.last < one.ports.first,
      ),
  );

describe("a ruleset that is revised", () => {
  let bed: Bed;
  before(() => {
    bed = new Bed();
  });
  after(() => bed.close());

  it("ends as one that is loaded from nothing, whatever came, went, was rebuilt or traded places", async () => {
    const random = seededRandom(20_261_130);
    const edge = new Edge(bed.openEngine("e1"));
    let servers: readonly VirtualServer[] = [];
    let others = 0;
    let stayed = 0;
    for (let step = 0; step < 60; step += 1) {
      const next = new Map(servers.map((server) => [server.name, server]));
      for (let change = integerBetween(random, 1, 3); change > 0; change -= 1) {
        const name = NAMES[integerBetween(random, 0, NAMES.length - 1)] ?? "a";
        if (random() < 0.25) next.delete(name);
        else next.set(name, someServer(random, name));
      }
      if (!isAllowed([...next.values()])) continue;
      const same = servers.filter((server) => next.get(server.name) === server);
      const before = same.map(({ name }) => handlesOf(bed, "e1", name));
      servers = [...next.values()];
      const applied = await edge.run(servers);
      assert.equal(applied.repaired, false);
      const now = same.map(({ name }) => handlesOf(bed, "e1", name));
      others += before.length;
      stayed += before.filter((handles, index) => handles === now[index]).length;
      const fresh = new Edge(bed.openEngine("e2"));
      fresh.plan = edge.plan;
      assert.ok((await fresh.engine.remove()).ok);
      if (edge.plan !== undefined) assert.ok((await fresh.engine.apply(edge.plan)).ok);
      const [revised, loaded] = [new Set(listing(bed, "e1")), new Set(listing(bed, "e2"))];
      const more = [...revised].filter((line) => !loaded.has(line));
      const less = [...loaded].filter((line) => !revised.has(line));
      assert.deepEqual({ more, less }, { more: [], less: [] }, `after step ${step}`);
      await fresh.engine.close();
    }
    assert.ok(others > 100 && stayed === others, `${stayed} of ${others} were left alone`);
    assert.ok((await edge.engine.remove()).ok);
  });
});
