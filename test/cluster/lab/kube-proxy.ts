/** The real kube-proxy in a node of the lab, and what it has put into the node's kernel. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { stringify } from "yaml";
import type { LabHostHandle } from "#lab/index";
import { eventually } from "../eventually.ts";
import type { ServerProgram } from "../server-program.ts";
import { POD_CIDRS } from "./plan.ts";
import { openLabServer } from "./program.ts";

/** How it programs the kernel. There is `ipvs` too, for which most kernels without modules have nothing. */
export type ProxyMode = "nftables" | "iptables";

export type KubeProxyOptions = {
  readonly program: string;
  readonly folder: string;
  readonly kubeconfig: string;
  readonly mode: ProxyMode;
  /** Milliseconds between two changes of its rules at least; default: its own, 1,000. */
  readonly minSyncMs?: number | undefined;
};

/** Limits of connection tracking belong to the machine, not to a namespace: kube-proxy must leave them alone. */
const CONNTRACK = { maxPerCore: 0, min: 0, tcpEstablishedTimeout: "0s", tcpCloseWaitTimeout: "0s" };

const renderConfig = (node: string, { kubeconfig, mode, minSyncMs }: KubeProxyOptions): string =>
  stringify({
    apiVersion: "kubeproxy.config.k8s.io/v1alpha1",
    kind: "KubeProxyConfiguration",
    mode,
    hostnameOverride: node,
    clientConnection: { kubeconfig },
    clusterCIDR: POD_CIDRS,
    detectLocalMode: "ClusterCIDR",
    conntrack: CONNTRACK,
    healthzBindAddress: "0.0.0.0:10256",
    metricsBindAddress: "127.0.0.1:10249",
    [mode]: minSyncMs === undefined ? {} : { minSyncPeriod: `${minSyncMs}ms` },
  });

type Family = "IPv4" | "IPv6";

/** What the kernel has of Services, as text; empty while kube-proxy has not put anything there. */
const readRules = async (host: LabHostHandle, mode: ProxyMode, family: Family): Promise<string> => {
  const table = family === "IPv4" ? "ip" : "ip6";
  if (mode === "nftables") {
    const { code, stdout } = await host.run(["nft", "list", "map", table, "kube-proxy", "service-ips"]);
    return code === 0 ? stdout : "";
  }
  const text = await host.expect([`${table}tables-save`, "-t", "nat"]);
  return text.includes("KUBE-SERVICES") ? text : "";
};

/** A piece of those rules that is there if and only if what comes for this address and port goes to a Service. */
const ruleOf = (mode: ProxyMode, address: string, port: number): string =>
  mode === "nftables"
    ? ` ${address} . tcp . ${port} `
    : ` -d ${address}/${address.includes(":") ? 128 : 32} -p tcp `;

/** A kube-proxy, and how to see what it has done. */
export type KubeProxy = ServerProgram & {
  /** Resolves when the kernel sends what comes for this address to a Service, or does not any more. */
  proxied(address: string, wish?: { readonly port?: number; readonly gone?: boolean }): Promise<void>;
};

/** Describes the kube-proxy of a node; it does not run yet. It is ready when the kernel has its rules. */
export const openKubeProxy = (host: LabHostHandle, options: KubeProxyOptions): KubeProxy => {
  const { folder, mode } = options;
  const file = join(folder, `kube-proxy-${host.name}.yaml`);
  writeFileSync(file, renderConfig(host.name, options));
  const server = openLabServer(host, {
    name: `kube-proxy of ${host.name}`,
    command: [options.program, `--config=${file}`, "--v=1"],
    log: join(folder, `kube-proxy-${host.name}.log`),
    isReady: async () => (await readRules(host, mode, "IPv4")) !== "",
    readyWithinMs: 20_000,
  });
  return {
    ...server,
    proxied: async (address, { port = 80, gone = false } = {}) => {
      const family = address.includes(":") ? "IPv6" : "IPv4";
      const what = `${host.name} ${gone ? "forgets" : "knows"} ${address}`;
      await eventually(what, 15_000, async () => {
        const rules = await readRules(host, mode, family);
        return rules.includes(ruleOf(mode, address, port)) === gone ? undefined : true;
      });
    },
  };
};
