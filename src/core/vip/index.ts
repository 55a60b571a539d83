/**
 * The address of a cluster's API servers: from one `ControlPlaneEndpoint`, the same on every control-plane host, to what the
 * edge runs there.
 *
 * It becomes a virtual router for each family, which a check of this host's own API server takes out when that fails, and, with
 * `balance`, a virtual server over all API servers. Nothing here knows VRRP (`core/vrrp`), checks (`core/health`) or balancing
 * (`core/balance`): there is one of each.
 *
 * Who we are among the hosts is not configured but recognised, from the addresses of this machine, which come in as an argument.
 *
 * Left out: asking the cluster who its hosts are. The address must come up before there is a cluster, and when there is none.
 *
 * Start with `translate.ts`; `ranks.ts` says who is preferred.
 */
export {};
