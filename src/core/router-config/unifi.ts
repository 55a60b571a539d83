/** UniFi gateways: FRR inside, told by a file that is uploaded. */
import { frrLines } from "./frr-lines.ts";
import type { Router } from "./model.ts";
import { commentOf } from "./names.ts";

/** The sessions of a gateway as the file that UniFi Network takes. */
export const renderUnifi = (router: Router): string =>
  [
    `! UniFi ${commentOf(router.name)}, AS ${router.asn}: sessions with the nodes that steelyard runs on.`,
    "! Save it as a file and upload it in UniFi Network (9 and later): Settings, Routing, BGP. It replaces the file that is",
    "! there: put both together where there is one.",
    "! One path only: the kernels of several gateways (USG, UDM-Pro) have no multipath routing, and a route with several next",
    "! hops is then rejected as a whole, so that nothing arrives (metallb#926, metallb#1139). One node gets the traffic of an",
    "! address, another one takes over when it goes. If `zgrep CONFIG_IP_ROUTE_MULTIPATH /proc/config.gz` on the gateway says",
    "! =y, write 16 instead of 1.",
    ...(router.sessions.some(({ bfd }) => bfd !== undefined)
      ? [
          "! BFD needs bfdd, which not every version starts: without it `show bfd peers` is unknown, and sessions stay down. Then",
          "! remove bfdProfile from the BGPPeer, and the lines with bfd here.",
        ]
      : []),
    ...frrLines(router, 1),
    "",
  ].join("\n");
