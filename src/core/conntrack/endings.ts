/** Whose tracked flows are to be ended after a plan has come into force. */

import type { ForwardingPlan, PlannedBackend, ServerPlan } from "#core/balance/plan-model";
import { type PortRange, particularity, portsOverlap } from "#core/balance/ports";
import type { FlowSelector, FlowTarget } from "./selector.ts";

/** Flows of one virtual server whose backends can take nothing any more. */
export type Ending = {
  readonly server: string;
  readonly selector: FlowSelector;
  readonly backends: readonly { readonly name: string; readonly target: FlowTarget }[];
};

const PARTICULARITIES = ["one", "some", "all"] as const;

/** The ports of a server that more particular ones of its address have. */
const exceptionsOf = (
  { address, protocol, ports }: ServerPlan,
  plan: ForwardingPlan,
): readonly PortRange[] => {
  const rank = PARTICULARITIES.indexOf(particularity(ports));
  if (rank === 0) return [];
  return plan.servers
    .filter(
      (other) =>
        other.address === address &&
        other.protocol === protocol &&
        portsOverlap(other.ports, ports) &&
        PARTICULARITIES.indexOf(particularity(other.ports)) < rank,
    )
    .map((other) => other.ports);
};

/** The flows that clients opened to a virtual server of this plan. */
export const selectorOf = (server: ServerPlan, plan: ForwardingPlan): FlowSelector => {
  const except = exceptionsOf(server, plan);
  return {
    address: server.address,
    protocol: server.protocol,
    firstPort: server.ports.first,
    lastPort: server.ports.last,
    ...(except.length === 0 ? {} : { except }),
  };
};

/** Who answers the flows of a backend. */
export const targetOf = ({ address, port }: PlannedBackend): FlowTarget => ({ address, port });

const isGone = ({ availability }: PlannedBackend): boolean => availability === "unavailable";

/** Whether connection tracking remembers where this server's flows go: all modes but `dsr`, which keeps its own records. */
export const isTracked = ({ mode }: Pick<ServerPlan, "mode">): boolean => mode !== "dsr";

/**
 * The flows to end once `now` runs where `before` ran: those of backends that have become unavailable. Without them a
 * client would talk to a dead backend until it gives up; a UDP client perhaps for ever. `before` undefined: this
 * program has applied nothing yet, and may have been killed before it ended flows, so every unavailable one counts.
 */
export const flowsToEnd = (before: ForwardingPlan | undefined, now: ForwardingPlan): readonly Ending[] => {
  const serverByName = new Map(before?.servers.map((server) => [server.name, server]));
  return now.servers.flatMap((server) => {
    const old = serverByName.get(server.name);
    if (old === server || !isTracked(server)) return [];
    const wasGone = new Set(old?.backends.filter(isGone).map(({ name }) => name));
    const gone = server.backends.filter((backend) => isGone(backend) && !wasGone.has(backend.name));
    if (gone.length === 0) return [];
    const backends = gone.map((backend) => ({ name: backend.name, target: targetOf(backend) }));
    return [{ server: server.name, selector: selectorOf(server, now), backends }];
  });
};
