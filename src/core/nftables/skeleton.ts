/** The ruleset of a whole plan: the fixed chains that packets enter by, and the parts of every server. */

import type { ForwardingPlan, ServerPlan } from "#core/balance/plan-model";
import { answerFrame } from "./answers.ts";
import { fragmentKey, markMap, PIN_IF_SERVING, renderDsr } from "./dsr.ts";
import {
  DIRECT,
  declareLookup,
  type FamilyDigit,
  keyExpression,
  type Lookup,
  lookupsOf,
  QUOTED,
  setOf,
  TRANSLATED,
} from "./lookup.ts";
import { hasSources, renderMasquerade } from "./masquerade.ts";
import { identifierPart } from "./names.ts";
import {
  type ChainDeclaration,
  familyDigit,
  type Ruleset,
  type SetDeclaration,
  type SetElement,
  type TableRuleset,
} from "./ruleset.ts";
import { proxiedLookups, proxiedSets, proxyRules, untrackedChain } from "./syn-proxy.ts";
import { type Manner, mannerOf } from "./traffic.ts";
import { unacceptedChain } from "./unaccepted.ts";

/** Where a packet of a server goes that the other table serves: nowhere, so that no less particular server takes it. */
const ELSEWHERE = "elsewhere";

/** What a flow was sent to, and who opened it. */
const CLIENT: Readonly<Record<FamilyDigit, string>> = {
  4: "ct original ip daddr . ip saddr . meta l4proto",
  6: "ct original ip6 daddr . ip6 saddr . meta l4proto",
};

const vmaps = (lookups: readonly Lookup[]): readonly string[] =>
  lookups.map((lookup) => `${keyExpression(DIRECT, lookup)} vmap @${lookup.set("servers")}`);

const plainSet = (name: string, key: string): SetDeclaration => ({
  name,
  kind: "set",
  statements: [`typeof ${key}`],
  dynamic: false,
  raw: false,
});

const inetSets = (lookups: readonly Lookup[]): readonly SetDeclaration[] =>
  lookups.flatMap((lookup) => [
    declareLookup("servers", { fields: DIRECT, lookup, data: "verdict" }),
    declareLookup("listeners", { fields: DIRECT, lookup }),
    declareLookup("masqueraded", { fields: TRANSLATED, lookup }),
  ]);

/** For servers whose backends see a virtual address as their client's. */
const sourceSets = (lookups: readonly Lookup[]): readonly SetDeclaration[] =>
  lookups.map((lookup) =>
    declareLookup("sources", {
      fields: TRANSLATED,
      lookup,
      data: lookup.family === "4" ? "ip saddr" : "ip6 saddr",
    }),
  );

const elsewhere: ChainDeclaration = {
  name: ELSEWHERE,
  comment: "a virtual server of the other table",
  rules: [],
};

/** Backends that are clients of a server in mode `nat` themselves: the families in which there may be any. */
const hairpinsOf = (servers: readonly ServerPlan[]) => {
  const families = new Set(
    servers.filter(({ mode }) => mode === "nat").map(({ address }) => familyDigit(address)),
  );
  return [...families].sort().map((family) => ({ name: `hairpin${family}`, key: CLIENT[family] }));
};

/** Rules that rewrite the source of what we sent to a backend, and of what comes back from one unasked. */
const sourceRules = (servers: readonly ServerPlan[]): readonly string[] => [
  ...hairpinsOf(servers).map(({ key, name }) => `ct status dnat ${key} @${name} masquerade`),
  ...lookupsOf(servers.filter(hasSources), "used").map((lookup) => {
    const ip = lookup.family === "4" ? "ip" : "ip6";
    const address = `${keyExpression(TRANSLATED, lookup)} map @${lookup.set("sources")}`;
    // Not what the edge itself sends: it may do so while another edge holds the virtual address.
    return `ct status dnat fib saddr type != local snat ${ip} to ${address}`;
  }),
  ...lookupsOf(servers).map(
    (lookup) =>
      `ct status dnat ${keyExpression(TRANSLATED, lookup)} @${lookup.set("masqueraded")} masquerade`,
  ),
];

