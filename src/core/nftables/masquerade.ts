/**
 * Rules for one virtual server in mode `masquerade` or `nat`: the first packet of a flow picks a backend, connection tracking
 * keeps the flow there whatever changes later.
 */
import { type IpAddress, isIpv4 } from "#base/address";
import { disjoint } from "#base/prefix";
import { SLOT_SEED } from "#core/balance/choice";
import { choosesByHash, NO_BACKEND, type PlannedBackend, type ServerPlan } from "#core/balance/plan-model";
import { ALL_PORTS, formatPorts, onePort, particularity } from "#core/balance/ports";
import { ownersOf } from "#core/balance/slots";
import { returnElements } from "./answers.ts";
import { limitCounters, limitRules, limitSets, plainSource, sourceNetwork } from "./limits.ts";
import { setOf } from "./lookup.ts";
import { commentText, connectionCounter, serverNames } from "./names.ts";
import { type ChoiceRules, pinnedChoice } from "./persistence.ts";
import {
  type ElementData,
  type ElementKey,
  familyDigit,
  type SetDeclaration,
  type SetElement,
  type TableRuleset,
} from "./ruleset.ts";
import { midStreamRules, proxiedElements } from "./syn-proxy.ts";
import { countersOf, countStatement } from "./traffic.ts";

const sourceAddress = (server: ServerPlan): "ip saddr" | "ip6 saddr" =>
  isIpv4(server.address) ? "ip saddr" : "ip6 saddr";

/** A number as people compare seeds and marks. */
export const hexNumber = (value: number): string => `0x${value.toString(16)}`;

/** Where the client's address and port are in a packet. */
export type ClientFields = { readonly address: string; readonly port: string };

/** In packets to us. */
export const directClient = (server: ServerPlan): ClientFields => ({
  address: sourceAddress(server),
  port: "th sport",
});

/** The expression that gives the slot of a new flow. */
export const slotExpression = (server: ServerPlan, client = directClient(server)): string => {
  if (!choosesByHash(server)) return `numgen inc mod ${server.slots.length}`;
  if (server.persistence !== undefined) {
    const source = sourceNetwork(server, server.persistence.prefixLength, client.address);
    return `jhash ${source} mod ${server.slots.length} seed ${hexNumber(SLOT_SEED)}`;
  }
  const fields =
    server.scheduler.type === "source-hash" ? client.address : `${client.address} . ${client.port}`;
  return `jhash ${fields} mod ${server.slots.length} seed ${hexNumber(SLOT_SEED)}`;
};

/** The set of networks whose packets a server takes; none when it takes everybody's. */
export const allowedSets = (server: ServerPlan): readonly SetDeclaration[] =>
  server.sourceRanges === undefined
    ? []
    : [
        {
          name: serverNames(server.name, 0).allowed,
          kind: "set",
          statements: [`typeof ${sourceAddress(server)}`, "flags interval"],
          dynamic: false,
          raw: false,
        },
      ];

/** The rule that drops packets of everybody else. */
export const allowedRules = (server: ServerPlan): readonly string[] =>
  allowedSets(server).map(({ name }) => `${sourceAddress(server)} != @${name} counter drop`);

/** The elements of that set. */
export const allowedElements = (
  server: ServerPlan,
): readonly (readonly [string, () => readonly SetElement[]])[] =>
  allowedSets(server).map(({ name }) => [
    name,
    () =>
      disjoint(server.sourceRanges ?? []).map((network) => ({ key: { type: "network" as const, network } })),
  ]);

/** `web 192.0.2.10:80/tcp dsr consistent-hash`, for people who read the ruleset. */
export const describeServer = (server: ServerPlan): string => {
  const host = isIpv4(server.address) ? server.address : `[${server.address}]`;
  return commentText(
    `${server.name} ${host}:${formatPorts(server.ports)}/${server.protocol} ${server.mode} ${server.scheduler.type}`,
  );
};

/** Elements for every slot that somebody owns. */
export const slotElements = (
  server: ServerPlan,
  dataOf: (backend: PlannedBackend) => ElementData,
): readonly SetElement[] => {
  const dataById = new Map(server.backends.map((backend) => [backend.id, dataOf(backend)]));
  const elements: SetElement[] = [];
  for (const [slot, owner] of ownersOf(server).entries()) {
    const data = owner === NO_BACKEND ? undefined : dataById.get(owner);
    if (data !== undefined) elements.push({ key: { type: "number", value: slot }, data });
  }
  return elements;
};

const endpoint = (address: IpAddress, port: number | undefined): ElementData =>
  port === undefined ? { type: "endpoint", address } : { type: "endpoint", address, port };

/** What connections to a backend are after their translation. */
const translatedKey = (
  { address: virtual, protocol, ports }: ServerPlan,
  { address, port }: PlannedBackend,
): ElementKey => ({
  ...{ type: "service", via: virtual, address, protocol },
  ports: particularity(ports) === "one" && port !== undefined ? onePort(port) : ports,
});

