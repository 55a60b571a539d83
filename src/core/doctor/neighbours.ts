/** Other programs, and other speakers. */
import type { Facts } from "./facts.ts";
import type { Finding } from "./finding.ts";

const BFD_PORT = 3784;

/** Programs that want the same Services. */
export const balancerFindings = ({ otherBalancers = [] }: Facts): readonly Finding[] =>
  otherBalancers.map(({ name, seen, remedy }) => ({
    ...{ code: "other-balancer", severity: "error", subject: name },
    message: `${name} is here (${seen}) and serves Services of type LoadBalancer as well: two programs give and announce addresses against each other.`,
    remedy,
  }));

/** What keeps speakers from watching each other. */
export const bfdFindings = ({ node, bfdPortTakenBy, neverHeard = [] }: Facts): readonly Finding[] => [
  ...(bfdPortTakenBy === undefined
    ? []
    : [
        {
          ...({ code: "bfd-port-taken", severity: "error", subject: node } as const),
          message: `UDP port ${BFD_PORT} is ${bfdPortTakenBy}'s as well, or alone: what nodes say to each other comes to that program, and they take each other for dead.`,
          remedy: `ss -ulpn sport = :${BFD_PORT}`,
        },
      ]),
  ...neverHeard.map(
    ({ node: peer, address }): Finding => ({
      ...{ code: "bfd-never-heard", severity: "error", subject: peer },
      message: `${peer} is ready and its speaker runs, but ${node} has never heard it on UDP port ${BFD_PORT}: a firewall between them takes away fast failover.`,
      remedy: `Allow UDP port ${BFD_PORT} between the nodes, with TTL 255, for example on ${node}: nft insert rule inet filter input ip saddr ${address} udp dport ${BFD_PORT} accept`,
    }),
  ),
];
