/** Pools, and the interfaces that could carry their addresses. */
import { familyOf, type IpAddress, isIpv4 } from "#base/address";
import {
  addressBits,
  contains,
  formatInterfaceAddress,
  type InterfaceAddress,
  networkOf,
} from "#base/prefix";
import { addressToNumber, formatBlock, holds, overlap } from "#core/ipam/block";
import type { AddressBlock } from "#core/ipam/pool";
import type { Facts, LinkFacts, LinkSettings, PoolFacts } from "./facts.ts";
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

/** Whether an address is in a network of an interface, so that neighbours there ask for it. */
const isAskedForOn = (link: LinkFacts, address: IpAddress): boolean =>
  networksOn(link).some((network) => contains(network, address));

type Bound = { readonly link: LinkFacts; readonly held: InterfaceAddress };

/** Addresses of pools that the kernel has. */
const boundIn = ({ links = [], pools = [] }: Facts): readonly Bound[] =>
  links.flatMap((link) =>
    link.addresses
      .filter(({ address }) => pools.some((pool) => isInPool(pool, address)))
      .map((held) => ({ link, held })),
  );

/** `arp_ignore` of 1 and 2 has it answer for an interface's own addresses, 8 for none; any other value answers for those of all interfaces. */
const answersForOthers = ({ arpIgnore }: LinkSettings): boolean => ![1, 2, 8].includes(arpIgnore);

/** Interfaces on which somebody may ask for the addresses of Services: where pools are not known, all with a network. */
const askedLinks = (facts: Facts): readonly LinkFacts[] => {
  const { links = [], pools } = facts;
  if (pools !== undefined) return announcingLinks(facts);
  return links.filter((link) => link.isUp && link.name !== "lo" && networksOn(link).length > 0);
};

/** Whether the kernel is known to keep to an interface's own addresses wherever Services may be asked for. */
export const keepsToItself = (facts: Facts): boolean => {
  const links = askedLinks(facts);
  return (
    links.length > 0 && links.every(({ settings }) => settings !== undefined && !answersForOthers(settings))
  );
};

/** What the kernel has on other interfaces, kube-ipvs0 for one, and answers for here: the speaker binds nothing there. */
const elsewhereFindings = (link: LinkFacts, bound: readonly Bound[]): readonly Finding[] => {
  const { name, settings } = link;
  const own = new Set(link.addresses.map(({ address }) => address));
  const elsewhere = bound.find(
    ({ held: { address } }) => isIpv4(address) && !own.has(address) && isAskedForOn(link, address),
  );
  if (elsewhere === undefined || settings === undefined) return [];
  const where = `${elsewhere.held.address} is on ${elsewhere.link.name}`;
  const found: Finding[] = [];
  if (answersForOthers(settings)) {
    found.push({
      ...{ code: "answers-elsewhere", severity: "error", subject: name },
      message: `${where}, and Linux answers ARP for it on ${name} as well (arp_ignore is ${settings.arpIgnore}), whoever holds it.`,
      remedy: `sysctl -w net.ipv4.conf.${name}.arp_ignore=1`,
    });
  }
  if (settings.arpAnnounce < 2) {
    found.push({
      ...{ code: "arp-announce", severity: "warning", subject: name },
      message: `${where}, and may be the sender of ARP requests on ${name} (arp_announce is ${settings.arpAnnounce}), from which neighbours learn the wrong machine.`,
      remedy: `sysctl -w net.ipv4.conf.${name}.arp_announce=2`,
    });
  }
  return found;
};

/** What something other than the speaker has given to the interface itself, as speakers do that bind: no setting keeps Linux from answering. */
const ownFindings = (link: LinkFacts, { bindsAddresses, pools = [] }: Facts): readonly Finding[] => {
  if (bindsAddresses) return [];
  const { name } = link;
  const own = link.addresses.find(
    ({ address, prefixLength }) =>
      prefixLength === addressBits(address) && pools.some((pool) => isInPool(pool, address)),
  );
  if (own === undefined) return [];
  const text = formatInterfaceAddress(own);
  return [
    {
      ...{ code: "pool-address-taken", severity: "error", subject: name },
      message: `${text} is of a pool, and ${name} has it though the speaker binds none, so this node answers for it, whoever holds it.`,
      remedy: `ip address del ${text} dev ${name}, once what put it there has ended (kube-vip, a speaker that bound it)`,
    },
  ];
};

/** The kernel is to answer for what the speaker binds, and was told to answer for nothing. */
const deafFinding = ({ name, settings }: LinkFacts): readonly Finding[] =>
  settings?.arpIgnore !== 8
    ? []
    : [
        {
          ...{ code: "no-arp", severity: "error", subject: name },
          message: `${name} is in the network of a pool, and Linux answers ARP for no address there (arp_ignore is 8), bound ones included.`,
          remedy: `sysctl -w net.ipv4.conf.all.arp_ignore=1 net.ipv4.conf.${name}.arp_ignore=1`,
        },
      ];

/** Addresses of pools that this node's kernel answers for though its speaker may not hold them, or does not although it is to. */
export const boundFindings = (facts: Facts): readonly Finding[] => {
  const bound = boundIn(facts);
  return announcingLinks(facts).flatMap((link) => [
    ...elsewhereFindings(link, bound),
    ...ownFindings(link, facts),
    ...(facts.bindsAddresses ? deafFinding(link) : []),
  ]);
};
