/**
 * What backends send that connection tracking does not know: answers on connections of another edge, after a takeover.
 *
 * - Mode `masquerade` with a virtual address as source: the answer is addressed to us, and the network stack would
 *   reset the connection. It is dropped; the backend sends it again until the client has spoken and the connection is
 *   known.
 * - Mode `nat`: the answer is for the client. Where its address and port tell which server it belongs to, it gets the
 *   server's address back, and the connection goes on although the client is silent; else it is dropped, for the client
 *   would reset a connection with the backend's own address.
 *
 * A packet that opens a TCP connection is no answer, nor is one of UDP to a port that a server has: backends may be
 * clients themselves, and ask from the port that they answer at, as in DNS, NTP or SIP. Nor can a UDP packet be told to be one where a server has all ports.
 */
import type { IpAddress } from "#base/address";
import type { Protocol } from "#core/balance/model";
import type { PlannedBackend, ServerPlan } from "#core/balance/plan-model";
import { mergePorts, onePort, type PortRange, particularity } from "#core/balance/ports";
import { DIRECT, FAMILIES, type FamilyDigit, keyExpression, lookupsOf } from "./lookup.ts";
import { type ChainDeclaration, familyDigit, type SetDeclaration, type SetElement } from "./ruleset.ts";

const SENDERS: Readonly<Record<FamilyDigit, string>> = {
  4: "ip saddr . meta l4proto . th sport",
  6: "ip6 saddr . meta l4proto . th sport",
};
const HOSTS: Readonly<Record<FamilyDigit, string>> = { 4: "ipv4_addr", 6: "ipv6_addr" };
const OPENS = "tcp flags & (syn | ack) == syn";
const ANSWERS = ["tcp flags & (syn | ack) != syn", "meta l4proto udp"];
/** In an interval, where leaving the port out is no choice. */
const EVERY_PORT: PortRange = { first: 0, last: 65_535 };

type Sender = { readonly address: IpAddress; readonly protocol: Protocol; readonly ports: PortRange };

/** Where answers of a server come from. */
const sendersOf = ({ protocol, ports, backends }: ServerPlan): readonly Sender[] => {
  const width = particularity(ports);
  if (width === "all" && protocol === "udp") return [];
  const portsOf = ({ port = ports.first }: PlannedBackend): PortRange =>
    width === "one" ? onePort(port) : width === "all" ? EVERY_PORT : ports;
  return backends.map((backend) => ({ address: backend.address, protocol, ports: portsOf(backend) }));
};

/** Elements without overlaps, which intervals must not have. */
const intervals = (senders: readonly Sender[]): readonly SetElement[] => {
  const sendersByHost = Map.groupBy(senders, ({ address, protocol }) => `${address} ${protocol}`);
  return [...sendersByHost.values()].flatMap((same) =>
    mergePorts(same.map(({ ports }) => ports)).flatMap((ports) =>
      same.slice(0, 1).map((sender) => ({ key: { ...sender, type: "service" as const, ports } })),
    ),
  );
};

const dropsAtDoor = (server: ServerPlan): boolean =>
  server.mode === "masquerade" && server.backends.some(({ source }) => source !== undefined);
const isNat = ({ mode }: ServerPlan): boolean => mode === "nat";

/** What all servers of a plan need for the answers of their backends. */
export type AnswerFrame = {
  readonly sets: readonly SetDeclaration[];
  /** Base chains. */
  readonly chains: readonly ChainDeclaration[];
  /** Rules for the end of the chain that rewrites sources. */
  readonly postrouting: readonly string[];
  readonly elementsBySet: ReadonlyMap<string, () => readonly SetElement[]>;
};

const interval = (name: string, family: FamilyDigit): SetDeclaration => ({
  name,
  kind: "set",
  statements: [`typeof ${SENDERS[family]}`, "flags interval"],
  dynamic: false,
  raw: false,
});

/** By `type`: with `typeof` and `th sport` nft 1.0.6 refuses the rules for tcp and udp once the map is in the kernel. */
const returns = (family: FamilyDigit): SetDeclaration => ({
  name: `returns${family}`,
  kind: "map",
  statements: [`type ${HOSTS[family]} . inet_proto . inet_service : ${HOSTS[family]} . inet_service`],
  dynamic: false,
  raw: false,
});

/** What backends ask by UDP; where a server has all ports this says nothing. */
const questions = (servers: readonly ServerPlan[]): readonly string[] =>
  lookupsOf(
    servers.filter(({ protocol, ports }) => protocol === "udp" && particularity(ports) !== "all"),
    "used",
  ).map((lookup) => `meta l4proto udp ${keyExpression(DIRECT, lookup)} @${lookup.set("listeners")} accept`);

/** Empty where no server needs it. */
export const answerFrame = (servers: readonly ServerPlan[]): AnswerFrame => {
  const families = (wanted: (server: ServerPlan) => boolean): readonly FamilyDigit[] => {
    const used = new Set(servers.filter(wanted).map(({ address }) => familyDigit(address)));
    return FAMILIES.filter((family) => used.has(family));
  };
  const elements = (family: FamilyDigit, wanted: (server: ServerPlan) => boolean) => () =>
    intervals(
      servers
        .filter((server) => wanted(server) && familyDigit(server.address) === family)
        .flatMap((server) => sendersOf(server)),
    );
  const [door, nat] = [families(dropsAtDoor), families(isNat)];
  const strays = door.map(
    (family) => `ct state new,invalid ${SENDERS[family]} @strays${family} fib daddr type local counter drop`,
  );
  return {
    sets: [
      ...door.map((family) => interval(`strays${family}`, family)),
      ...nat.flatMap((family) => [returns(family), interval(`answers${family}`, family)]),
    ],
    chains:
      strays.length === 0
        ? []
        : [
            {
              name: "strays",
              comment: "answers on connections that we do not know",
              rules: [
                "type filter hook prerouting priority mangle; policy accept;",
                `${OPENS} accept`,
                ...questions(servers.filter(dropsAtDoor)),
                ...strays,
              ],
            },
          ],
    postrouting: nat.flatMap((family) => [
      ...ANSWERS.map(
        (answer) =>
          `${answer} snat ${family === "4" ? "ip" : "ip6"} to ${SENDERS[family]} map @returns${family}`,
      ),
      ...ANSWERS.map(
        (answer) => `${answer} ct status ! dnat ${SENDERS[family]} @answers${family} counter drop`,
      ),
    ]),
    elementsBySet: new Map([
      ...door.map((family) => [`strays${family}`, elements(family, dropsAtDoor)] as const),
      ...nat.map((family) => [`answers${family}`, elements(family, isNat)] as const),
    ]),
  };
};

/** The backends whose answers get a server's address back: those that serve and answer for nobody else. */
export const returnElements = (server: ServerPlan): readonly SetElement[] =>
  server.backends.flatMap(({ address, port = server.ports.first, alone, availability }) =>
    alone !== true || availability === "unavailable"
      ? []
      : [
          {
            key: { type: "service", address, protocol: server.protocol, ports: onePort(port) },
            data: { type: "endpoint", address: server.address, port: server.ports.first },
          },
        ],
  );
