/**
 * The short way of a packet in mode `dsr` by hash: from its slot straight to the neighbour that owns it, by one lookup that gives
 * the backend's address. No mark, no chain of the backend: on a packet of two thousand nanoseconds that is one in ten.
 *
 * A ring of targets has the slots that never moved and whose owner is behind one interface; backends behind several make
 * several rings. Each slot counts what it sends (`slot-counts.ts`). A packet whose slot is in none of them takes the long way, and so
 * do fragments, which must be noted. All that is there for it stands beside the rings, so that only plans with
 * few slots have both (`traffic.ts`).
 */
import { type IpAddress, isIpv4 } from "#base/address";
import { decidesByHash, NO_BACKEND, type PlannedBackend, type ServerPlan } from "#core/balance/plan-model";
import { ownersOf } from "#core/balance/slots";
import { serverNames } from "./names.ts";
import { familyDigit, type SetDeclaration, type SetElement } from "./ruleset.ts";

/** Whether packets of this server may go the short way. */
export const mayGoShort = (server: ServerPlan): boolean =>
  server.mode === "dsr" && decidesByHash(server) && server.slots.length > 0;

type Ring = { readonly set: string; readonly device: string; readonly backends: readonly PlannedBackend[] };

/** The rings of a server, one for each interface that leads to backends of it. */
export const targetRings = (server: ServerPlan): readonly Ring[] => {
  const devices = new Set(server.backends.flatMap(({ device }) => device ?? []));
  const { targets } = serverNames(server.name, server.slots.length);
  return [...devices].sort().map((device, index) => ({
    set: `${targets}/${index}/${familyDigit(server.address)}`,
    device,
    backends: server.backends.filter((backend) => backend.device === device),
  }));
};

export const targetSets = (server: ServerPlan): readonly SetDeclaration[] =>
  targetRings(server).map(({ set }) => ({
    ...{ name: set, kind: "map", dynamic: false, raw: false },
    statements: [
      `typeof numgen inc mod 2 : ${isIpv4(server.address) ? "ip daddr" : "ip6 daddr"}`,
      `size ${Math.max(server.slots.length, 1)}`,
      "counter",
    ],
  }));

/** What is in them; `isUntouched` says of a slot whether it has always had its owner. */
export const targetElements = (
  server: ServerPlan,
  isUntouched: (slot: number) => boolean,
): readonly (readonly [string, () => readonly SetElement[]])[] =>
  targetRings(server).map(({ set, backends }) => {
    const elements = (): readonly SetElement[] => {
      const addressById = new Map(backends.map(({ id, address }) => [id, address]));
      return [...ownersOf(server).entries()].flatMap(([slot, owner]) => {
        const address = owner === NO_BACKEND || !isUntouched(slot) ? undefined : addressById.get(owner);
        return address === undefined ? [] : [slotTo(slot, address)];
      });
    };
    return [set, elements];
  });

const slotTo = (slot: number, address: IpAddress): SetElement => ({
  key: { type: "number", value: slot },
  data: { type: "endpoint", address },
});

/** Rules that send a packet to the target of its slot; the packet goes on to the next rule where there is none. */
export const targetRules = (server: ServerPlan, slot: string): readonly string[] =>
  targetRings(server).map(
    ({ set, device }) =>
      `fwd ${isIpv4(server.address) ? "ip" : "ip6"} to ${slot} map @${set} device "${device}"`,
  );
