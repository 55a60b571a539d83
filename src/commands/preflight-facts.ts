/** What a preflight looks at on this machine, apart from the segment. */
import { existsSync } from "node:fs";
import { familyOf, type IpAddress, type IpFamily } from "#base/address";
import type { Duration } from "#base/time";
import type { ProbeKind } from "#core/health/config";
import { PROTOCOL } from "#core/input-filter/packet";
import type { Ruleset } from "#core/input-filter/ruleset";
import { walk } from "#core/input-filter/walk";
import { isMarkedAsOurs } from "#core/netlink/address";
import { isEnslaved } from "#core/netlink/link";
import type { Bound, CheckFacts, FirewallFacts, LinkFacts, Listener, Wanted } from "#core/preflight/facts";
import { sysctlKey } from "#core/sysctl/key";
import { multicastGroup } from "#core/vrrp/constants";
import { openChecks } from "#drivers/check/linux";
import { tcpPortOwners } from "#drivers/doctor/port-owner";
import type { Link, LinkAddress, Neighbour, NetlinkPort } from "#drivers/netlink/port";
import { listeningAddresses } from "#drivers/preflight/listener";
import { openSysctl } from "#drivers/sysctl/linux";
import { readLinks } from "./doctor-links.ts";

/** What the kernel says of interfaces; nothing where it does not answer. */
export type Network = {
  readonly links: readonly Link[];
  readonly addresses: readonly LinkAddress[];
  readonly neighbours: readonly Neighbour[];
};

/** Reads all of it, or says why not. */
export const readNetwork = (
  netlink: NetlinkPort,
): { readonly ok: true; readonly network: Network } | { readonly ok: false; readonly problem: string } => {
  const [links, addresses, neighbours] = [netlink.links(), netlink.addresses(), netlink.neighbours()];
  for (const answer of [links, addresses])
    if (!answer.ok) return { ok: false, problem: `${answer.error.request}: ${answer.error.code}` };
  return {
    ok: true,
    network: {
      links: links.ok ? links.value : [],
      addresses: addresses.ok ? addresses.value : [],
      neighbours: neighbours.ok ? neighbours.value : [],
    },
  };
};

const isIpv6Disabled = (link: string): boolean => {
  const key = sysctlKey("net", "ipv6", "conf", link, "disable_ipv6");
  const observed = openSysctl().observe([key]);
  return existsSync("/proc/sys/net/ipv6") ? observed.ok && observed.value.get(key) === "1" : true;
};

/** Interfaces as the rules want them. */
export const linkFacts = (netlink: NetlinkPort, { links, addresses }: Network): readonly LinkFacts[] => {
  const read = readLinks({ netlink, sysctl: openSysctl() });
  if (!read.ok) return [];
  return read.links.flatMap(({ name, kind, isUp, speaksArp, settings }): readonly LinkFacts[] => {
    const link = links.find((each) => each.name === name);
    if (link === undefined) return [];
    const master = isEnslaved(link) ? links.find(({ index }) => index === link.master)?.name : undefined;
    return [
      {
        ...{ name, kind, isUp, speaksArp, master, hasCarrier: link.carrier },
        addresses: addresses.filter((each) => each.linkIndex === link.index && !isMarkedAsOurs(each)),
        settings:
          settings === undefined
            ? undefined
            : { arpIgnore: settings.arpIgnore, ipv6Disabled: isIpv6Disabled(name) },
      },
    ];
  });
};

/** Which of the addresses are on this machine. */
export const boundFacts = ({ links, addresses }: Network, wanted: Wanted): readonly Bound[] =>
  addresses
    .filter(({ address }) => wanted.addresses.some((each) => each.address === address))
    .map((each) => ({
      address: each.address,
      link: links.find(({ index }) => index === each.linkIndex)?.name ?? String(each.linkIndex),
      isOurs: isMarkedAsOurs(each),
    }));

const managerOf = ({ chains }: Ruleset): FirewallFacts["manager"] => {
  if (chains.some(({ table }) => table === "firewalld")) return "firewalld";
  return chains.some(({ name }) => name.startsWith("ufw-") || name.startsWith("ufw6-")) ? "ufw" : undefined;
};