const inetChains = (
  lookups: readonly Lookup[],
  { sources, proxied }: { readonly sources: readonly string[]; readonly proxied: readonly Lookup[] },
): readonly ChainDeclaration[] => [
  elsewhere,
  ...untrackedChain(proxied),
  {
    name: "refused",
    comment: "a virtual server without a backend for this packet",
    rules: [
      // Nobody's answer: a reset would end a connection that another edge may have.
      "ct state invalid counter drop",
      "meta l4proto tcp counter reject with tcp reset",
      "counter reject with icmpx type port-unreachable",
    ],
  },
  {
    name: "input",
    rules: [
      "type filter hook input priority filter; policy accept;",
      ...proxyRules(proxied),
      ...lookups.map((lookup) => `${keyExpression(DIRECT, lookup)} @${lookup.set("listeners")} goto refused`),
    ],
  },
  {
    name: "prerouting",
    rules: ["type nat hook prerouting priority dstnat; policy accept;", ...vmaps(lookups)],
  },
  { name: "output", rules: ["type nat hook output priority -100; policy accept;", ...vmaps(lookups)] },
  {
    name: "postrouting",
    comment: "only what we sent to a backend",
    rules: ["type nat hook postrouting priority srcnat; policy accept;", ...sources],
  },
];

/** Room for twice as many backends as there are, in steps that a change rarely leaves: another size makes the map anew. */
const roomFor = (servers: readonly ServerPlan[]): number => {
  const backends = servers.reduce((sum, server) => sum + server.backends.length, 0);
  return Math.max(1_024, 2 ** Math.ceil(Math.log2(2 * backends)));
};

const netdevSets = (
  lookups: readonly Lookup[],
  servers: readonly ServerPlan[],
): readonly SetDeclaration[] => [
  ...lookups.flatMap((lookup) => [
    declareLookup("servers", { fields: DIRECT, lookup, data: "verdict" }),
    declareLookup("errors", { fields: QUOTED, lookup, data: "verdict" }),
  ]),
  markMap("forward", roomFor(servers)),
  markMap("pins"),
  plainSet("serving", "meta mark"),
  {
    name: "fragments",
    kind: "map",
    statements: [
      "typeof numgen inc mod 2 . numgen inc mod 2 : meta mark",
      "size 65536",
      "flags dynamic,timeout",
      "timeout 30s",
    ],
    dynamic: true,
    raw: false,
  },
];

const fragmentChain = (family: FamilyDigit): ChainDeclaration => ({
  name: `fragments${family}`,
  comment: "later fragments follow the first",
  rules: ["meta mark set 0", `meta mark set ${fragmentKey(family)} map @fragments`, PIN_IF_SERVING],
});

const ERRORS: Readonly<Record<FamilyDigit, string>> = {
  4: "icmp type { destination-unreachable, time-exceeded, parameter-problem } @th,64,8 0x45",
  6: "icmpv6 type { destination-unreachable, packet-too-big, time-exceeded, parameter-problem }",
};

/** Later fragments have no ports, so they must be gone before a server that has all of them is looked for. */
const netdevChains = (lookups: readonly Lookup[]): readonly ChainDeclaration[] => [
  elsewhere,
  fragmentChain("4"),
  fragmentChain("6"),
  {
    name: "dispatch",
    rules: [
      ...vmaps(lookups.filter(({ ports }) => ports === "some")),
      ...lookups.map(
        (lookup) => `${ERRORS[lookup.family]} ${keyExpression(QUOTED, lookup)} vmap @${lookup.set("errors")}`,
      ),
      "ip frag-off & 0x1fff != 0 goto fragments4",
      "frag frag-off != 0 goto fragments6",
      ...vmaps(lookups.filter(({ ports }) => ports === "all")),
    ],
  },
];

