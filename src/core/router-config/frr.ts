/** FRR, on a router that runs Linux. */
import { frrLines } from "./frr-lines.ts";
import { pathsOf, type Router } from "./model.ts";
import { commentOf } from "./names.ts";

/** What Debian's and FRR's own packages are built for. */
const MOST_PATHS = 256;

/** The sessions of a router in the words of `vtysh`. */
export const renderFrr = (router: Router): string =>
  [
    `! FRR ${commentOf(router.name)}, AS ${router.asn}: sessions with the nodes that steelyard runs on.`,
    "! Paste it into `vtysh` after `configure terminal`, then `write memory`; or add it to /etc/frr/frr.conf and",
    "! run `systemctl reload frr`. BFD needs bfdd=yes in /etc/frr/daemons.",
    "! So that connections spread over the nodes, and not only addresses:",
    "!   sysctl -w net.ipv4.fib_multipath_hash_policy=1 net.ipv6.fib_multipath_hash_policy=1",
    "! Linux hashes anew when a node comes or goes: some open connections move to other nodes then.",
    ...frrLines(router, pathsOf(router, MOST_PATHS)),
    "",
  ].join("\n");
