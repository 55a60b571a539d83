/** Interfaces that lose what they should carry. */
import { isIpv4 } from "#base/address";
import { announcingLinks } from "./addresses.ts";
import type { Facts, LinkFacts } from "./facts.ts";
import type { Finding } from "./finding.ts";

const radio = ({ name }: LinkFacts): Finding => ({
  ...{ code: "wireless", severity: "warning", subject: name },
  message: `${name} is a radio. Many access points send broadcasts late or not at all and allow one address for each station, so takeovers may not be noticed.`,
  remedy:
    "Announce from nodes with a cable: name them in the L2Advertisement's nodeSelectors, or the interfaces in its interfaces.",
});

const snooping = ({ name }: LinkFacts): Finding => ({
  ...{ code: "multicast-snooping", severity: "warning", subject: name },
  message: `${name} passes multicast only to ports that asked for it, and nothing on it renews that (no querier), so neighbour solicitations for IPv6 addresses get lost after some minutes.`,
  remedy: `ip link set dev ${name} type bridge mcast_querier 1`,
});

const silent = ({ name }: LinkFacts): Finding => ({
  ...{ code: "no-arp", severity: "error", subject: name },
  message: `${name} is in the network of a pool, and ARP is switched off on it, so nobody can resolve the addresses there.`,
  remedy: `ip link set dev ${name} arp on`,
});

const strict = ({ name }: LinkFacts): Finding => ({
  ...{ code: "strict-reverse-path", severity: "warning", subject: name },
  message: `${name} drops packets whose way back leads through another interface (rp_filter is 1), and this node has several, so clients behind a router may get no answer.`,
  remedy: `sysctl -w net.ipv4.conf.${name}.rp_filter=2`,
});

const hasIpv6Pool = ({ pools = [] }: Facts): boolean =>
  pools.some(({ blocks }) => blocks.some(({ family }) => family === "IPv6"));

/** An interface with an address that others can reach. */
const isOutward = ({ name, isUp, addresses }: LinkFacts): boolean =>
  isUp && name !== "lo" && addresses.some(({ address }) => isIpv4(address));

/** What is the matter with interfaces that Services are announced on. */
export const linkFindings = (facts: Facts): readonly Finding[] => {
  const outward = (facts.links ?? []).filter(isOutward).length;
  return announcingLinks(facts).flatMap((link) => [
    ...(link.kind === "wireless" ? [radio(link)] : []),
    ...(link.speaksArp ? [] : [silent(link)]),
    ...(link.settings?.rpFilter === 1 && outward > 1 ? [strict(link)] : []),
    ...(link.snooping?.on === true && !link.snooping.querier && hasIpv6Pool(facts) ? [snooping(link)] : []),
  ]);
};