/** One chain an interface: an interface that goes takes only its own chain with it. */
const ingressChain = (lookups: readonly Lookup[], device: string): ChainDeclaration => ({
  name: `ingress/${identifierPart(device)}`,
  rules: [
    `type filter hook ingress device "${device}" priority -500; policy accept;`,
    // Frames for other stations, seen in promiscuous mode or flooded by a switch, are not ours to forward.
    // Most packets of ours are found by their port at once, one jump earlier.
    ...vmaps(lookups.filter(({ ports }) => ports === "one")).map((rule) => `meta pkttype host ${rule}`),
    "meta pkttype host goto dispatch",
  ],
});

const EMPTY_TABLE: TableRuleset = { sets: [], chains: [], elementsBySet: new Map() };

/** Elements that keep the packets of a server for the other table. */
const passOn = (server: ServerPlan, bases: readonly string[]): TableRuleset["elementsBySet"] => {
  const { address, protocol, ports } = server;
  const element: SetElement = {
    key: { type: "service", address, protocol, ports },
    data: { type: "chain", chain: ELSEWHERE },
  };
  return new Map(bases.map((base) => [setOf(base, server), () => [element]]));
};

/** What one server adds to both tables. */
export const renderServer = (server: ServerPlan, manner: Manner): Ruleset => {
  if (server.mode !== "dsr") {
    const elementsBySet = passOn(server, ["servers", "errors"]);
    return { inet: renderMasquerade(server, manner.counted), netdev: { ...EMPTY_TABLE, elementsBySet } };
  }
  const { address, protocol, ports } = server;
  const listener: SetElement = { key: { type: "service", address, protocol, ports } };
  const listening = [setOf("listeners", server), () => [listener]] as const;
  const elementsBySet = new Map([...passOn(server, ["servers"]), listening]);
  return { inet: { ...EMPTY_TABLE, elementsBySet }, netdev: renderDsr(server, manner) };
};

/** What is there whatever the servers are. */
const renderFrame = ({ ingress, servers, unaccepted }: ForwardingPlan): Ruleset => {
  const lookups = lookupsOf(servers);
  const hairpinSets = hairpinsOf(servers).map(({ name, key }) => plainSet(name, key));
  const sources = sourceSets(lookupsOf(servers.filter(hasSources), "used"));
  const answers = answerFrame(servers);
  const rules = [...sourceRules(servers), ...answers.postrouting];
  const proxied = proxiedLookups(servers);
  return {
    inet: {
      sets: [...inetSets(lookups), ...hairpinSets, ...sources, ...answers.sets, ...proxiedSets(proxied)],
      chains: [
        ...inetChains(lookups, { sources: rules, proxied }),
        ...answers.chains,
        ...unacceptedChain(unaccepted),
      ],
      elementsBySet: answers.elementsBySet,
    },
    netdev: {
      sets: netdevSets(lookups, servers),
      chains: [...netdevChains(lookups), ...ingress.map((device) => ingressChain(lookups, device))],
      elementsBySet: new Map(),
    },
  };
};

const joinTables = (parts: readonly TableRuleset[]): TableRuleset => {
  const makersBySet = new Map<string, (() => readonly SetElement[])[]>();
  for (const part of parts) {
    for (const [name, make] of part.elementsBySet) {
      const makers = makersBySet.get(name);
      if (makers === undefined) makersBySet.set(name, [make]);
      else makers.push(make);
    }
  }
  const elementsBySet = new Map(
    [...makersBySet].map(([name, makers]) => [name, () => makers.flatMap((make) => make())] as const),
  );
  return {
    counters: parts.flatMap((part) => part.counters ?? []),
    sets: parts.flatMap((part) => part.sets),
    chains: parts.flatMap((part) => part.chains),
    elementsBySet,
  };
};

/** The whole ruleset of a plan. Chains come after those they jump to from a rule. */
export const rulesetOf = (plan: ForwardingPlan): Ruleset => {
  const manner = mannerOf(plan);
  const [frame, servers] = [renderFrame(plan), plan.servers.map((server) => renderServer(server, manner))];
  // Jumps by rule: error, moved, pin -> backend; input -> refused; ingress -> dispatch -> fragments.
  return {
    inet: joinTables([frame.inet, ...servers.map((server) => server.inet)]),
    netdev: joinTables([frame.netdev, ...servers.map((server) => server.netdev)]),
  };
};
