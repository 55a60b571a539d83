/** Which addresses this node is to ask for: of each, one candidate asks that does not hold it. */
import type { IpAddress } from "#base/address";
import type { ObjectKey } from "#core/kubernetes/meta";
import type { Placement } from "#core/layer2/placement";
import { proberOf } from "#core/reachability/duty";
import type { Service } from "#core/service/service";
import type { Tenure } from "#core/speaker/event";
import type { ProbeDuty } from "../messages.ts";

export type DutySources = {
  readonly self: string;
  readonly placements: Iterable<Placement>;
  /** Whether a node is alive and stays. */
  readonly isAlive: (node: string) => boolean;
  /** Where an address is with this node; `undefined` if it never had to do with it. */
  readonly tenureOf: (address: IpAddress) => Tenure | undefined;
  /** The nodes that are recorded to announce a Service. */
  readonly holdersOf: (service: ObjectKey) => readonly string[];
  readonly serviceOf: (service: ObjectKey) => Service | undefined;
};

/** The first TCP port of the first Service at the address that has one. */
const portOf = ({ services }: Placement, { serviceOf }: DutySources): number | undefined => {
  for (const key of services) {
    const port = serviceOf(key)?.ports.find(({ protocol }) => protocol === "TCP");
    if (port !== undefined && port.port > 0) return port.port;
  }
  return undefined;
};

/** Nobody who may hold it asks: those that are recorded, or the first that lives while none of them does. */
const isProber = (placement: Placement, sources: DutySources): boolean => {
  const { self, isAlive, holdersOf } = sources;
  const alive = placement.candidates.filter((node) => node === self || isAlive(node));
  const recorded = new Set(placement.services.flatMap((service) => holdersOf(service)));
  const holders = alive.filter((node) => recorded.has(node));
  const nodes = alive.filter((node) => !recorded.has(node));
  const holder = holders.length > 0 ? undefined : alive[0];
  return proberOf(placement.address, { nodes, holder }) === self;
};

/** All that this node is to ask for, in the order of the placements. */
export const dutiesOf = (sources: DutySources): readonly ProbeDuty[] => {
  const duties: ProbeDuty[] = [];
  for (const placement of sources.placements) {
    const { address, candidates } = placement;
    if (!candidates.includes(sources.self)) continue;
    // What it is about to hold, or has not let go of yet, it could only ask itself for.
    if ((sources.tenureOf(address) ?? "standby") !== "standby") continue;
    if (isProber(placement, sources)) duties.push({ address, port: portOf(placement, sources) });
  }
  return duties;
};
