import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { describe, it } from "node:test";
import { type IpAddress, parseAddress } from "#base/address";
import { instant, seconds } from "#base/time";
import type { Backend, VirtualServer } from "#core/balance/model";
import { planForwarding } from "#core/balance/plan";
import type { Availability, ForwardingPlan } from "#core/balance/plan-model";
import { ALL_PORTS, onePort, type PortRange } from "#core/balance/ports";
import { diffPlans } from "./delta.ts";
import { commentText, identifierPart } from "./names.ts";
import { dataBytes, formatData, formatKey, keyBytes, type Ruleset, TABLES } from "./ruleset.ts";
import { rulesetOf } from "./skeleton.ts";
import { contentsOf, type KernelContents, renderReplacement, renderRuleset } from "./text.ts";

const ip = (text: string): IpAddress => {
  const parsed = parseAddress(text);
  assert.ok(parsed, text);
  return parsed;
};

const backends = (family: 4 | 6, count = 3): readonly Backend[] =>
  Array.from({ length: count }, (_, index) => ({
    name: `w${index + 1}`,
    address: ip(family === 4 ? `192.0.2.${21 + index}` : `2001:db8::${21 + index}`),
    port: 80,
    weight: 1,
  }));

const web: VirtualServer = {
  name: "web",
  address: ip("192.0.2.10"),
  protocol: "tcp",
  ports: onePort(80),
  mode: "dsr",
  scheduler: { type: "consistent-hash", tableSize: 7 },
  backends: backends(4),
};
const shop: VirtualServer = { ...web, name: "shop", ports: onePort(8080), mode: "masquerade" };
const dns: VirtualServer = {
  ...web,
  name: "dns",
  address: ip("2001:db8::10"),
  protocol: "udp",
  scheduler: { type: "round-robin" },
  backends: backends(6, 2),
};

const manyPorts = (family: 4 | 6, ports: PortRange): Pick<VirtualServer, "ports" | "backends"> => ({
  ports,
  backends: backends(family, 2).map(({ port: _port, ...backend }) => backend),
});
const range: VirtualServer = { ...web, ...manyPorts(4, { first: 8000, last: 8099 }), name: "range" };
const everything: VirtualServer = { ...dns, ...manyPorts(6, ALL_PORTS), name: "everything" };
const rest: VirtualServer = { ...shop, ...manyPorts(4, ALL_PORTS), name: "rest" };

const near: VirtualServer = { ...shop, mode: "nat", scheduler: { type: "source-hash", tableSize: 7 } };
const network = (text: string, prefixLength: number) => ({ address: ip(text), prefixLength });
const guarded: VirtualServer = {
  ...web,
  name: "guarded",
  sourceRanges: [network("198.51.100.128", 25), network("203.0.113.0", 24), network("198.51.100.0", 24)],
};

const plan = (
  servers: readonly VirtualServer[],
  {
    health = {},
    previous,
  }: { health?: Readonly<Record<string, Availability>>; previous?: ForwardingPlan } = {},
): ForwardingPlan =>
  planForwarding({
    servers,
    availability: (key) => health[key] ?? "available",
    links: { ingress: () => ["eth0"], egress: () => "eth1" },
    previous,
    now: instant(0),
  });

/** The whole file. */
const fileOf = (ruleset: Ruleset): string => `${[...renderRuleset(ruleset)].join("\n")}\n`;

const contents = (of: ForwardingPlan): KernelContents => {
  const ruleset = rulesetOf(of);
  return { inet: contentsOf(ruleset.inet), netdev: contentsOf(ruleset.netdev) };
};

/** Compares with testdata/NAME; UPDATE_GOLDEN=1 writes it instead, and the diff is the review. */
const golden = (name: string, text: string): void => {
  const file = new URL(`./testdata/${name}`, import.meta.url);
  if (process.env.UPDATE_GOLDEN === "1") writeFileSync(file, text);
  assert.equal(text, readFileSync(file, "utf8"), `${name}: run with UPDATE_GOLDEN=1 to accept`);
};

/** Round robin has 240 slots; the golden files need not show them all. */
const abridged = (text: string): string =>
  text.replace(/(\n {2}3 : 0x[^\n]+,)(\n {2}\d+ : 0x[^\n]+)+/g, "$1\n  ...");

