/**
 * Rules that limit what one source may ask of a server, and those that answer SYNs for it.
 *
 * Limits come before the choice of a backend. Where a server translates addresses they see the first packet of each
 * flow, in `dsr` every SYN. When the set of sources is full, further ones go unlimited.
 */

import { addressFromBytes, isIpv4 } from "#base/address";
import { addressBits } from "#base/prefix";
import { type Limit, limitsOf, refillSeconds } from "#core/balance/limits";
import type { ServerPlan } from "#core/balance/plan-model";
import { serverNames } from "./names.ts";
import { familyDigit, type SetDeclaration } from "./ruleset.ts";

/** Sources that one server remembers, for each limit. */
const MOST_SOURCES = 65_536;
/** Shortest time for which a source is remembered, in seconds. */
const SHORTEST_MEMORY = 10;

const hexBytes = (bytes: Uint8Array): string =>
  `0x${Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("")}`;

/** The leading bits of the client's address, as an expression; `field` is where that address is in the packet. */
export const sourceNetwork = (
  { address }: Pick<ServerPlan, "address">,
  prefixLength: number,
  field = isIpv4(address) ? "ip saddr" : "ip6 saddr",
): string => {
  const bits = addressBits(address);
  if (prefixLength >= bits) return field;
  const mask = Uint8Array.from({ length: bits / 8 }, (_, index) => {
    const kept = Math.min(Math.max(prefixLength - index * 8, 0), 8);
    return (0xff00 >> kept) & 0xff;
  });
  return `${field} & ${field.startsWith("@") ? hexBytes(mask) : addressFromBytes(mask)}`;
};

/** How sources are written to a set: as they are, or as what stands for them where nft cannot list them. */
export type SourceKey = {
  /** What `typeof` says of the set. */
  readonly type: string;
  readonly expression: (network: string) => string;
};

/** The counter of what a limit has kept out. */
const counterName = (server: ServerPlan, limit: Limit): string => serverNames(server.name, 0).limited[limit];

/** The counters that a server's limits need. */
export const limitCounters = (server: ServerPlan): readonly string[] =>
  limitsOf(server.limits).map((limit) => counterName(server, limit));

/** What is known of a source keeps the limit that it was first seen under, so another limit has a set of its own. */
const setNames = ({ name, address, limits }: ServerPlan): Readonly<Record<Limit, string>> => {
  const { sources } = serverNames(name, 0);
  const { rate, per, burst } = limits?.newConnections ?? {};
  const family = familyDigit(address);
  return {
    connections: `${sources.connections}/${family}/${limits?.connections}`,
    "new-connections": `${sources["new-connections"]}/${family}/${rate}-${per}-${burst}`,
  };
};

/** The sets of sources that a server's limits need. */
export const limitSets = (server: ServerPlan, key: SourceKey): readonly SetDeclaration[] => {
  const { limits } = server;
  const names = setNames(server);
  const base = { kind: "set", dynamic: true, raw: false } as const;
  const statements = [`typeof ${key.type}`, `size ${MOST_SOURCES}`];
  const sets: SetDeclaration[] = [];
  if (limits?.newConnections !== undefined) {
    const seconds = Math.max(refillSeconds(limits.newConnections), SHORTEST_MEMORY);
    const forgets = ["flags dynamic,timeout", `timeout ${seconds}s`];
    sets.push({ ...base, name: names["new-connections"], statements: [...statements, ...forgets] });
  }
  if (limits?.connections !== undefined) {
    sets.push({ ...base, name: names.connections, statements: [...statements, "flags dynamic"] });
  }
  return sets;
};

/** The rules; `condition` says which packets open a flow, with a space behind it. */
export const limitRules = (server: ServerPlan, key: SourceKey, condition = ""): readonly string[] => {
  const { limits, protocol } = server;
  if (limits === undefined) return [];
  const source = key.expression(sourceNetwork(server, limits.prefixLength));
  const names = setNames(server);
  const rules: string[] = [];
  if (limits.newConnections !== undefined) {
    const { rate, per, burst } = limits.newConnections;
    const over = `limit rate over ${rate}/${per} burst ${burst} packets`;
    const name = counterName(server, "new-connections");
    rules.push(
      `${condition}update @${names["new-connections"]} { ${source} ${over} } counter name ${name} drop`,
    );
  }
  if (limits.connections !== undefined) {
    const verdict = protocol === "tcp" ? "reject with tcp reset" : "reject with icmpx type port-unreachable";
    const name = counterName(server, "connections");
    const over = `ct count over ${limits.connections}`;
    rules.push(
      `meta l4proto ${protocol} add @${names.connections} { ${source} ${over} } counter name ${name} ${verdict}`,
    );
  }
  return rules;
};

/** Sources as they are. */
export const plainSource = ({ address }: ServerPlan): SourceKey => ({
  type: isIpv4(address) ? "ip saddr" : "ip6 saddr",
  expression: (network) => network,
});
