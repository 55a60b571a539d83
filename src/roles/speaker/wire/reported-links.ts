/** What the other nodes are told of this node's links. */
import type { InterfaceAddress } from "#base/prefix";
import type { NodeLink, ResponderConfig } from "#core/responder/config";
import { linkFault } from "#core/responder/fitness";
import type { ReportedLink } from "#core/speaker-report/report";

/** Those on which this node can answer; without those that are left out by name. */
export const reportedLinks = (
  nodeLinks: readonly NodeLink[],
  { excludedNames }: Pick<ResponderConfig, "excludedNames">,
): readonly ReportedLink[] =>
  nodeLinks.flatMap((nodeLink): readonly ReportedLink[] => {
    const { name, mac } = nodeLink.link;
    if (mac === undefined || linkFault(nodeLink) !== undefined) return [];
    if (excludedNames.some((pattern) => pattern.test(name))) return [];
    const addresses = nodeLink.addresses.map(
      ({ address, prefixLength }): InterfaceAddress => ({ address, prefixLength }),
    );
    return [{ name, mac, addresses }];
  });
