/**
 * Rules for one virtual server in mode `dsr`: at the ingress hook, before the network stack, a packet goes to its
 * backend with nothing changed but Ethernet addresses and the hop count. How the chains work together is drawn in
 * `index.ts`.
 *
 * The packet mark of a packet that we take is scratch space here, and 0 when the packet leaves. What goes the short way keeps the
 * mark that it came with.
 */
import { isIpv4 } from "#base/address";
import { toMillis } from "#base/time";
import {
  choosesByHash,
  decidesByHash,
  flowIdle,
  type PlannedBackend,
  type ServerPlan,
} from "#core/balance/plan-model";
import { particularity } from "#core/balance/ports";
import { ownersOf } from "#core/balance/slots";
import { limitCounters, limitRules, limitSets, type SourceKey } from "./limits.ts";
import { DIRECT, QUOTED, setOf } from "./lookup.ts";
import {
  allowedElements,
  allowedRules,
  allowedSets,
  type ClientFields,
  describeServer,
  directClient,
  hexNumber,
  slotElements,
  slotExpression,
} from "./masquerade.ts";
import { backendChain, closingChain, pinChain, serverNames, trafficCounter } from "./names.ts";
import { type DirectClients, directClients } from "./persistence.ts";
import {
  type ChainDeclaration,
  type ElementData,
  familyDigit,
  type SetDeclaration,
  type SetElement,
  type TableRuleset,
} from "./ruleset.ts";
import { targetElements, targetRules, targetSets } from "./targets.ts";
import { countersOf, countStatement, goesShort, type Manner } from "./traffic.ts";

/** Most flows that one server keeps on record; when it is full, flows go on unrecorded. */
const FLOW_TABLE_SIZE = 262_144;
/** How long a TCP flow that has only sent its SYN, or has sent FIN or RST, stays on record. */
const HALF_OPEN_SECONDS = 60;

const FLOW_SEEDS = [0x0f10_0001, 0x0f10_0002] as const;
const FRAGMENT_SEEDS = [0x0f4a_0001, 0x0f4a_0002] as const;
const SOURCE_SEEDS = [0x0500_0001, 0x0500_0002] as const;
const ALL_32_BITS = 4_294_967_295;

/**
 * 64 bits that stand for `fields`. Hashing keeps IPv4 and IPv6 alike and lets the ports inside ICMP errors find the
 * same record; with 2^18 records the chance that a flow meets another's is 2^-46.
 */
const digest = (fields: string, seeds: readonly [number, number]): string =>
  seeds.map((seed) => `jhash ${fields} mod ${ALL_32_BITS} seed ${hexNumber(seed)}`).join(" . ");

/** The key of a fragmented datagram; `family` of its addresses. */
export const fragmentKey = (family: "4" | "6"): string =>
  family === "4"
    ? digest("ip id . ip saddr . ip daddr", FRAGMENT_SEEDS)
    : digest("@nh,352,32 . ip6 saddr . ip6 daddr", FRAGMENT_SEEDS);

/**
 * In a packet that is known to be ours: the same bytes as `ip saddr`, without another look at what protocol the frame is of, which
 * nft adds to each rule that names a field.
 */
const knownClient = (server: ServerPlan): ClientFields => ({
  address: isIpv4(server.address) ? "@nh,96,32" : "@nh,64,128",
  port: "th sport",
});

/** In the packet of ours that an ICMP error quotes. */
const quotedClient = (server: ServerPlan): ClientFields =>
  isIpv4(server.address)
    ? { address: "@th,192,32", port: "@th,240,16" }
    : { address: "@th,256,128", port: "@th,400,16" };

/** What tells flows of this server apart: where it has several ports, the one that the client asked for too. */
const flowKeys = (server: ServerPlan): { readonly direct: string; readonly quoted: string } => {
  const family = familyDigit(server.address);
  const key = ({ address, port }: ClientFields, asked: string): string => {
    const client = `${address} . ${port}`;
    return digest(particularity(server.ports) === "one" ? client : `${client} . ${asked}`, FLOW_SEEDS);
  };
  return {
    direct: key(directClient(server), DIRECT[family].port),
    quoted: key(quotedClient(server), QUOTED[family].port),
  };
};

