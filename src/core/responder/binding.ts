/** Where to bind an address that the kernel is to answer for. */
import { addressBytes, type IpAddress } from "#base/address";
import { addressBits, type InterfaceAddress } from "#base/prefix";
import type { AllowedInterfaces, NodeLink } from "./config.ts";
import { fittingLinks, lostNetworks, prefixAround, type UsableLink, usableLink } from "./fitness.ts";

/** An address on a link. */
export type Binding = { readonly linkIndex: number; readonly address: InterfaceAddress };

const compareFor =
  (bytes: Uint8Array) =>
  (one: UsableLink, other: UsableLink): number =>
    (prefixAround(other, bytes) ?? -1) - (prefixAround(one, bytes) ?? -1) || one.index - other.index;

/**
 * The link to bind an address to: of the fitting ones that with the longest prefix around it, then the oldest;
 * `undefined` if none fits. The kernel answers for it on every link, whichever it is bound to, unless arp_ignore says otherwise.
 *
 * Bound with its full length: it brings no route, and does not go when the interface's own address does
 * (promote_secondaries).
 */
export const bindingFor = (
  { address, interfaces }: { readonly address: IpAddress; readonly interfaces: AllowedInterfaces },
  links: readonly NodeLink[],
  excludedNames: readonly RegExp[],
): Binding | undefined => {
  const usable = links.flatMap((link) => usableLink(link, excludedNames) ?? []);
  const bytes = addressBytes(address);
  const lost = lostNetworks(links, excludedNames);
  const [best] = fittingLinks({ links: usable, lost }, bytes, interfaces).toSorted(compareFor(bytes));
  return best === undefined
    ? undefined
    : { linkIndex: best.index, address: { address, prefixLength: addressBits(address) } };
};
