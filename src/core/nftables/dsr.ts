/**
 * Rules for one virtual server in mode `dsr`: at the ingress hook, before the network stack, a packet goes to its
 * backend with nothing changed but Ethernet addresses and the hop count. How the chains work together is drawn in
 * `index.ts`.
 *
 * The packet mark of a packet that we take is scratch space here, and 0 when the packet leaves.
 */
import { isIpv4 } from "#base/address";
import { toMillis } from "#base/time";
import { choosesByHash, flowIdle, type PlannedBackend, type ServerPlan } from "#core/balance/plan-model";
import { describeServer, hexNumber, slotElements, slotExpression } from "./masquerade.ts";
import { backendChain, closingChain, pinChain, serverNames } from "./names.ts";
import {
  type ChainDeclaration,
  familyDigit,
  type SetDeclaration,
  type SetElement,
  type TableRuleset,
} from "./ruleset.ts";

/** Most flows that one server keeps on record; when it is full, flows go on unrecorded. */
export const FLOW_TABLE_SIZE = 262_144;
/** How long a TCP flow that has only sent its SYN, or has sent FIN or RST, stays on record. */
const HALF_OPEN_SECONDS = 60;

const FLOW_SEEDS = [0x0f10_0001, 0x0f10_0002] as const;
const FRAGMENT_SEEDS = [0x0f4a_0001, 0x0f4a_0002] as const;
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

/** Client address and port: in packets to us, and in the packet of ours that an ICMP error quotes. */
const clientFields = (server: ServerPlan): { readonly direct: string; readonly quoted: string } =>
  isIpv4(server.address)
    ? { direct: "ip saddr . th sport", quoted: "@th,192,32 . @th,240,16" }
    : { direct: "ip6 saddr . th sport", quoted: "@th,256,128 . @th,400,16" };

const SYN = "tcp flags & (syn | ack) == syn";

/** Looks the flow up among the records; a packet with a valid record leaves here. */
const recall = (flows: string, key: string): readonly string[] => [
  "meta mark set 0",
  `meta mark set ${key} map @${flows}`,
  "meta mark vmap @pins",
];

/** The number under which a flow is recorded once its client has sent FIN or RST. */
const closingNumber = (backend: PlannedBackend): number => backend.id + 0x8000_0000;

/** Rules that record a flow and send the packet on. A TCP flow is on record for long only once it is established. */
const pinRules = (server: ServerPlan, backend: PlannedBackend): readonly string[] => {
  const { flows } = serverNames(server.name, server.slots.length);
  const key = digest(clientFields(server).direct, FLOW_SEEDS);
  const idle = toMillis(flowIdle(server.protocol)) / 1_000;
  const forward = `goto ${backendChain(server.name, backend.name)}`;
  const record = `update @${flows} { ${key} timeout ${idle}s : ${hexNumber(backend.id)} }`;
  if (server.protocol === "udp") return ["meta mark set 0", `meta l4proto udp ${record}`, forward];
  const brief = `timeout ${HALF_OPEN_SECONDS}s`;
  const closes = "tcp flags & (fin | rst) != 0";
  return [
    "meta mark set 0",
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
  const key = digest(clientFields(server).direct, FLOW_SEEDS);
  return [
    `${SYN} delete @${flows} { ${key} : meta mark }`,
    `${SYN} goto ${pinChain(server.name, backend.name)}`,
    "meta mark set 0",
    `meta l4proto tcp update @${flows} { ${key} timeout ${HALF_OPEN_SECONDS}s : ${hexNumber(closingNumber(backend))} }`,
    `goto ${backendChain(server.name, backend.name)}`,
  ];
};

const forwardRules = (backend: PlannedBackend): readonly string[] => {
  if (backend.device === undefined) return [];
  const v4 = isIpv4(backend.address);
  const more = v4 ? "ip frag-off & 0x2000 != 0" : "frag more-fragments 1";
  return [
    `${more} update @fragments { ${fragmentKey(v4 ? "4" : "6")} : ${hexNumber(backend.id)} }`,
    `counter fwd ${v4 ? "ip" : "ip6"} to ${backend.address} device "${backend.device}"`,
  ];
};

/** The chains that choose: one way in for packets, one for ICMP errors. */
const choiceChains = (server: ServerPlan): readonly ChainDeclaration[] => {
  const names = serverNames(server.name, server.slots.length);
  const client = clientFields(server);
  const comment = describeServer(server);
  const errors = "ICMP errors go where the packets that they quote came from";
  if (server.slots.length === 0) return [{ name: names.serverChain, comment, rules: [] }];
  const slot = slotExpression(server);
  const key = digest(client.direct, FLOW_SEEDS);
  const known = recall(names.flows, key);
  const forget = `meta mark != 0 delete @${names.flows} { ${key} : meta mark }`;
  const knownQuoted = recall(names.flows, digest(client.quoted, FLOW_SEEDS));
  const opening = server.protocol === "tcp" ? `${SYN} ` : "";
  if (!choosesByHash(server)) {
    return [
      {
        name: names.serverChain,
        comment,
        rules: [...known, forget, `${opening}${slot} vmap @${names.ring}`],
      },
      { name: names.errorChain, comment: errors, rules: knownQuoted },
    ];
  }
  const quotedSlot = slotExpression(server, client.quoted);
  const opensFlow = server.protocol === "tcp" ? [`${SYN} ${slot} vmap @${names.owners}`] : [];
  return [
    {
      name: names.movedChain,
      comment: "slots that changed owner: recorded flows first, then new ones, then the former owner's",
      rules: [
        ...known,
        forget,
        ...opensFlow,
        `${slot} vmap @${names.formerOwners}`,
        `${slot} vmap @${names.owners}`,
      ],
    },
    { name: names.serverChain, comment, rules: [`${slot} vmap @${names.ring}`] },
    {
      name: names.errorChain,
      comment: errors,
      rules: [
        ...knownQuoted,
        `${quotedSlot} vmap @${names.formerOwners}`,
        `${quotedSlot} vmap @${names.owners}`,
        `${quotedSlot} vmap @${names.ring}`,
      ],
    },
  ];
};

/** A map from slots or backend numbers to chains. */
export const verdictMap = (name: string, key: string, size?: number): SetDeclaration => ({
  name,
  kind: "map",
  statements: [`typeof ${key} : verdict`, ...(size === undefined ? [] : [`size ${size}`])],
  dynamic: false,
  raw: key.startsWith("@"),
});

const serverSets = (server: ServerPlan): readonly SetDeclaration[] => {
  const names = serverNames(server.name, server.slots.length);
  const size = Math.max(server.slots.length, 1);
  const slots = (name: string): SetDeclaration => verdictMap(name, "numgen inc mod 2", size);
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
    ...(choosesByHash(server) ? [slots(names.owners), slots(names.formerOwners)] : []),
  ];
};

