/** What the program has done, in the words of the plan. */
import type { ForwardingPlan } from "#core/balance/plan-model";
import type { PassReason } from "#core/xdp/layout";
import type { Places } from "#core/xdp/places";
import type { MapSet, Sent } from "./maps.ts";

/** What was sent to a backend of a server. */
export type BackendStatistics = Sent & { readonly server: string; readonly backend: string };

export type XdpStatistics = {
  readonly backends: readonly BackendStatistics[];
  /** Packets for our servers that nftables decided instead, by reason. */
  readonly passed: Readonly<Record<PassReason, number>>;
};

/** Reads what the maps counted for this plan. */
export const readStatistics = (
  plan: ForwardingPlan,
  { byId }: Pick<Places, "byId">,
  maps: MapSet,
): XdpStatistics => {
  const sentTo = maps.sent();
  return {
    backends: plan.servers.flatMap((server) =>
      server.backends.map(({ name, id }) => ({
        server: server.name,
        backend: name,
        ...sentTo(byId.get(id) ?? 0),
      })),
    ),
    passed: maps.passed(),
  };
};
