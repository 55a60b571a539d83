/** Which addresses this node is to ask for: of each, one node asks that does not hold it, a candidate if there is another one. */
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
  /** All nodes with a speaker. */
  readonly speakers: readonly string[];
  /** Whether a node has an interface in the network of an address, as it has reported. */
  readonly carries: (node: string, address: IpAddress) => boolean;
};

/** The first TCP port of the first Service at the address that has one. */
const portOf = ({ services }: Placement, { serviceOf }: DutySources): number | undefined => {
  for (const key of services) {
    const port = serviceOf(key)?.ports.find(({ protocol }) => protocol === "TCP");
    if (port !== undefined && port.port > 0) return port.port;
  }
  return undefined;
};

/**
 * Nobody who may hold it asks: those that are recorded, or the first that lives while none of them does. Where no other candidate is
 * left, as with endpoints on one node and `externalTrafficPolicy: Local`, whoever is on the same network can ask as well. Both addresses
 * of a dual-stack Service are asked for by the same node, which can then speak for both.
 */
const isProber = (placement: Placement, sources: DutySources): boolean => {
  const { self, isAlive, holdersOf, speakers, carries } = sources;
  const { address, lead, candidates, services } = placement;
  const lives = (node: string): boolean => node === self || isAlive(node);
  const alive = candidates.filter(lives);
  const recorded = new Set(services.flatMap((service) => holdersOf(service)));
  const held = alive.some((node) => recorded.has(node));
  const isFree = (node: string): boolean => (held ? !recorded.has(node) : node !== alive[0]);
  const prober = proberOf(lead, { nodes: alive.filter(isFree), holder: undefined });
  if (prober !== undefined || alive.length === 0) return prober === self;
  const nodes = speakers.filter((node) => lives(node) && isFree(node) && carries(node, address));
  return proberOf(lead, { nodes, holder: undefined }) === self;
};

/** All that this node is to ask for, in the order of the placements. */
export const dutiesOf = (sources: DutySources): readonly ProbeDuty[] => {
  const duties: ProbeDuty[] = [];
  for (const placement of sources.placements) {
    const { address } = placement;
    // What it is about to hold, or has not let go of yet, it could only ask itself for.
    if ((sources.tenureOf(address) ?? "standby") !== "standby") continue;
    if (isProber(placement, sources)) duties.push({ address, port: portOf(placement, sources) });
  }
  return duties;
};
