/** Which node asks for an address. */
import type { IpAddress } from "#base/address";
import { hashName } from "#core/balance/name-hash";

const SEED = 0x70_72_6f_62;

/**
 * The node that probes an address: one of those that may, never the holder; `undefined` when there is no other.
 *
 * Every node computes the same one. Highest random weight: when a node goes, only its own addresses get another prober.
 */
export const proberOf = (
  address: IpAddress,
  { nodes, holder }: { readonly nodes: Iterable<string>; readonly holder: string | undefined },
): string | undefined => {
  let best: { readonly node: string; readonly weight: number } | undefined;
  for (const node of nodes) {
    if (node === holder) continue;
    const weight = hashName(`${node}#${address}`, SEED);
    const wins = best === undefined || weight > best.weight || (weight === best.weight && node < best.node);
    if (wins) best = { node, weight };
  }
  return best?.node;
};
