/**
 * Whether k3s' ServiceLB is running: it answers for the same Services as we do, with the addresses of nodes.
 *
 * It makes one DaemonSet `svclb-NAME-UID` in kube-system for each Service, whose pods take the Service's ports at every
 * node, and writes the nodes' addresses into the status of the Service. Switched off, it takes both away again; what a
 * killed one leaves is told as well.
 */
import type { IpAddress } from "#base/address";
import { parseServiceAddress } from "#core/ipam/block";
import { type ObjectKey, objectKey } from "#core/kubernetes/meta";
import { fieldsOf, listOf, metaOf, textOf } from "#core/kubernetes/read";
import type { Service } from "#core/service/service";

/** What was found of ServiceLB. */
export type ServiceLb =
  | { readonly state: "absent" }
  | {
      /** `running`: it has DaemonSets. `left-behind`: it has none, and Services still show addresses of nodes. */
      readonly state: "running" | "left-behind";
      /** Names in kube-system. */
      readonly daemonSets: readonly string[];
      /** Services of type LoadBalancer whose status holds addresses of nodes. */
      readonly services: readonly { readonly service: ObjectKey; readonly addresses: readonly IpAddress[] }[];
      /** What is the matter, as a sentence. */
      readonly message: string;
      /** What to do about it, as a sentence. */
      readonly remedy: string;
    };

const NAMESPACE = "kube-system";
const PREFIX = "svclb-";
/** What ServiceLB puts on its DaemonSets; the value says which Service they are for. */
const LABEL = "svccontroller.k3s.cattle.io/svcname";

/** A DaemonSet of ServiceLB's; `undefined` if it is none. */
const daemonSetOf = (object: unknown): string | undefined => {
  const meta = metaOf(object);
  if (meta === undefined || meta.namespace !== NAMESPACE || meta.isDeleting) return undefined;
  return meta.name.startsWith(PREFIX) || Object.hasOwn(meta.labels, LABEL) ? meta.name : undefined;
};

/** Addresses of a node that ServiceLB writes into Services. */
const addressesOfNode = (object: unknown): readonly IpAddress[] =>
  listOf(fieldsOf(fieldsOf(object).status).addresses).flatMap((entry) => {
    const { type, address } = fieldsOf(entry);
    const isListed = type === "InternalIP" || type === "ExternalIP";
    return isListed ? (parseServiceAddress(textOf(address)) ?? []) : [];
  });

const held = (service: Service, nodes: ReadonlySet<IpAddress>): readonly IpAddress[] =>
  service.ingress.flatMap(({ ip }) => {
    const address = ip === undefined ? undefined : parseServiceAddress(ip);
    return address !== undefined && nodes.has(address) ? [address] : [];
  });

const named = (names: readonly string[], noun: string): string => {
  const [first = ""] = names;
  return names.length === 1 ? `${noun} ${first}` : `${names.length} ${noun}s such as ${first}`;
};

const REMEDY =
  "Start every k3s server with --disable=servicelb, or with `disable: [servicelb]` in /etc/rancher/k3s/config.yaml, and restart it: k3s then removes what ServiceLB made.";
const LEFT_REMEDY =
  "If ServiceLB is off, wait: the controller replaces addresses that are in no pool. If a pool holds addresses of nodes, take them out of it.";

/**
 * Looks for ServiceLB in Nodes and DaemonSets as the API server holds them, and in Services. Give the DaemonSets of
 * kube-system at least; without Nodes only DaemonSets are looked at.
 */
export const findServiceLb = ({
  nodes,
  daemonSets,
  services,
}: {
  readonly nodes: readonly unknown[];
  readonly daemonSets: readonly unknown[];
  readonly services: readonly Service[];
}): ServiceLb => {
  const names = daemonSets.flatMap((object) => daemonSetOf(object) ?? []).toSorted();
  const ofNodes = new Set(nodes.flatMap(addressesOfNode));
  const holding = services
    .filter(({ type }) => type === "LoadBalancer")
    .map((service) => ({ service: objectKey(service.meta), addresses: held(service, ofNodes) }))
    .filter(({ addresses }) => addresses.length > 0);
  if (names.length === 0 && holding.length === 0) return { state: "absent" };
  const isRunning = names.length > 0;
  const keys = holding.map(({ service }) => service);
  const shown = `${named(keys, "Service")} ${keys.length === 1 ? "shows" : "show"} addresses of nodes`;
  const running = `ServiceLB of k3s is running, with ${named(names, "DaemonSet")} in kube-system`;
  return {
    state: isRunning ? "running" : "left-behind",
    daemonSets: names,
    services: holding,
    message: isRunning
      ? `${running}${keys.length === 0 ? "" : `; ${shown}`}.`
      : `${shown}, as ServiceLB of k3s writes them.`,
    remedy: isRunning ? REMEDY : LEFT_REMEDY,
  };
};
