/**
 * How the server of a packet is found: by hash where a server has one port, in a tree of intervals where it has some,
 * by address and protocol alone where it has all. The more particular is asked first.
 */
import type { ServerPlan } from "#core/balance/plan-model";
import { type Particularity, particularity } from "#core/balance/ports";
import { familyDigit, type SetDeclaration } from "./ruleset.ts";

/** `4` or `6`, as names of sets end. */
export type FamilyDigit = "4" | "6";
export const FAMILIES: readonly FamilyDigit[] = ["4", "6"];

/** Address, protocol and port of ours in a packet. */
type Fields = Readonly<Record<FamilyDigit, { readonly host: string; readonly port: string }>>;

/** In a packet to us. */
export const DIRECT: Fields = {
  4: { host: "ip daddr . meta l4proto", port: "th dport" },
  6: { host: "ip6 daddr . meta l4proto", port: "th dport" },
};
/** In the packet of ours that an ICMP error quotes (IPv4 without options, IPv6 without extensions). */
export const QUOTED: Fields = {
  4: { host: "@th,160,32 . @th,136,8", port: "@th,224,16" },
  6: { host: "@th,128,128 . @th,112,8", port: "@th,384,16" },
};
/** What a flow was sent to, and the backend that we made of it. */
export const TRANSLATED: Fields = {
  4: { host: "ct original ip daddr . ip daddr . meta l4proto", port: "th dport" },
  6: { host: "ct original ip6 daddr . ip6 daddr . meta l4proto", port: "th dport" },
};

const SUFFIXES: Readonly<Record<Particularity, string>> = { one: "", some: "-ranges", all: "-all" };

/** The name of the set called `base` for servers of one kind. */
const setName = (base: string, ports: Particularity, family: FamilyDigit): string =>
  `${base}${SUFFIXES[ports]}${family}`;

/** The name of the set called `base` that this server is in. */
export const setOf = (base: string, server: Pick<ServerPlan, "address" | "ports">): string =>
  setName(base, particularity(server.ports), familyDigit(server.address));

/** One kind of lookup, for one family. */
export type Lookup = {
  readonly ports: Particularity;
  readonly family: FamilyDigit;
  /** The set called `base` for it. */
  readonly set: (base: string) => string;
};

/** The lookups that servers need, the more particular first; unless `used`, those by one port are always there. */
export const lookupsOf = (servers: readonly ServerPlan[], which?: "used"): readonly Lookup[] => {
  const used = new Set(servers.map((server) => setOf("", server)));
  return (["one", "some", "all"] as const).flatMap((ports) =>
    FAMILIES.filter(
      (family) => (ports === "one" && which !== "used") || used.has(setName("", ports, family)),
    ).map((family) => ({
      ports,
      family,
      set: (base: string) => setName(base, ports, family),
    })),
  );
};

/** The expression whose value a lookup finds. */
export const keyExpression = (fields: Fields, { ports, family }: Lookup): string => {
  const { host, port } = fields[family];
  return ports === "all" ? host : `${host} . ${port}`;
};

/** A set or map called `base`, keyed by `fields`; `data` for maps. */
export const declareLookup = (
  base: string,
  { fields, lookup, data }: { readonly fields: Fields; readonly lookup: Lookup; readonly data?: string },
): SetDeclaration => {
  const key = keyExpression(fields, lookup);
  return {
    name: lookup.set(base),
    kind: data === undefined ? "set" : "map",
    statements: [
      `typeof ${key}${data === undefined ? "" : ` : ${data}`}`,
      ...(lookup.ports === "some" ? ["flags interval"] : []),
    ],
    dynamic: false,
    raw: key.startsWith("@"),
  };
};