/** Connections to backends that see the address of the interface, unless another one is found for them. */
const masqueradedElements = (server: ServerPlan): SetElement[] =>
  server.backends.map((backend) => ({ key: translatedKey(server, backend) }));

/** Connections to backends that see a virtual address. */
const sourceElements = (server: ServerPlan): SetElement[] =>
  server.backends.flatMap((backend) =>
    backend.source === undefined
      ? []
      : [{ key: translatedKey(server, backend), data: endpoint(backend.source, undefined) }],
  );

/** Whether backends of a server may see a virtual address as their client's. */
export const hasSources = ({ mode, backends }: ServerPlan): boolean =>
  mode === "masquerade" && backends.some(({ source }) => source !== undefined);

/** How the source of a server's connections changes, or how it comes back. */
const sourceSets = (server: ServerPlan): readonly (readonly [string, () => readonly SetElement[]])[] => {
  if (server.mode === "nat") {
    return [
      [hairpinSet(server), () => hairpinElements(server)],
      [`returns${familyDigit(server.address)}`, () => returnElements(server)],
    ];
  }
  return [
    [setOf("masqueraded", server), () => masqueradedElements(server)],
    ...(hasSources(server) ? [[setOf("sources", server), () => sourceElements(server)] as const] : []),
  ];
};

/** The set of backends that are clients of a server in mode `nat` themselves. */
const hairpinSet = ({ address }: ServerPlan): string => `hairpin${familyDigit(address)}`;

/** A backend that is a client must not answer itself, or its neighbour, directly: it would not know the answer. */
const hairpinElements = ({ address: virtual, protocol, backends }: ServerPlan): SetElement[] =>
  backends.map(({ address }) => ({
    key: { type: "service" as const, via: virtual, address, protocol, ports: ALL_PORTS },
  }));

/** How a backend is chosen for the first packet of a flow; `count` is the statement that counts it. */
const choiceOf = (server: ServerPlan, count: string): ChoiceRules => {
  const { protocol, ports, persistence } = server;
  const { ring } = serverNames(server.name, server.slots.length);
  const keepsPort = particularity(ports) !== "one";
  const [ip, destination] = isIpv4(server.address) ? ["ip", "ip daddr"] : ["ip6", "ip6 daddr"];
  // With `th dport` nft 1.0.6 refuses the rule once the map is in the kernel: "conflicting protocols specified".
  const type = `${destination}${keepsPort ? "" : ` . ${protocol} dport`}`;
  const slot = slotExpression(server);
  const endpointOf = ({ address, port }: PlannedBackend): ElementData =>
    endpoint(address, keepsPort ? undefined : (port ?? ports.first));
  if (persistence !== undefined) {
    return pinnedChoice(server, {
      ...{ persistence, slot, count },
      slotElements: (dataOf) => slotElements(server, dataOf),
      endpoint: { type, of: endpointOf },
    });
  }
  const statements = [`typeof numgen inc mod 2 : ${type}`, `size ${Math.max(server.slots.length, 1)}`];
  return {
    sets: [{ name: ring, kind: "map", statements, dynamic: false, raw: false }],
    rules:
      server.slots.length === 0
        ? []
        : [`meta l4proto ${protocol} ${count} dnat ${ip} to ${slot} map @${ring}`],
    elements: [[ring, () => slotElements(server, endpointOf)]],
  };
};

/**
 * What others send through this box while another one holds the address goes on to that one: backends would see the address as the
 * client, and answer its holder. Programs of this box are served here, from its own address.
 */
const passingRules = ({ mode, address, backends }: ServerPlan): readonly string[] =>
  mode === "masquerade" && backends.some(({ source }) => source === address)
    ? ["fib saddr type != local fib daddr type != local accept"]
    : [];

/** The part of the `inet` table that belongs to a server in mode `masquerade` or `nat`; `counted` by name or not. */
export const renderMasquerade = (server: ServerPlan, counted: boolean): TableRuleset => {
  const names = serverNames(server.name, server.slots.length);
  const { address: virtual, protocol, ports } = server;
  const key = { type: "service", address: virtual, protocol, ports } as const;
  const choice = choiceOf(server, countStatement(counted ? connectionCounter(server.name) : undefined));
  return {
    counters: [...limitCounters(server), ...(counted ? countersOf(server) : [])],
    sets: [...allowedSets(server), ...limitSets(server, plainSource(server)), ...choice.sets],
    chains: [
      {
        name: names.serverChain,
        comment: describeServer(server),
        rules: [
          ...passingRules(server),
          ...allowedRules(server),
          ...midStreamRules(server),
          ...limitRules(server, plainSource(server)),
          ...choice.rules,
        ],
      },
    ],
    elementsBySet: new Map<string, () => readonly SetElement[]>([
      ...allowedElements(server),
      ...choice.elements,
      [setOf("servers", server), () => [{ key, data: { type: "chain", chain: names.serverChain } }]],
      [setOf("listeners", server), () => [{ key }]],
      ...sourceSets(server),
      ...proxiedElements(server, key),
    ]),
  };
};
