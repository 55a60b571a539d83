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

/** The same as the agent's metrics know it; backends that got nothing are left out. */
export const countsOf = ({ backends, passed }: XdpStatistics): Readonly<Record<string, number>> => ({
  ...Object.fromEntries(
    backends
      .filter(({ packets }) => packets > 0)
      .flatMap(({ server, backend, packets, bytes }) => [
        [`xdp-packets ${server} ${backend}`, packets],
        [`xdp-bytes ${server} ${backend}`, bytes],
      ]),
  ),
  ...Object.fromEntries(Object.entries(passed).map(([reason, packets]) => [`xdp-passed ${reason}`, packets])),
});

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