/** An address of a machine nobody knows, for a packet that may come from anywhere. */
const ANYBODY: Readonly<Record<IpFamily, IpAddress>> = {
  IPv4: "203.0.113.1" as IpAddress,
  IPv6: "2001:db8::1" as IpAddress,
};

/** What the firewall does to advertisements of the peers, to clients of the API server, and to what is passed on to other hosts. */
export const firewallFacts = (ruleset: Ruleset, wanted: Wanted, own: readonly IpAddress[]): FirewallFacts => {
  const families = [...new Set(wanted.addresses.map(({ address }) => familyOf(address)))];
  const ofFamily = (addresses: readonly IpAddress[], family: IpFamily): readonly IpAddress[] =>
    addresses.filter((address) => familyOf(address) === family);
  const vrrp = families.flatMap((family) => {
    const others = ofFamily(wanted.peers, family).filter((peer) => !own.includes(peer));
    const [first] = ofFamily(own, family);
    const isUnicast = others.length > 0 && first !== undefined;
    return (isUnicast ? others : [ANYBODY[family]]).map((source) => {
      const destination = isUnicast ? first : multicastGroup(family);
      const packet = { family, protocol: PROTOCOL.vrrp, interface: wanted.interface, source, destination };
      return { family, source, answer: walk(ruleset, packet) };
    });
  });
  const api = wanted.addresses.map(({ address }) => {
    const family = familyOf(address);
    const packet = {
      ...{ family, protocol: PROTOCOL.tcp, interface: wanted.interface, port: wanted.port },
      ...{ source: ofFamily(wanted.peers, family)[0] ?? ANYBODY[family], destination: address },
    };
    return { family, answer: walk(ruleset, packet) };
  });
  const through = families.flatMap((family) => {
    const others = wanted.balance ? ofFamily(wanted.peers, family).filter((peer) => !own.includes(peer)) : [];
    return others.map((destination) => {
      const packet = {
        ...{ family, protocol: PROTOCOL.tcp, interface: wanted.interface, port: wanted.port },
        ...{ source: ANYBODY[family], destination, leavesBy: wanted.interface },
      };
      return { family, answer: walk(ruleset, packet) };
    });
  });
  return { vrrp, api, through, manager: managerOf(ruleset) };
};

/** Settings without which the kernel does not forward what arrives at the interface, and that are off. */
export const notForwarding = ({ addresses, interface: link, balance }: Wanted): readonly string[] => {
  const families = new Set(balance ? addresses.map(({ address }) => familyOf(address)) : []);
  const keys = [...families].map((family) =>
    sysctlKey("net", family.toLowerCase(), "conf", link, "forwarding"),
  );
  const observed = openSysctl().observe(keys);
  return observed.ok ? keys.filter((key) => observed.value.get(key) === "0") : [];
};

/** Who waits for connections to the API server's port. */
export const listenerFacts = (port: number): Listener | "free" => {
  const addresses = listeningAddresses(port);
  if (addresses.length === 0) return "free";
  const [owner] = tcpPortOwners(port);
  return { program: owner?.name ?? "another program", words: owner?.words ?? [], addresses };
};

/** How the API server of this machine is to be asked. */
export type Question = {
  readonly probe: ProbeKind;
  readonly address: IpAddress;
  readonly port: number;
  readonly timeout: Duration;
};

const wordsOf = ({ probe, address, port }: Question): string => {
  const host = familyOf(address) === "IPv6" ? `[${address}]` : address;
  return probe.type === "https"
    ? `GET https://${host}:${port}${probe.path}`
    : `a connection to ${host}:${port}`;
};

/** Asks it once, as `steelyard vip` would. */
export const checkFacts = async (question: Question): Promise<CheckFacts> => {
  const { probe, address, port, timeout } = question;
  const outcome = await openChecks().probe({ probe, target: { address, port }, timeout });
  const asked = wordsOf(question);
  return outcome.ok
    ? { ok: true, detail: outcome.note ?? "", asked }
    : { ok: false, detail: outcome.detail === "" ? outcome.reason : outcome.detail, asked };
};