const SYN = "tcp flags & (syn | ack) == syn";
const NOT_SYN = "tcp flags & (syn | ack) != syn";

/** The mark of a slot whose packets need a closer look; no backend has this number, nor a closing flow. */
const MOVED = 0x8000_0000;

/** Looks the flow up among the records; a packet whose recorded backend serves leaves here. */
const recall = (flows: string, key: string): readonly string[] => [
  "meta mark set 0",
  `meta mark set ${key} map @${flows}`,
  PIN_IF_SERVING,
];

/** Sends the packet to the backend in its mark and records its flow; goes on when there is none. */
const PIN = "meta mark vmap @pins";
/** The same if that backend still serves. */
export const PIN_IF_SERVING = `meta mark @serving ${PIN}`;
/** Sends the packet to the backend in its mark. */
const FORWARD = "meta mark vmap @forward";

const clientsOf = (server: ServerPlan): DirectClients =>
  directClients(server, {
    opening: server.protocol === "tcp" ? { is: SYN, isNot: NOT_SYN } : undefined,
    record: PIN,
    recordIfServing: PIN_IF_SERVING,
  });

/** The number under which a flow is recorded once its client has sent FIN or RST. */
const closingNumber = (backend: PlannedBackend): number => backend.id + 0x8000_0000;

/** Rules that record a flow and send the packet on. A TCP flow is on record for long only once it is established. */
const pinRules = (server: ServerPlan, backend: PlannedBackend): readonly string[] => {
  const { flows } = serverNames(server.name, server.slots.length);
  const key = flowKeys(server).direct;
  const idle = toMillis(flowIdle(server.protocol)) / 1_000;
  const forward = `goto ${backendChain(server.name, backend.name)}`;
  const { pin } = clientsOf(server);
  const record = `update @${flows} { ${key} timeout ${idle}s : ${hexNumber(backend.id)} }`;
  if (server.protocol === "udp") return [...pin, `meta l4proto udp ${record}`, forward];
  const brief = `timeout ${HALF_OPEN_SECONDS}s`;
  const closes = "tcp flags & (fin | rst) != 0";
  return [
    ...pin,
    `${SYN} update @${flows} { ${key} ${brief} : ${hexNumber(backend.id)} } ${forward}`,
    `${closes} delete @${flows} { ${key} : meta mark }`,
    `${closes} update @${flows} { ${key} ${brief} : ${hexNumber(closingNumber(backend))} } ${forward}`,
    `meta l4proto tcp ${record}`,
    forward,
  ];
};

/** Rules for a flow whose end has begun: nothing prolongs it beyond the short time but a new SYN. */
const closingRules = (server: ServerPlan, backend: PlannedBackend): readonly string[] => {
  const { flows } = serverNames(server.name, server.slots.length);
  const key = flowKeys(server).direct;
  return [
    `${SYN} delete @${flows} { ${key} : meta mark }`,
    `${SYN} goto ${pinChain(server.name, backend.name)}`,
    `meta l4proto tcp update @${flows} { ${key} timeout ${HALF_OPEN_SECONDS}s : ${hexNumber(closingNumber(backend))} }`,
    `goto ${backendChain(server.name, backend.name)}`,
  ];
};

/** The first of several fragments: by where its ports are it is like any other packet, but it is noted. */
const FIRST_FRAGMENT = { 4: "@nh,48,16 & 0x2000 != 0", 6: "frag more-fragments 1" } as const;
/** Any fragment. */
const FRAGMENT = { ...FIRST_FRAGMENT, 4: "@nh,48,16 & 0x3fff != 0" } as const;

