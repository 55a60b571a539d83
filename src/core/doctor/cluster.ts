/** What the doctor reads of a cluster's objects. */
import { parseBlocks } from "#core/ipam/block";
import type { TextMap } from "#core/kubernetes/meta";
import { fieldsOf, listOf, metaOf, textOf } from "#core/kubernetes/read";
import { matchesAny } from "#core/kubernetes/selector";
import { readConfiguration } from "#core/metallb/read";
import { readNode } from "#core/node/read";
import type { PoolFacts, RoutingFacts } from "./facts.ts";

/** Pools as `IPAddressPool` objects say; what is no address is left out, since admission reports it. */
export const poolsIn = (objects: readonly unknown[]): readonly PoolFacts[] =>
  objects.flatMap((object) => {
    const meta = metaOf(object);
    if (meta === undefined) return [];
    const blocks = listOf(fieldsOf(fieldsOf(object).spec).addresses).flatMap((text) => {
      const read = parseBlocks(textOf(text));
      return read.ok ? read.blocks : [];
    });
    return [{ name: meta.name, blocks }];
  });

/** Who announces what, from raw resources and nodes; `undefined` where the resources are no valid configuration. */
export const routingIn = (
  objects: readonly unknown[],
  nodes: readonly unknown[] | undefined,
): RoutingFacts | undefined => {
  const read = readConfiguration({ objects, namespaces: new Map() });
  if (!read.ok) return undefined;
  const { l2Advertisements, bgpAdvertisements, peers } = read.configuration;
  const pools = (list: readonly { readonly pools: ReadonlySet<string> }[]): ReadonlySet<string> =>
    new Set(list.flatMap((each) => [...each.pools]));
  const labels = nodes?.map((node): TextMap => readNode(node)?.labels ?? {});
  return {
    layer2Pools: pools(l2Advertisements),
    bgpPools: pools(bgpAdvertisements),
    idlePeers:
      labels === undefined
        ? []
        : peers
            .filter(({ nodeSelectors }) => nodeSelectors.length > 0)
            .filter(({ nodeSelectors }) => !labels.some((each) => matchesAny(nodeSelectors, each)))
            .map(({ name }) => name),
  };
};

/** Whether kube-proxy's ConfigMap, as kubeadm writes it, has `strictARP`. */
export const strictArpIn = (configMap: unknown): boolean =>
  /^\s*strictARP:\s*true\s*$/m.test(textOf(fieldsOf(fieldsOf(configMap).data)["config.conf"]));

/** The mode in that ConfigMap; empty means `iptables`, as kube-proxy takes it. `undefined` if it says nothing. */
export const proxyModeIn = (configMap: unknown): "iptables" | "ipvs" | "nftables" | undefined => {
  const text = textOf(fieldsOf(fieldsOf(configMap).data)["config.conf"]);
  const mode = /^mode:\s*"?([a-z]*)"?\s*$/m.exec(text)?.[1];
  if (mode === "") return "iptables";
  return mode === "iptables" || mode === "ipvs" || mode === "nftables" ? mode : undefined;
};
