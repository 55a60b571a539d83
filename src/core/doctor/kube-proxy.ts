/** kube-proxy, which binds the addresses of Services in mode `ipvs`. */
import { keepsToItself } from "./addresses.ts";
import type { Facts } from "./facts.ts";
import type { Finding } from "./finding.ts";

/**
 * In mode `ipvs` every node has every address on kube-ipvs0, and by default Linux answers for them on all interfaces. Where the setting
 * that `strictARP` makes is there already, nothing is amiss.
 */
export const kubeProxyFindings = (facts: Facts): readonly Finding[] => {
  const { kubeProxy } = facts;
  if (kubeProxy === undefined) {
    return [
      {
        ...{ code: "kube-proxy-unknown", severity: "warning", subject: "kube-proxy" },
        message:
          "Its mode could not be found out. In mode ipvs without strictARP every node answers for every address.",
        remedy:
          "curl -s http://127.0.0.1:10249/proxyMode; kubectl -n kube-system get configmap kube-proxy -o yaml",
      },
    ];
  }
  if (kubeProxy === "absent" || kubeProxy.mode !== "ipvs" || kubeProxy.strictArp) return [];
  if (keepsToItself(facts)) return [];
  return [
    {
      ...{ code: "strict-arp", severity: "error", subject: "kube-proxy" },
      message:
        "It runs in mode ipvs without strictARP, so every node answers ARP for every Service address, and traffic goes to whichever was heard last.",
      remedy:
        "kubectl -n kube-system get configmap kube-proxy -o yaml | sed 's/strictARP: false/strictARP: true/' | kubectl apply -f - && kubectl -n kube-system rollout restart daemonset kube-proxy (k3s: --kube-proxy-arg=ipvs-strict-arp)",
    },
  ];
};
