/** From what the Services on an address ask to the candidates for it. */
import { compareAddresses, type IpAddress } from "#base/address";
import type { ObjectKey } from "#core/kubernetes/meta";
import { isMet } from "./demand.ts";
import { type Asking, type Claim, distinct } from "./entry.ts";
import type { Fields } from "./fields.ts";
import type { Orderer } from "./order.ts";

const ALL_MET: readonly Asking[] = [];

/**
 * Services that share an address may begin with different ones, and MetalLB would then answer on several nodes. The smallest
 * counts, IPv4 before IPv6.
 */
const leadOf = (asking: readonly Asking[]): IpAddress | undefined =>
  asking
    .map(({ lead }) => lead)
    .reduce<IpAddress | undefined>(
      (least, one) => (least === undefined || compareAddresses(one, least) < 0 ? one : least),
      undefined,
    );

/**
 * What an address asks for; `undefined` if no Service asks. Takes a set of candidates, which its user gives back. A Service that
 * no node can serve has no say as long as others can be served: MetalLB would not announce it, and them it would.
 */
export const claimOf = (
  asking: readonly Asking[],
  {
    listing,
    before,
    fields,
    orderer,
  }: {
    /** All Services that list the address, by name. */
    readonly listing: readonly ObjectKey[];
    readonly before: Claim | undefined;
    readonly fields: Fields;
    readonly orderer: Orderer;
  },
): Claim | undefined => {
  const met = asking.filter(({ demand }) => isMet(demand));
  const counted = met.length === 0 ? asking : met;
  const lead = leadOf(counted);
  if (lead === undefined) return undefined;
  const demands = distinct(counted.map(({ demand }) => demand));
  const set = fields.candidates(demands);
  return {
    lead,
    services: counted.length === listing.length ? listing : counted.map(({ service }) => service),
    demands,
    unmet:
      met.length === 0 || met.length === asking.length
        ? ALL_MET
        : asking.filter(({ demand }) => !isMet(demand)),
    ranking:
      before === undefined || before.lead !== lead
        ? orderer.rank(set, lead)
        : orderer.rerank(before.ranking, set, lead),
  };
};
