/**
 * What servers are sent, counted under names that can be read back: in `dsr` packets and bytes of each backend, where
 * addresses are translated the connections of the server, since only their first packets pass there.
 *
 * The kernel counts at the same cost under a name as without one. But each name is an object to load and to read, so
 * with thousands of them there are none.
 */
import { type LimitKey, limitKey, limitsOf } from "#core/balance/limits";
import type { ForwardingPlan, ServerPlan } from "#core/balance/plan-model";
import type { NamedCount } from "./counters.ts";
import { connectionCounter, serverNames, trafficCounter } from "./names.ts";

/** Names that a plan may have; what has more goes uncounted. */
const MOST_COUNTED = 2_048;

/** The names under which a server is counted. */
export const countersOf = ({ name, mode, backends }: ServerPlan): readonly string[] =>
  mode === "dsr" ? backends.map((backend) => trafficCounter(name, backend.name)) : [connectionCounter(name)];

/** Whether this plan's servers are counted. */
export const isCounted = ({ servers }: ForwardingPlan): boolean =>
  servers.reduce((sum, server) => sum + countersOf(server).length, 0) <= MOST_COUNTED;

/** The statement that counts a packet; without a name for people who list the rules alone. */
export const countStatement = (name: string | undefined): string =>
  name === undefined ? "counter" : `counter name ${name}`;

/** What has been counted, in the words that metrics are made of; what got nothing is left out. */
export const trafficOf = (
  { servers }: ForwardingPlan,
  counters: readonly NamedCount[],
): Readonly<Record<string, number>> => {
  const countByName = new Map(counters.map((count) => [count.name, count]));
  const told: Record<string, number> = {};
  for (const { name, mode, backends } of servers) {
    if (mode !== "dsr") {
      const { packets = 0 } = countByName.get(connectionCounter(name)) ?? {};
      if (packets > 0) told[`nftables-connections ${name}`] = packets;
      continue;
    }
    for (const backend of backends) {
      const { packets = 0, bytes = 0 } = countByName.get(trafficCounter(name, backend.name)) ?? {};
      if (packets === 0) continue;
      told[`nftables-packets ${name} ${backend.name}`] = packets;
      told[`nftables-bytes ${name} ${backend.name}`] = bytes;
    }
  }
  return told;
};

/** What the counters of a plan's limits say. */
export const keptOutBy = (
  plan: ForwardingPlan | undefined,
  counters: readonly NamedCount[],
): ReadonlyMap<LimitKey, number> => {
  const packetsByName = new Map(counters.map(({ name, packets }) => [name, packets]));
  return new Map(
    plan?.servers.flatMap((server) =>
      limitsOf(server.limits).flatMap((limit) => {
        const packets = packetsByName.get(serverNames(server.name, 0).limited[limit]);
        return packets === undefined ? [] : [[limitKey(server.name, limit), packets] as const];
      }),
    ),
  );
};
