/** The real kube-proxy in a node of the lab, and what it has put into the node's kernel. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { stringify } from "yaml";
import type { LabHostHandle } from "#lab/index";
import { eventually } from "../eventually.ts";
import { POD_CIDRS } from "./plan.ts";
import { type LabServer, openLabServer } from "./program.ts";

export type KubeProxyOptions = {
  readonly program: string;
  readonly folder: string;
  readonly kubeconfig: string;
  /** Milliseconds between two changes of its rules at least; default: its own, 1,000. */
  readonly minSyncMs?: number | undefined;
};

/** Limits of connection tracking belong to the machine, not to a namespace: kube-proxy must leave them alone. */
const CONNTRACK = { maxPerCore: 0, min: 0, tcpEstablishedTimeout: "0s", tcpCloseWaitTimeout: "0s" };

const renderConfig = (node: string, { kubeconfig, minSyncMs }: KubeProxyOptions): string =>
  stringify({
    apiVersion: "kubeproxy.config.k8s.io/v1alpha1",
    kind: "KubeProxyConfiguration",
    mode: "nftables",
    hostnameOverride: node,
    clientConnection: { kubeconfig },
    clusterCIDR: POD_CIDRS,
    detectLocalMode: "ClusterCIDR",
    conntrack: CONNTRACK,
    healthzBindAddress: "0.0.0.0:10256",
    metricsBindAddress: "127.0.0.1:10249",
    nftables: minSyncMs === undefined ? {} : { minSyncPeriod: `${minSyncMs}ms` },
  });

/** The text of one of its maps; empty while there is none. */
const readMap = async (host: LabHostHandle, family: "ip" | "ip6", map: string): Promise<string> => {
  const { code, stdout } = await host.run(["nft", "list", "map", family, "kube-proxy", map]);
  return code === 0 ? stdout : "";
};

/** Describes the kube-proxy of a node; it does not run yet. It is ready when the kernel has its rules. */
export const openKubeProxy = (host: LabHostHandle, options: KubeProxyOptions): LabServer => {
  const file = join(options.folder, `kube-proxy-${host.name}.yaml`);
  writeFileSync(file, renderConfig(host.name, options));
  return openLabServer(host, {
    name: `kube-proxy of ${host.name}`,
    command: [options.program, `--config=${file}`, "--v=1"],
    log: join(options.folder, `kube-proxy-${host.name}.log`),
    isReady: async () => (await readMap(host, "ip", "service-ips")) !== "",
    readyWithinMs: 20_000,
  });
};

/** Resolves when the kernel of a node sends what comes for this address and port to a Service, or does not any more. */
export const proxied = (
  host: LabHostHandle,
  { address, port = 80, gone = false }: { address: string; port?: number; gone?: boolean },
): Promise<true> =>
  eventually(`${host.name} ${gone ? "forgets" : "knows"} ${address}`, 15_000, async () => {
    const map = await readMap(host, address.includes(":") ? "ip6" : "ip", "service-ips");
    return map.includes(` ${address} . tcp . ${port} `) === gone ? undefined : true;
  });
