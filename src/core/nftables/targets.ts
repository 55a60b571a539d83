/**
 * The short way of a packet in mode `dsr` by hash: from its slot straight to the neighbour that owns it, by one lookup that gives
 * the backend's address. No mark, no chain for each backend: on a packet of two thousand nanoseconds that is one in ten.
 *
 * A ring of targets has the slots that never moved and whose owner is behind one interface; backends behind several make
 * several rings. A packet whose slot is in none of them takes the long way. Where servers are counted, each slot counts what it
 * sends (`slot-counts.ts`).
 */
import { type IpAddress, isIpv4 } from "#base/address";
import { NO_BACKEND, type PlannedBackend, type ServerPlan } from "#core/balance/plan-model";
import { ownersOf } from "#core/balance/slots";
import { serverNames } from "./names.ts";
import type { ChainDeclaration, SetDeclaration, SetElement } from "./ruleset.ts";

type Ring = { readonly set: string; readonly device: string; readonly backends: readonly PlannedBackend[] };

/** The rings of a server, one for each interface that leads to backends of it. */
export const targetRings = (server: ServerPlan, counted: boolean): readonly Ring[] => {
  const devices = new Set(server.backends.flatMap(({ device }) => device ?? []));
  const { targets } = serverNames(server.name, server.slots.length);
  return [...devices].sort().map((device, index) => ({
    set: `${targets}/${index}${counted ? "/counted" : ""}`,
    device,
    backends: server.backends.filter((backend) => backend.device === device),
  }));
};

const destination = ({ address }: ServerPlan): string => (isIpv4(address) ? "ip daddr" : "ip6 daddr");

/** Those rings, and the number behind each address for whoever needs a mark all the same. */
export const targetSets = (server: ServerPlan, counted: boolean): readonly SetDeclaration[] => {
  const map = (name: string, ...statements: readonly string[]): SetDeclaration => ({
    ...{ name, kind: "map", statements, dynamic: false, raw: false },
  });
  return [
    ...targetRings(server, counted).map(({ set }) =>
      map(
        set,
        `typeof numgen inc mod 2 : ${destination(server)}`,
        `size ${Math.max(server.slots.length, 1)}`,
        ...(counted ? ["counter"] : []),
      ),
    ),
    map(serverNames(server.name, 0).numbers, `typeof ${destination(server)} : meta mark`),
  ];
};

/** What is in them; `isUntouched` says of a slot whether it has always had its owner. */
export const targetElements = (
  server: ServerPlan,
  counted: boolean,
  isUntouched: (slot: number) => boolean,
): readonly (readonly [string, () => readonly SetElement[]])[] => [
  ...targetRings(server, counted).map(({ set, backends }) => {
    const elements = (): readonly SetElement[] => {
      const addressById = new Map(backends.map(({ id, address }) => [id, address]));
      return [...ownersOf(server).entries()].flatMap(([slot, owner]) => {
        const address = owner === NO_BACKEND || !isUntouched(slot) ? undefined : addressById.get(owner);
        return address === undefined ? [] : [slotTo(slot, address)];
      });
    };
    return [set, elements] as const;
  }),
  [serverNames(server.name, 0).numbers, () => numbers(server)],
];

const slotTo = (slot: number, address: IpAddress): SetElement => ({
  key: { type: "number", value: slot },
  data: { type: "endpoint", address },
});

/** Two backends at one address are one machine: either number leads there. */
const numbers = ({ backends }: ServerPlan): readonly SetElement[] => {
  const idByAddress = new Map(backends.map(({ address, id }) => [address, id]));
  return [...idByAddress].map(([address, value]) => ({
    key: { type: "address", address },
    data: { type: "number", value },
  }));
};

/** Rules that send a packet to the target of its slot; the packet goes on to the next rule where there is none. */
export const targetRules = (server: ServerPlan, slot: string, counted: boolean): readonly string[] =>
  targetRings(server, counted).map(
    ({ set, device }) =>
      `fwd ${isIpv4(server.address) ? "ip" : "ip6"} to ${slot} map @${set} device "${device}"`,
  );

/** In the first of several fragments, and in no other packet. */
export const MORE_FRAGMENTS = { 4: "@nh,48,16 & 0x2000 != 0", 6: "frag more-fragments 1" } as const;

/**
 * The first fragment of a datagram goes where its slot says, but is noted on the way, for which its backend must be known by number.
 * nft gives nothing to a further lookup but what is in the packet, so the target stands there for two rules.
 */
export const firstFragmentChain = (
  server: ServerPlan,
  { slot, counted, forward }: { readonly slot: string; readonly counted: boolean; readonly forward: string },
): ChainDeclaration => {
  const { firstChain, movedChain, numbers: map } = serverNames(server.name, server.slots.length);
  const place = destination(server);
  return {
    name: firstChain,
    comment: "the first fragment is noted, so that later ones follow it",
    rules: [
      ...targetRings(server, counted).map(({ set }) => `${place} set ${slot} map @${set}`),
      "meta mark set 0",
      `meta mark set ${place} map @${map}`,
      `${place} set ${server.address}`,
      forward,
      `goto ${movedChain}`,
    ],
  };
};