/**
 * At this hook the kernel takes what stands in a later fragment of IPv4 for ports, so that it may have got here by chance. In IPv6 it does not.
 */
const laterFragments = ({ address }: ServerPlan): readonly string[] =>
  isIpv4(address) ? ["@nh,48,16 & 0x1fff != 0 goto fragments4"] : [];

/** Rules that send a packet on; `count` is the statement that counts it. */
const forwardRules = (backend: PlannedBackend, count: string): readonly string[] => {
  if (backend.device === undefined) return [];
  const family = familyDigit(backend.address);
  return [
    "meta mark set 0",
    `${FIRST_FRAGMENT[family]} update @fragments { ${fragmentKey(family)} : ${hexNumber(backend.id)} }`,
    `${count} fwd ${family === "4" ? "ip" : "ip6"} to ${backend.address} device "${backend.device}"`,
  ];
};

/** Sources by digest: nft 1.0.6 cannot list what packets have written under an IPv6 address. */
const SOURCE_KEY: SourceKey = {
  type: "numgen inc mod 2 . numgen inc mod 2",
  expression: (network) => digest(network, SOURCE_SEEDS),
};

/** Here every SYN counts as a new connection. */
const ingressLimits = (server: ServerPlan): readonly string[] => limitRules(server, SOURCE_KEY, `${SYN} `);

const LONG_WAY = "fragments, and slots that moved or that nobody has";

/** Leads packets by hash: the ring alone decides for a slot that never moved. */
const hashChains = (
  server: ServerPlan,
  recalling: Recalling,
  isShort: boolean,
): readonly ChainDeclaration[] => {
  const names = serverNames(server.name, server.slots.length);
  const slot = slotExpression(server);
  const quotedSlot = slotExpression(server, quotedClient(server));
  const tcp = server.protocol === "tcp";
  const known = slotExpression(server, knownClient(server));
  const longWay = [
    ...laterFragments(server),
    // The ring says something of every slot, so no mark stays that somebody else has set.
    `meta mark set ${known} map @${names.ring}`,
    FORWARD,
    `meta mark ${hexNumber(MOVED)} goto ${names.movedChain}`,
  ];
  return [
    {
      name: names.movedChain,
      comment: "slots that changed owner: recorded flows first, then new ones, then the former owner's",
      rules: [
        ...recalling.direct,
        recalling.forget,
        "meta mark set 0",
        ...(tcp ? [`${SYN} meta mark set ${slot} map @${names.newcomers}`, PIN] : []),
        `${tcp ? `${NOT_SYN} ` : ""}meta mark set ${slot} map @${names.formerOwners}`,
        PIN,
        `meta mark set ${slot} map @${names.owners}`,
        FORWARD,
      ],
    },
    ...(isShort ? [{ name: names.longChain, comment: LONG_WAY, rules: longWay }] : []),
    {
      name: names.serverChain,
      comment: describeServer(server),
      rules: [
        ...allowedRules(server),
        ...ingressLimits(server),
        ...(isShort
          ? [
              `${FRAGMENT[familyDigit(server.address)]} goto ${names.longChain}`,
              ...targetRules(server, known),
              `goto ${names.longChain}`,
            ]
          : longWay),
      ],
    },
    {
      name: names.errorChain,
      comment: ERRORS,
      rules: [
        ...recalling.quoted,
        "meta mark set 0",
        ...[names.ring, names.formerOwners, names.owners].flatMap((map) => [
          `meta mark set ${quotedSlot} map @${map}`,
          FORWARD,
        ]),
      ],
    },
  ];
};

/**
 * Leads packets by what is on record, which is every flow. Of one that is not, the client may be pinned. Else a hash
 * says where it belongs, for this packet alone: forged packets must not fill the records. Where flows are counted it is
 * refused unless it is new.
 */