describe("the nft file of a plan", () => {
  it("is a whole ruleset for each kind of server", () => {
    golden("masquerade.nft", fileOf(rulesetOf(plan([shop]))));
    golden("dsr.nft", fileOf(rulesetOf(plan([web]))));
    golden("dsr-counted.nft", abridged(fileOf(rulesetOf(plan([dns])))));
    golden("no-servers.nft", fileOf(rulesetOf(plan([]))));
    golden("nat.nft", fileOf(rulesetOf(plan([near, guarded]))));
    golden("ports.nft", abridged(fileOf(rulesetOf(plan([range, everything, rest])))));
  });

  it("lets pass what others send through this box to an address that another one holds, where answers would go to that one", () => {
    const passing = "fib saddr type != local fib daddr type != local accept";
    const behind = (masqueradeAddress: VirtualServer["address"]): string =>
      fileOf(rulesetOf(plan([{ ...shop, masqueradeAddress }])));
    assert(behind(shop.address).includes(passing));
    assert(!behind(network("192.0.2.99", 32).address).includes(passing));
    assert(!fileOf(rulesetOf(plan([shop]))).includes(passing));
  });

  it("keeps greedy sources out before it chooses a backend, and answers handshakes where it is told to", () => {
    const newConnections = { rate: 20, per: "second", burst: 40 } as const;
    const four = {
      ...shop,
      limits: { prefixLength: 24, connections: 100, newConnections },
      synProxy: true as const,
    };
    const six = { ...dns, protocol: "tcp" as const, limits: { prefixLength: 64, newConnections } };
    golden("limits.nft", abridged(fileOf(rulesetOf(plan([four, six])))));
  });

  it("asks which backend a client has before the scheduler, where clients are kept", () => {
    const persistence = { timeout: seconds(600), prefixLength: 24 };
    golden("persistence.nft", fileOf(rulesetOf(plan([{ ...shop, persistence }]))));
    const kept = [
      { ...web, persistence },
      { ...dns, persistence: { ...persistence, prefixLength: 64 } },
    ];
    golden("dsr-persistence.nft", abridged(fileOf(rulesetOf(plan(kept)))));
  });

  it("loads the whole ruleset when a server in dsr begins to keep its clients, and only elements while it does", () => {
    const persistence = { timeout: seconds(600), prefixLength: 32 };
    const [before, now] = [plan([web]), plan([{ ...web, persistence }])];
    assert.deepEqual(diffPlans(before, now), { type: "ruleset" });
    const fewer = plan([{ ...web, persistence }], { previous: now, health: { "web/w1": "unavailable" } });
    const delta = diffPlans(now, fewer);
    assert.ok(delta.type === "elements");
    const sets = [...delta.batches].flat().map(({ set }) => set);
    assert.deepEqual(sets.sort(), ["keeping/web", "ring/web/7", "serving"]);
  });

  it("counts sources anew under another limit, and keeps pinned clients for another time, without losing them", () => {
    const limited = (connections: number) => plan([{ ...shop, limits: { prefixLength: 32, connections } }]);
    const other = [...renderReplacement(rulesetOf(limited(5)), contents(limited(50)))].join("\n");
    assert.match(other, /set connections\/shop\/4\/5 \{/);
    assert.match(other, /delete set inet steelyard connections\/shop\/4\/50$/m);
    const pinned = (minutes: number) =>
      plan([{ ...shop, persistence: { timeout: seconds(minutes * 60), prefixLength: 32 } }]);
    const longer = [...renderReplacement(rulesetOf(pinned(10)), contents(pinned(1)))].join("\n");
    assert.match(longer, /update @pins\/shop\/4 \{ ip saddr timeout 600s : /);
    assert.doesNotMatch(longer, /(flush|delete) map inet steelyard pins/);
  });

  it("drops what reaches the box itself at addresses that it does not accept, last of all", () => {
    const unaccepted = [ip("192.0.2.10"), ip("192.0.2.11"), ip("2001:db8::10")];
    const strict = { ...plan([]), unaccepted };
    const chain = rulesetOf(strict).inet.chains.find(({ name }) => name === "unaccepted");
    assert.deepEqual(chain?.rules, [
      "type filter hook input priority 300; policy accept;",
      'iifname "lo" accept',
      "ct direction reply accept",
      "icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } accept",
      "ip daddr { 192.0.2.10, 192.0.2.11 } counter drop",
      "ip6 daddr { 2001:db8::10 } counter drop",
    ]);
    assert.deepEqual(diffPlans(strict, { ...strict, unaccepted: [...unaccepted] }), { type: "none" });
    const fewer = { ...strict, unaccepted: unaccepted.slice(1) };
    for (const other of [fewer, plan([])]) assert.deepEqual(diffPlans(strict, other), { type: "ruleset" });
  });

  it("removes the counters of limits that are gone", () => {
    const limited = { ...shop, limits: { prefixLength: 32, connections: 1 } };
    const text = [...renderReplacement(rulesetOf(plan([shop])), contents(plan([limited])))].join("\n");
    assert.match(text, /delete counter inet steelyard limited\/shop\/connections/);
    assert.match(text, /delete set inet steelyard connections\/shop/);
  });

  it("sends moved slots through the records while a transition runs", () => {
    const changed = plan([{ ...web, backends: backends(4, 4) }], { previous: plan([web]) });
    golden("dsr-transition.nft", fileOf(rulesetOf(changed)));
  });

  it("keeps chains of the same name and what packets recorded when it replaces a known ruleset", () => {
    const [before, now] = [plan([web, shop]), plan([{ ...web, backends: backends(4, 2) }])];
    const text = `${[...renderReplacement(rulesetOf(now), contents(before))].join("\n")}\n`;
    golden("replacement.nft", text);
    assert.doesNotMatch(
      text,
      /delete table|map flows\/web \{|(flush|delete) map netdev steelyard (flows|fragments)/,
    );
    assert.match(text, /delete chain inet steelyard server\/shop/);
    assert.doesNotMatch(text, /delete chain netdev steelyard (server\/web|ingress)/);
  });

  it("has every chain that an element or rule leads to, and every set that a rule reads", () => {
    const ruleset = rulesetOf(
      plan([
        web,
        shop,
        dns,
        range,
        everything,
        rest,
        { ...near, name: "near", ports: onePort(82) },
        guarded,
        { ...web, name: "none", ports: onePort(81), backends: [] },
      ]),
    );
    for (const family of TABLES) {
      const table = ruleset[family];
      const chains = new Set(table.chains.map(({ name }) => name));
      const sets = new Set(table.sets.map(({ name }) => name));
      assert.equal(chains.size, table.chains.length, "chain names are unique");
      assert.equal(sets.size, table.sets.length, "set names are unique");
      for (const [set, make] of table.elementsBySet) {
        assert.ok(sets.has(set), set);
        for (const { data } of make()) assert.ok(data?.type !== "chain" || chains.has(data.chain), set);
      }
      for (const rule of table.chains.flatMap(({ rules }) => rules)) {
        for (const [, chain] of rule.matchAll(/goto (\S+)/g)) assert.ok(chains.has(chain ?? ""), rule);
        for (const [, set] of rule.matchAll(/ @([a-z][^\s]*)/g)) {
          if (!/^[nt]h,/.test(set ?? "")) assert.ok(sets.has(set ?? ""), rule);
        }
      }
    }
  });
});

describe("the difference between two plans", () => {
  const large = (mode: "dsr" | "masquerade"): VirtualServer => ({
    ...web,
    mode,
    scheduler: { type: "consistent-hash", tableSize: 1021 },
  });

  it("is none between a plan and itself", () => {
    const same = plan([web, shop, dns]);
    assert.deepEqual(diffPlans(same, same), { type: "none" });
    assert.deepEqual(diffPlans(same, structuredClone(same)), { type: "none" });
  });

  it("is elements alone when only the health of backends changed, and only those that changed", () => {
    for (const mode of ["dsr", "masquerade"] as const) {
      const before = plan([large(mode), dns]);
      const delta = diffPlans(
        before,
        plan([large(mode), dns], { health: { "web/w2": "unavailable" }, previous: before }),
      );
      assert.ok(delta.type === "elements");
      const changes = [...delta.batches].flat();
      const ring = changes.find(({ set }) => set === "ring/web/1021");
      assert.deepEqual(
        ring?.remove.map(({ key }) => key),
        ring?.add.map(({ key }) => key),
      );
      assert.ok(ring !== undefined && Math.abs(ring.add.length - 340) <= 1, `${ring?.add.length}`);
      assert.equal(new Set(ring.remove.map(({ data }) => data && formatData(data))).size, 1);
      assert.deepEqual(
        changes.map(({ set }) => set).sort(),
        mode === "dsr" ? ["ring/web/1021", "serving", "targets/web/1021/0/4"] : ["ring/web/1021"],
      );
    }
  });

  it("leads exactly from one set of elements to the other", () => {
    const before = plan([large("dsr")]);
    const now = plan([large("dsr")], { health: { "web/w1": "draining" }, previous: before });
    const delta = diffPlans(before, now);
    assert.ok(delta.type === "elements");
    const elements = (of: ForwardingPlan): Map<string, string> =>
      new Map(
        [...rulesetOf(of).netdev.elementsBySet].flatMap(([set, make]) =>
          make().map(({ key, data }): [string, string] => [
            `${set} ${formatKey(key, false)}`,
            data === undefined ? "" : formatData(data),
          ]),
        ),
      );
    const state = elements(before);
    for (const { set, remove, add } of [...delta.batches].flat()) {
      for (const { key, data } of remove) {
        assert.equal(state.get(`${set} ${formatKey(key, false)}`), data && formatData(data));
        state.delete(`${set} ${formatKey(key, false)}`);
      }
      for (const { key, data } of add) {
        assert.equal(state.has(`${set} ${formatKey(key, false)}`), false);
        state.set(`${set} ${formatKey(key, false)}`, data === undefined ? "" : formatData(data));
      }
    }
    assert.deepEqual(new Map([...state].sort()), new Map([...elements(now)].sort()));
  });

  it("keeps the changes of one server together and those of two apart", () => {
    const servers = [large("dsr"), { ...large("dsr"), name: "other", address: ip("192.0.2.12") }, dns];
    const before = plan(servers);
    const health = { "web/w2": "unavailable", "other/w1": "unavailable" } as const;
    const delta = diffPlans(before, plan(servers, { health, previous: before }));
    assert.ok(delta.type === "elements");
    assert.deepEqual(
      Array.from(delta.batches, (changes) => changes.map(({ set }) => set).sort()),
      [
        ["ring/other/1021", "serving", "targets/other/1021/0/4"],
        ["ring/web/1021", "serving", "targets/web/1021/0/4"],
      ],
    );
  });

  it("is the ruleset when a server, a backend, an address, a scheduler or an interface changed", () => {
    const before = plan([web, shop]);
    const changes: readonly ForwardingPlan[] = [
      plan([web]),
      plan([web, shop, dns]),
      plan([web, { ...shop, backends: backends(4, 2) }]),
      plan([web, { ...shop, address: ip("192.0.2.11") }]),
      plan([web, { ...shop, scheduler: { type: "weighted" } }]),
      plan([web, { ...shop, scheduler: { type: "consistent-hash", tableSize: 11 } }]),
      plan([web, { ...shop, mode: "nat" }]),
      plan([web, { ...shop, ports: onePort(8081) }]),
      plan([web, { ...shop, sourceRanges: [network("198.51.100.0", 24)] }]),
      { ...before, ingress: ["eth9"] },
    ];
    for (const now of changes) assert.equal(diffPlans(before, now).type, "ruleset");
  });
});

describe("keys and names", () => {
  it("pads every field of a key to four bytes, as the kernel stores it", () => {
    const service = {
      type: "service",
      address: ip("192.0.2.10"),
      protocol: "tcp",
      ports: onePort(80),
    } as const;
    assert.deepEqual([...keyBytes(service)], [192, 0, 2, 10, 6, 0, 0, 0, 0, 80, 0, 0]);
    assert.deepEqual([...keyBytes({ type: "number", value: 0x0102_0304 })], [4, 3, 2, 1]);
    assert.deepEqual([...keyBytes({ ...service, ports: ALL_PORTS })], [192, 0, 2, 10, 6, 0, 0, 0]);
    assert.equal(keyBytes({ ...service, via: ip("192.0.2.1") }).length, 16);
    const endpoint = { type: "endpoint", address: ip("192.0.2.10"), port: 80 } as const;
    assert.deepEqual([...dataBytes(endpoint)], [192, 0, 2, 10, 0, 80, 0, 0]);
    assert.deepEqual([...dataBytes({ type: "number", value: 0x8102_0304 })], [4, 3, 2, 0x81]);
    assert.equal(formatData(endpoint), "192.0.2.10 . 80");
    assert.equal(formatKey(service, false), "192.0.2.10 . tcp . 80");
    assert.equal(formatKey(service, true), "0xc000020a . 6 . 80");
    assert.equal(formatKey({ ...service, ports: { first: 8, last: 9 } }, false), "192.0.2.10 . tcp . 8-9");
    assert.equal(formatKey({ ...service, ports: ALL_PORTS }, true), "0xc000020a . 6");
    assert.deepEqual([...dataBytes({ type: "endpoint", address: ip("192.0.2.10") })], [192, 0, 2, 10]);
  });

  it("keeps names that nft can read, and makes others readable and unique", () => {
    assert.equal(identifierPart("web-1.example_x"), "web-1.example_x");
    const [one, other] = [identifierPart("my shop/ä"), identifierPart("my shop/ö")];
    assert.match(one, /^my_shop__{1,2}[0-9a-f]{8}$/);
    assert.notEqual(one, other);
    assert.ok(identifierPart("x".repeat(300)).length <= 40);
  });

  it("keeps quotes and line ends out of comments", () => {
    assert.equal(commentText('a "b"\n\\c é'), "a ?b???c ?");
  });
});
