/** The ruleset of a whole plan: the fixed chains that packets enter by, and the parts of every server. */
import { choosesByHash, type ForwardingPlan, type ServerPlan } from "#core/balance/plan-model";
import { fragmentKey, PIN_IF_SERVING, renderDsr, verdictMap } from "./dsr.ts";
import { renderMasquerade } from "./masquerade.ts";
import {
  type ChainDeclaration,
  familyDigit,
  type Ruleset,
  type SetDeclaration,
  type SetElement,
  type TableRuleset,
} from "./ruleset.ts";

const FAMILIES = ["4", "6"] as const;
const SERVICE = {
  4: "ip daddr . meta l4proto . th dport",
  6: "ip6 daddr . meta l4proto . th dport",
} as const;
/** Address, protocol and port of ours in the packet that an ICMP error quotes (IPv4 without options, IPv6 without extensions). */
const QUOTED_SERVICE = {
  4: "@th,160,32 . @th,136,8 . @th,224,16",
  6: "@th,128,128 . @th,112,8 . @th,384,16",
} as const;

/** What a flow was sent to, and the backend that we made of it. */
const TRANSLATED = {
  4: "ct original ip daddr . ip daddr . meta l4proto . th dport",
  6: "ct original ip6 daddr . ip6 daddr . meta l4proto . th dport",
} as const;

const plainSet = (name: string, key: string): SetDeclaration => ({
  name,
  kind: "set",
  statements: [`typeof ${key}`],
  dynamic: false,
  raw: false,
});

const inetSets: readonly SetDeclaration[] = FAMILIES.flatMap((family) => [
  verdictMap(`servers${family}`, SERVICE[family]),
  plainSet(`listeners${family}`, SERVICE[family]),
  plainSet(`masqueraded${family}`, TRANSLATED[family]),
]);

const dispatch: readonly string[] = FAMILIES.map((family) => `${SERVICE[family]} vmap @servers${family}`);

const inetChains: readonly ChainDeclaration[] = [
  {
    name: "refused",
    comment: "a virtual server without a backend for this packet",
    rules: [
      "meta l4proto tcp counter reject with tcp reset",
      "counter reject with icmpx type port-unreachable",
    ],
  },
  {
    name: "input",
    rules: [
      "type filter hook input priority filter; policy accept;",
      ...FAMILIES.map((family) => `${SERVICE[family]} @listeners${family} goto refused`),
    ],
  },
  { name: "prerouting", rules: ["type nat hook prerouting priority dstnat; policy accept;", ...dispatch] },
  { name: "output", rules: ["type nat hook output priority -100; policy accept;", ...dispatch] },
  {
    name: "postrouting",
    comment: "only what we sent to a backend",
    rules: [
      "type nat hook postrouting priority srcnat; policy accept;",
      ...FAMILIES.map((family) => `ct status dnat ${TRANSLATED[family]} @masqueraded${family} masquerade`),
    ],
  },
];

const netdevSets: readonly SetDeclaration[] = [
  ...FAMILIES.flatMap((family) => [
    verdictMap(`servers${family}`, SERVICE[family]),
    verdictMap(`errors${family}`, QUOTED_SERVICE[family]),
  ]),
  verdictMap("forward", "meta mark"),
  verdictMap("pins", "meta mark"),
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

const fragmentChain = (family: "4" | "6"): ChainDeclaration => ({
  name: `fragments${family}`,
  comment: "later fragments follow the first",
  rules: ["meta mark set 0", `meta mark set ${fragmentKey(family)} map @fragments`, PIN_IF_SERVING],
});

const netdevChains: readonly ChainDeclaration[] = [
  fragmentChain("4"),
  fragmentChain("6"),
  {
    name: "dispatch",
    rules: [
      ...dispatch,
      `icmp type { destination-unreachable, time-exceeded, parameter-problem } @th,64,8 0x45 ${QUOTED_SERVICE[4]} vmap @errors4`,
      `icmpv6 type { destination-unreachable, packet-too-big, time-exceeded, parameter-problem } ${QUOTED_SERVICE[6]} vmap @errors6`,
      "ip frag-off & 0x1fff != 0 goto fragments4",
      "frag frag-off != 0 goto fragments6",
    ],
  },
];

/** One chain an interface: an interface that goes takes only its own chain with it. */
const ingressChain = (device: string): ChainDeclaration => ({
  name: `ingress/${device}`,
  rules: [
    `type filter hook ingress device "${device}" priority -500; policy accept;`,
    // Frames for other stations, seen in promiscuous mode or flooded by a switch, are not ours to forward.
    "meta pkttype host goto dispatch",
  ],
});

const EMPTY_TABLE: TableRuleset = { sets: [], chains: [], elementsBySet: new Map() };

/** What one server adds to both tables. */
export const renderServer = (server: ServerPlan): Ruleset => {
  if (server.mode === "masquerade") return { inet: renderMasquerade(server), netdev: EMPTY_TABLE };
  const { address, protocol, port } = server;
  const listener: SetElement = { key: { type: "service", address, protocol, port } };
  return {
    inet: {
      ...EMPTY_TABLE,
      elementsBySet: new Map([[`listeners${familyDigit(address)}`, () => [listener]]]),
    },
    netdev: renderDsr(server),
  };
};

/** What is there whatever the servers are. */
const renderFrame = (plan: ForwardingPlan): Ruleset => ({
  inet: { sets: inetSets, chains: inetChains, elementsBySet: new Map() },
  netdev: {
    sets: netdevSets,
    chains: [...netdevChains, ...plan.ingress.map(ingressChain)],
    elementsBySet: new Map(),
  },
});

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
    sets: parts.flatMap((part) => part.sets),
    chains: parts.flatMap((part) => part.chains),
    elementsBySet,
  };
};

/** The whole ruleset of a plan. Chains come after those they jump to from a rule. */
export const rulesetOf = (plan: ForwardingPlan): Ruleset => {
  const [frame, servers] = [renderFrame(plan), plan.servers.map(renderServer)];
  // Jumps by rule: error, moved, pin -> backend; input -> refused; ingress -> dispatch -> fragments.
  return {
    inet: joinTables([frame.inet, ...servers.map((server) => server.inet)]),
    netdev: joinTables([frame.netdev, ...servers.map((server) => server.netdev)]),
  };
};

/** Whether two plans of one server differ in elements only, so that its chains and sets can stay. */
export const sameStructure = (left: ServerPlan, right: ServerPlan): boolean =>
  left.mode === right.mode &&
  left.address === right.address &&
  left.protocol === right.protocol &&
  left.port === right.port &&
  choosesByHash(left) === choosesByHash(right) &&
  left.scheduler.type === right.scheduler.type &&
  left.slots.length === right.slots.length &&
  left.backends.length === right.backends.length &&
  left.backends.every((backend, index) => {
    const other = right.backends[index];
    return (
      other !== undefined &&
      backend.name === other.name &&
      backend.id === other.id &&
      backend.address === other.address &&
      backend.port === other.port &&
      backend.device === other.device
    );
  });