const recordChains = (server: ServerPlan, recalling: Recalling): readonly ChainDeclaration[] => {
  const names = serverNames(server.name, server.slots.length);
  const isHashed = choosesByHash(server);
  const opening = server.protocol === "tcp" ? `${SYN} ` : "";
  const next = `meta mark set ${slotExpression(server)} map @${names.ring}`;
  const quotedNext = `meta mark set ${slotExpression(server, quotedClient(server))} map @${names.ring}`;
  return [
    {
      name: names.serverChain,
      comment: describeServer(server),
      rules: [
        ...laterFragments(server),
        ...allowedRules(server),
        ...ingressLimits(server),
        ...recalling.direct,
        recalling.forget,
        ...clientsOf(server).recall,
        "meta mark set 0",
        `${opening}${next}`,
        PIN,
        ...(isHashed && opening !== "" ? [next, FORWARD] : []),
      ],
    },
    {
      name: names.errorChain,
      comment: ERRORS,
      rules: [...recalling.quoted, ...(isHashed ? ["meta mark set 0", quotedNext, FORWARD] : [])],
    },
  ];
};

const ERRORS = "ICMP errors go where the packets that they quote came from";

/** Rules that look up a flow: of the packet itself, of the packet that an ICMP error quotes; and forget it. */
type Recalling = {
  readonly direct: readonly string[];
  readonly quoted: readonly string[];
  readonly forget: string;
};

const choiceChains = (server: ServerPlan, isShort: boolean): readonly ChainDeclaration[] => {
  const names = serverNames(server.name, server.slots.length);
  if (server.slots.length === 0) {
    return [{ name: names.serverChain, comment: describeServer(server), rules: allowedRules(server) }];
  }
  const keys = flowKeys(server);
  const recalling = {
    direct: recall(names.flows, keys.direct),
    quoted: recall(names.flows, keys.quoted),
    forget: `meta mark != 0 delete @${names.flows} { ${keys.direct} : meta mark }`,
  };
  return decidesByHash(server) ? hashChains(server, recalling, isShort) : recordChains(server, recalling);
};

/** A map from marks to chains; with a size the kernel finds them faster, and takes no more than that. */
export const markMap = (name: string, size?: number): SetDeclaration => ({
  name,
  kind: "map",
  statements: ["typeof meta mark : verdict", ...(size === undefined ? [] : [`size ${size}`])],
  dynamic: false,
  raw: false,
});

const serverSets = (server: ServerPlan, isShort: boolean): readonly SetDeclaration[] => {
  const names = serverNames(server.name, server.slots.length);
  const size = Math.max(server.slots.length, 1);
  const slots = (name: string): SetDeclaration => ({
    name,
    kind: "map",
    statements: ["typeof numgen inc mod 2 : meta mark", `size ${size}`],
    dynamic: false,
    raw: false,
  });
  return [
    {
      name: names.flows,
      kind: "map",
      statements: [
        "typeof numgen inc mod 2 . numgen inc mod 2 : meta mark",
        `size ${FLOW_TABLE_SIZE}`,
        "flags dynamic,timeout",
        `timeout ${toMillis(flowIdle(server.protocol)) / 1_000}s`,
      ],
      dynamic: true,
      raw: false,
    },
    slots(names.ring),
    ...(isShort ? targetSets(server) : []),
    ...clientsOf(server).sets,
    ...(decidesByHash(server)
      ? [slots(names.owners), slots(names.newcomers), slots(names.formerOwners)]
      : []),
  ];
};

const numbered = (value: number, data?: ElementData): SetElement => ({
  key: { type: "number", value },
  ...(data === undefined ? {} : { data }),
});
const toNumber = (value: number): ElementData => ({ type: "number", value });
const toChain = (chain: string): ElementData => ({ type: "chain", chain });

