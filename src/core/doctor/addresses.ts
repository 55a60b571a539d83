/** Pools, and the interfaces that could carry their addresses. */
import { familyOf, type IpAddress, isIpv4 } from "#base/address";
import { addressBits, formatInterfaceAddress, type InterfaceAddress, networkOf } from "#base/prefix";
import { addressToNumber, formatBlock, holds, overlap } from "#core/ipam/block";
import type { AddressBlock } from "#core/ipam/pool";
import type { Facts, LinkFacts, PoolFacts } from "./facts.ts";
import type { Finding } from "./finding.ts";

/** Whether an address lies in a pool. */
const isInPool = ({ blocks }: PoolFacts, address: IpAddress): boolean =>
  blocks.some((block) => block.family === familyOf(address) && holds(block, addressToNumber(address)));

/** Whether a network and a block have an address in common. */
const meets = (network: InterfaceAddress, block: AddressBlock): boolean => {
  const { address, prefixLength } = networkOf(network);
  const family = familyOf(address);
  const first = addressToNumber(address);
  const last = first + (1n << BigInt(addressBits(address) - prefixLength)) - 1n;
  return overlap({ family, first, last }, block);
};

/** The networks of an interface. An address by itself is none: a Service's, which a speaker has bound, makes no pool fit. */
const networksOn = ({ addresses }: LinkFacts): readonly InterfaceAddress[] =>
  addresses.filter(({ address, prefixLength }) => prefixLength < addressBits(address));

/** Whether an interface is in a network that a pool's addresses are in, so that ARP for them can arrive there. */
const carries = (link: LinkFacts, { blocks }: PoolFacts): boolean =>
  networksOn(link).some((network) => blocks.some((block) => meets(network, block)));

/** Interfaces that Services are announced on: up, and in the network of a pool. */
export const announcingLinks = ({ links = [], pools = [] }: Facts): readonly LinkFacts[] =>
  links.filter((link) => link.isUp && pools.some((pool) => carries(link, pool)));

const networksOf = (links: readonly LinkFacts[]): string => {
  const networks = links
    .filter(({ isUp, name }) => isUp && name !== "lo")
    .flatMap((link) => networksOn(link).map((network) => formatInterfaceAddress(networkOf(network))));
  return [...new Set(networks)].join(", ") || "none";
};

/** Whether nobody need ask for a pool's addresses on a link: routers are told where they are. */
const isRouted = ({ routing }: Facts, { name }: PoolFacts): boolean =>
  routing?.bgpPools.has(name) === true && !routing.layer2Pools.has(name);

/** Pools with addresses that no network of this node has. */
export const poolFindings = (facts: Facts): readonly Finding[] => {
  const { node, links, pools } = facts;
  if (links === undefined || pools === undefined) return [];
  return pools
    .filter((pool) => !isRouted(facts, pool))
    .flatMap((pool): readonly Finding[] => {
      const outside = pool.blocks.find(
        (block) =>
          !links.some((link) => link.isUp && networksOn(link).some((network) => meets(network, block))),
      );
      if (outside === undefined) return [];
      return [
        {
          ...{ code: "pool-outside", severity: "warning", subject: pool.name },
          message: `${formatBlock(outside)} is in no network of ${node} (${networksOf(links)}), so nobody on its links asks for these addresses there.`,
          remedy:
            "Take addresses of the nodes' network, route them to the nodes, or announce the pool by BGP; where only some nodes have the network, name them in the L2Advertisement's nodeSelectors.",
        },
      ];
    });
};

/** Addresses of pools that this node's kernel has, and answers for on interfaces that do not have them. */
export const boundFindings = (facts: Facts): readonly Finding[] => {
  const { links = [], pools = [], bindsAddresses } = facts;
  if (bindsAddresses) return [];
  const bound = links.flatMap((link) =>
    link.addresses
      .filter(({ address }) => pools.some((pool) => isInPool(pool, address)))
      .map(({ address }) => ({ link, address })),
  );
  return announcingLinks(facts).flatMap((link): readonly Finding[] => {
    const elsewhere = bound.find((each) => each.link.name !== link.name && isIpv4(each.address));
    if (elsewhere === undefined || link.settings === undefined) return [];
    const { name } = link;
    const where = `${elsewhere.address} is on ${elsewhere.link.name}`;
    const found: Finding[] = [];
    if (link.settings.arpIgnore === 0) {
      found.push({
        ...{ code: "answers-elsewhere", severity: "error", subject: name },
        message: `${where}, and Linux answers ARP for it on ${name} as well (arp_ignore is 0), whoever holds it.`,
        remedy: `sysctl -w net.ipv4.conf.${name}.arp_ignore=1`,
      });
    }
    if (link.settings.arpAnnounce < 2) {
      found.push({
        ...{ code: "arp-announce", severity: "warning", subject: name },
        message: `${where}, and may be the sender of ARP requests on ${name} (arp_announce is ${link.settings.arpAnnounce}), from which neighbours learn the wrong machine.`,
        remedy: `sysctl -w net.ipv4.conf.${name}.arp_announce=2`,
      });
    }
    return found;
  });
};