const slotMaps = (server: ServerPlan): readonly (readonly [string, readonly SetElement[]])[] => {
  const names = serverNames(server.name, server.slots.length);
  const toBackend = (backend: PlannedBackend): string => backendChain(server.name, backend.name);
  const toPin = (backend: PlannedBackend): string => pinChain(server.name, backend.name);
  if (!choosesByHash(server)) return [[names.ring, slotElements(server, toPin)]];
  const tracked = new Set(server.tracked);
  const moving = new Set(server.moves.map((move) => move.slot));
  const backendById = new Map(server.backends.map((backend) => [backend.id, backend]));
  const toMoved = server.tracked.map((slot) => ({
    key: { type: "number", value: slot } as const,
    chain: names.movedChain,
  }));
  const former: SetElement[] = [];
  for (const { slot, from } of server.moves) {
    const backend = backendById.get(from);
    if (backend !== undefined) former.push({ key: { type: "number", value: slot }, chain: toPin(backend) });
  }
  const settled = { ...server, slots: server.slots.map((owner, slot) => (tracked.has(slot) ? 0 : owner)) };
  const owned = { ...server, slots: server.slots.map((owner, slot) => (tracked.has(slot) ? owner : 0)) };
  const ownerChain = (backend: PlannedBackend, slot: number): string =>
    moving.has(slot) ? toPin(backend) : toBackend(backend);
  return [
    [names.ring, [...slotElements(settled, toBackend), ...toMoved]],
    [names.owners, slotElements(owned, ownerChain)],
    [names.formerOwners, former],
  ];
};

/** The part of the `netdev` table that belongs to a `dsr` server. */
export const renderDsr = (server: ServerPlan): TableRuleset => {
  const names = serverNames(server.name, server.slots.length);
  const family = familyDigit(server.address);
  const { address, protocol, port } = server;
  const key = { type: "service", address, protocol, port } as const;
  const pins = server.backends
    .filter((backend) => backend.availability !== "unavailable")
    .flatMap((backend): readonly SetElement[] => [
      { key: { type: "number", value: backend.id }, chain: pinChain(server.name, backend.name) },
      ...(protocol === "tcp"
        ? [
            {
              key: { type: "number", value: closingNumber(backend) } as const,
              chain: closingChain(server.name, backend.name),
            },
          ]
        : []),
    ]);
  const backendChains = server.backends.flatMap((backend) => [
    { name: backendChain(server.name, backend.name), rules: forwardRules(backend) },
    {
      name: pinChain(server.name, backend.name),
      comment: "records the flow",
      rules: pinRules(server, backend),
    },
    ...(protocol === "tcp"
      ? [
          {
            name: closingChain(server.name, backend.name),
            comment: "the client has begun to close the flow",
            rules: closingRules(server, backend),
          },
        ]
      : []),
  ]);
  return {
    sets: serverSets(server),
    chains: [...backendChains, ...choiceChains(server)],
    elementsBySet: new Map([
      ...slotMaps(server),
      [`servers${family}`, [{ key, chain: names.serverChain }]],
      ...(server.slots.length === 0
        ? []
        : [[`errors${family}`, [{ key, chain: names.errorChain }]] as const]),
      ["pins", pins],
    ]),
  };
};
