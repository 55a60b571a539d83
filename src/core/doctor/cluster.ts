/** What the doctor reads of a cluster's objects. */
import { parseBlocks } from "#core/ipam/block";
import { fieldsOf, listOf, metaOf, textOf } from "#core/kubernetes/read";
import type { PoolFacts } from "./facts.ts";

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
