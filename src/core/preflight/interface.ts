/** The interface that is to carry the addresses. */
import { familyOf, type IpFamily, isLinkLocal } from "#base/address";
import { contains, formatInterfaceAddress, networkOf } from "#base/prefix";
import type { Facts, LinkFacts } from "./facts.ts";
import type { Finding } from "./finding.ts";

/** The interface that is meant; `undefined` where there is none, or none could be read. */
const wantedLink = ({ wanted, links }: Facts): LinkFacts | undefined =>
  links?.find(({ name }) => name === wanted.interface);

const isOutward = ({ name, addresses }: LinkFacts): boolean => name !== "lo" && addresses.length > 0;

const missing = (name: string, links: readonly LinkFacts[]): Finding => {
  const others = links.filter(isOutward).map((link) => link.name);
  return {
    ...{ code: "interface-missing", severity: "error", subject: name },
    message: `There is no interface ${name} here${others.length === 0 ? "" : `; with addresses there are ${others.join(", ")}`}.`,
    remedy:
      others.length === 1
        ? `--interface ${others[0]}`
        : "Name the one that has this host's address: ip -br address",
  };
};

const stateFindings = (link: LinkFacts): readonly Finding[] => {
  const { name, isUp, hasCarrier, master, speaksArp, kind } = link;
  const found: Finding[] = [];
  const add = (
    code: Finding["code"],
    severity: Finding["severity"],
    message: string,
    remedy: string,
  ): void => {
    found.push({ code, severity, subject: name, message, remedy });
  };
  if (!isUp)
    add(
      "interface-down",
      "error",
      `${name} is down, so nothing can be announced on it.`,
      `ip link set dev ${name} up`,
    );
  else if (!hasCarrier)
    add(
      "interface-no-carrier",
      "error",
      `${name} is up and has no carrier: the cable, the switch port or the other side.`,
      `ip -details link show dev ${name}`,
    );
  if (master !== undefined)
    add(
      "interface-enslaved",
      "error",
      `${name} belongs to ${master}, which has its packets.`,
      `--interface ${master}`,
    );
  if (!speaksArp)
    add(
      "interface-no-arp",
      "error",
      `ARP is switched off on ${name}, so nobody can resolve the address there.`,
      `ip link set dev ${name} arp on`,
    );
  if (kind === "wireless")
    add(
      "interface-wireless",
      "warning",
      `${name} is a radio: access points send multicast late or not at all, so takeovers may not be noticed.`,
      "Use an interface with a cable.",
    );
  return found;
};

const outsideFindings = ({ wanted }: Facts, link: LinkFacts): readonly Finding[] =>
  wanted.addresses
    .filter(({ address }) => !link.addresses.some((network) => contains(network, address)))
    .map(({ address }): Finding => {
      const networks = link.addresses
        .filter((network) => familyOf(network.address) === familyOf(address))
        .map((network) => formatInterfaceAddress(networkOf(network)));
      return {
        ...{ code: "address-outside", severity: "warning", subject: address },
        message: `${address} is in no network of ${link.name} (${networks.join(", ") || `it has no ${familyOf(address)} address`}), so nobody on its link asks for it there.`,
        remedy: `Take a free address of that network, or the interface that is in the address's: ip -br address`,
      };
    });

const settingFindings = ({ wanted }: Facts, { name, settings }: LinkFacts): readonly Finding[] => {
  if (settings === undefined) return [];
  const families = new Set(wanted.addresses.map(({ address }) => familyOf(address)));
  const found: Finding[] = [];
  if (families.has("IPv6") && settings.ipv6Disabled) {
    found.push({
      ...{ code: "ipv6-disabled", severity: "error", subject: name },
      message: `IPv6 is switched off on ${name}, and an IPv6 address is to be held there.`,
      remedy: `sysctl -w net.ipv6.conf.${name}.disable_ipv6=0`,
    });
  }
  // Of the other values 1 to 3 answer for an address of this interface, and 4 to 7 as 0 does.
  if (families.has("IPv4") && settings.arpIgnore === 8) {
    found.push({
      ...{ code: "arp-ignored", severity: "error", subject: name },
      message: `This machine answers no ARP for addresses such as this one on ${name} (arp_ignore is ${settings.arpIgnore}).`,
      remedy: `sysctl -w net.ipv4.conf.all.arp_ignore=1 net.ipv4.conf.${name}.arp_ignore=1`,
    });
  }
  return found;
};

/** So many bits of a network are the same where ends of addresses, by which hosts are told apart that list no peers, are all different. */
const DISTINCT_PREFIX: Readonly<Record<IpFamily, number>> = { IPv4: 24, IPv6: 120 };

const priorityFindings = ({ wanted }: Facts, link: LinkFacts): readonly Finding[] => {
  if (wanted.peers.length > 0 || wanted.priority !== undefined) return [];
  const families = new Set(wanted.addresses.map(({ address }) => familyOf(address)));
  // The first family decides for both.
  const family = families.has("IPv4") ? "IPv4" : "IPv6";
  const network = link.addresses.find(({ address }) => familyOf(address) === family && !isLinkLocal(address));
  if (network === undefined || network.prefixLength >= DISTINCT_PREFIX[family]) return [];
  return [
    {
      ...{ code: "peers-unlisted", severity: "warning", subject: link.name },
      message: `Without --peers each host has its priority from the end of its address, and in ${formatInterfaceAddress(networkOf(network))} two may have the same: both would take the address at once, and one give it back.`,
      remedy: "List all control-plane hosts on each of them: --peers ADDRESS,ADDRESS,ADDRESS",
    },
  ];
};

/** What is the matter with the interface. */
export const interfaceFindings = (facts: Facts): readonly Finding[] => {
  const { links, wanted } = facts;
  if (links === undefined) return [];
  const link = wantedLink(facts);
  if (link === undefined) return [missing(wanted.interface, links)];
  return [
    ...stateFindings(link),
    ...outsideFindings(facts, link),
    ...settingFindings(facts, link),
    ...priorityFindings(facts, link),
  ];
};
