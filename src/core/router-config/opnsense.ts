/** OPNsense: FRR by the plugin os-frr, on FreeBSD. */
import { frrLines } from "./frr-lines.ts";
import { pathsOf, type Router } from "./model.ts";
import { commentOf } from "./names.ts";

/** What every build of FRR takes. */
const MOST_PATHS = 16;

/** The sessions of a firewall as os-frr takes them. */
export const renderOpnsense = (router: Router): string =>
  [
    `! OPNsense ${commentOf(router.name)}, AS ${router.asn}: sessions with the nodes that steelyard runs on.`,
    "! With os-frr from 2026 on: switch on the manual configuration in Routing, General, and add this to",
    "! /usr/local/etc/frr/frr.conf. What stands in the forms no longer counts then.",
    "! Before that, enter it in Routing, BGP: each `prefix-list` line under Prefix Lists, each `route-map` under Route Maps, each",
    "! `neighbor ADDRESS` under Neighbors with the number after `remote-as`, both route-maps, password,",
    "! timers and BFD; the forms know no peer-group over a listen range. Intervals of BFD are under Routing, BFD.",
    "! Several next hops need `sysctl net.route.multipath=1` (System, Settings, Tunables).",
    "! A firewall rule has to let TCP port 179 and, for BFD, UDP ports 3784 and 4784 in from the nodes; traffic that comes back",
    "! through another interface needs `sloppy state`.",
    ...frrLines(router, pathsOf(router, MOST_PATHS)),
    "",
  ].join("\n");
