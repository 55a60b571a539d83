/**
 * Rules for one virtual server in mode `masquerade`: the first packet of a flow picks a backend, connection tracking
 * keeps the flow there whatever changes later.
 */
import { type IpAddress, isIpv4 } from "#base/address";
import { SLOT_SEED } from "#core/balance/choice";
import { choosesByHash, NO_BACKEND, type PlannedBackend, type ServerPlan } from "#core/balance/plan-model";
import { formatPorts, onePort, particularity } from "#core/balance/ports";
import { ownersOf } from "#core/balance/slots";
import { setOf } from "./lookup.ts";
import { commentText, serverNames } from "./names.ts";
import type { ElementData, SetElement, TableRuleset } from "./ruleset.ts";

const sourceAddress = (server: ServerPlan): "ip saddr" | "ip6 saddr" =>
  isIpv4(server.address) ? "ip saddr" : "ip6 saddr";

/** A number as people compare seeds and marks. */
export const hexNumber = (value: number): string => `0x${value.toString(16)}`;

/** The expression that gives the slot of a new flow. */
export const slotExpression = (server: ServerPlan, client = `${sourceAddress(server)} . th sport`): string =>
  choosesByHash(server)
    ? `jhash ${client} mod ${server.slots.length} seed ${hexNumber(SLOT_SEED)}`
    : `numgen inc mod ${server.slots.length}`;

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

/** The part of the `inet` table that belongs to a masqueraded server. */
export const renderMasquerade = (server: ServerPlan): TableRuleset => {
  const names = serverNames(server.name, server.slots.length);
  const { address: virtual, protocol, ports } = server;
  const key = { type: "service", address: virtual, protocol, ports } as const;
  const keepsPort = particularity(ports) !== "one";
  const [ip, destination] = isIpv4(server.address) ? ["ip", "ip daddr"] : ["ip6", "ip6 daddr"];
  const translate = `meta l4proto ${server.protocol} counter dnat ${ip} to ${slotExpression(server)} map @${names.ring}`;
  return {
    sets: [
      {
        name: names.ring,
        kind: "map",
        statements: [
          `typeof numgen inc mod 2 : ${destination}${keepsPort ? "" : " . th dport"}`,
          `size ${Math.max(server.slots.length, 1)}`,
        ],
        dynamic: false,
        raw: false,
      },
    ],
    chains: [
      {
        name: names.serverChain,
        comment: describeServer(server),
        rules: server.slots.length === 0 ? [] : [translate],
      },
    ],
    elementsBySet: new Map<string, () => readonly SetElement[]>([
      [
        names.ring,
        () =>
          slotElements(server, ({ address, port }) =>
            endpoint(address, keepsPort ? undefined : (port ?? ports.first)),
          ),
      ],
      [setOf("servers", server), () => [{ key, data: { type: "chain", chain: names.serverChain } }]],
      [setOf("listeners", server), () => [{ key }]],
      [
        setOf("masqueraded", server),
        () =>
          server.backends.map(({ address, port }) => ({
            key: {
              ...{ type: "service" as const, via: virtual, address, protocol },
              ports: keepsPort || port === undefined ? ports : onePort(port),
            },
          })),
      ],
    ]),
  };
};