/** Who owns which slot, in all the maps that say so. */
const slotMaps = (
  server: ServerPlan,
  isShort: boolean,
): readonly (readonly [string, () => readonly SetElement[]])[] => {
  const names = serverNames(server.name, server.slots.length);
  const owned = (isAsked: (slot: number) => boolean): readonly SetElement[] =>
    slotElements(server, ({ id }) => toNumber(id)).filter(
      ({ key }) => key.type === "number" && isAsked(key.value),
    );
  if (!decidesByHash(server)) return [[names.ring, () => owned(() => true)]];
  const tracked = new Set(server.tracked);
  const moving = new Set(server.moves.map(({ slot }) => slot));
  const untracked = (): readonly SetElement[] =>
    [...ownersOf(server).entries()].flatMap(([slot, owner]) =>
      tracked.has(slot) ? [] : [numbered(slot, toNumber(owner))],
    );
  const moved = (): readonly SetElement[] => server.tracked.map((slot) => numbered(slot, toNumber(MOVED)));
  return [
    // Those that nobody owns as well, with the number of no backend.
    [names.ring, () => [...untracked(), ...moved()]],
    ...(isShort ? targetElements(server, (slot) => !tracked.has(slot)) : []),
    [names.owners, () => owned((slot) => tracked.has(slot))],
    [names.newcomers, () => owned((slot) => moving.has(slot))],
    [names.formerOwners, () => server.moves.map(({ slot, from }) => numbered(slot, toNumber(from)))],
  ];
};

/** The chains of one backend, the numbers that lead to them, and those of them that are in use. */
const renderBackend = (
  server: ServerPlan,
  backend: PlannedBackend,
  counted: boolean,
): {
  readonly chains: readonly ChainDeclaration[];
  readonly forward: readonly SetElement[];
  readonly pins: readonly SetElement[];
  readonly serving: readonly SetElement[];
} => {
  const forward = backendChain(server.name, backend.name);
  const pin = pinChain(server.name, backend.name);
  const count = countStatement(counted ? trafficCounter(server.name, backend.name) : undefined);
  const chains: ChainDeclaration[] = [
    { name: forward, rules: forwardRules(backend, count) },
    { name: pin, comment: "records the flow", rules: pinRules(server, backend) },
  ];
  const pins = [numbered(backend.id, toChain(pin))];
  const serving = [numbered(backend.id)];
  if (server.protocol === "tcp") {
    const comment = "the client has begun to close the flow";
    const closing = closingChain(server.name, backend.name);
    chains.push({ name: closing, comment, rules: closingRules(server, backend) });
    pins.push(numbered(closingNumber(backend), toChain(closing)));
    serving.push(numbered(closingNumber(backend)));
  }
  return {
    chains,
    forward: [numbered(backend.id, toChain(forward))],
    pins,
    serving: backend.availability === "unavailable" ? [] : serving,
  };
};

/** The part of the `netdev` table that belongs to a `dsr` server. */
export const renderDsr = (server: ServerPlan, manner: Manner): TableRuleset => {
  const { counted } = manner;
  const isShort = goesShort(server, manner);
  const names = serverNames(server.name, server.slots.length);
  const { address, protocol, ports } = server;
  const service = (chain: string): readonly SetElement[] => [
    { key: { type: "service", address, protocol, ports }, data: toChain(chain) },
  ];
  const backends = server.backends.map((backend) => renderBackend(server, backend, counted));
  return {
    counters: [...limitCounters(server), ...(counted ? countersOf(server) : [])],
    sets: [...allowedSets(server), ...limitSets(server, SOURCE_KEY), ...serverSets(server, isShort)],
    chains: [...backends.flatMap(({ chains }) => chains), ...choiceChains(server, isShort)],
    elementsBySet: new Map([
      ...allowedElements(server),
      ...slotMaps(server, isShort),
      ...clientsOf(server).elements,
      [setOf("servers", server), () => service(names.serverChain)],
      [setOf("errors", server), () => (server.slots.length === 0 ? [] : service(names.errorChain))],
      ["forward", () => backends.flatMap(({ forward }) => forward)],
      ["pins", () => backends.flatMap(({ pins }) => pins)],
      ["serving", () => backends.flatMap(({ serving }) => serving)],
    ]),
  };
};
