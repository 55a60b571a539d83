/**
 * What servers are sent, counted under names that can be read back: in `dsr` packets and bytes of each backend, where
 * addresses are translated the connections of the server, since only their first packets pass there. Packets that go the short
 * way in `dsr` are counted slot by slot (`slot-counts.ts`).
 *
 * Each name is an object to load and to read, and each slot that counts has a number for each processor: with many of them nothing
 * is counted.
 */
import { type LimitKey, limitKey, limitsOf } from "#core/balance/limits";
import type { ForwardingPlan, ServerPlan } from "#core/balance/plan-model";
import type { NamedCount } from "./counters.ts";
import { connectionCounter, serverNames, trafficCounter } from "./names.ts";
import { NOTHING_SENT, type SlotCounts } from "./slot-counts.ts";
import { mayGoShort } from "./targets.ts";

/** Names that a plan may have; what has more goes uncounted. */
const MOST_COUNTED = 2_048;
/**
 * Slots of servers in `dsr` by hash that a plan may have for the short way. Each of them is there twice then, with a counter of 24 bytes
 * for each processor that the machine may ever have.
 */
const MOST_SHORT = 32_768;

/** How a plan's packets are treated as far as it has no more servers than that. */
export type Manner = {
  /** Whether servers and backends are counted. */
  readonly counted: boolean;
  /** Whether packets in `dsr` by hash go the short way. */
  readonly short: boolean;
};

export const goesShort = (server: ServerPlan, manner: Manner): boolean => manner.short && mayGoShort(server);

export const mannerOf = ({ servers }: ForwardingPlan): Manner => {
  let [names, slots] = [0, 0];
  for (const server of servers) {
    names += server.mode === "dsr" ? server.backends.length : 1;
    if (mayGoShort(server)) slots += server.slots.length;
  }
  const counted = names <= MOST_COUNTED;
  return { counted, short: counted && slots <= MOST_SHORT };
};

export const sameManner = (left: Manner, right: Manner): boolean =>
  left.counted === right.counted && left.short === right.short;

/** The names under which a server is counted. */
export const countersOf = ({ name, mode, backends }: ServerPlan): readonly string[] =>
  mode === "dsr" ? backends.map((backend) => trafficCounter(name, backend.name)) : [connectionCounter(name)];

/** The statement that counts a packet; without a name for people who list the rules alone. */
export const countStatement = (name: string | undefined): string =>
  name === undefined ? "counter" : `counter name ${name}`;

/** What has been counted, in the words that metrics are made of; what got nothing is left out. */
export const trafficOf = (
  { servers }: ForwardingPlan,
  counters: readonly NamedCount[],
  slots?: Pick<SlotCounts, "sent">,
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
      const long = countByName.get(trafficCounter(name, backend.name)) ?? NOTHING_SENT;
      const short = slots?.sent(name, backend.name) ?? NOTHING_SENT;
      const packets = long.packets + short.packets;
      if (packets === 0) continue;
      told[`nftables-packets ${name} ${backend.name}`] = packets;
      told[`nftables-bytes ${name} ${backend.name}`] = long.bytes + short.bytes;
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
