/** Interfaces of this machine, as the doctor sees them. */
import { existsSync, readFileSync } from "node:fs";
import type { LinkFacts, LinkSettings } from "#core/doctor/facts";
import { sysctlKey } from "#core/sysctl/key";
import type { Link, LinkAddress, NetlinkPort } from "#drivers/netlink/port";
import type { SysctlPort } from "#drivers/sysctl/port";

const IFF_NOARP = 0x80;

const read = (path: string): string | undefined => {
  try {
    return readFileSync(path, "latin1").trim();
  } catch {
    return undefined;
  }
};

const setting = (sysctl: SysctlPort, link: string, name: string): number => {
  // The kernel takes the larger of the two for each of these.
  const keys = ["all", link].map((each) => sysctlKey("net", "ipv4", "conf", each, name));
  const observed = sysctl.observe(keys);
  return Math.max(0, ...(observed.ok ? [...observed.value.values()].map(Number) : []));
};

const settingsOf = (sysctl: SysctlPort, link: string): LinkSettings | undefined => {
  const known = sysctl.observe([sysctlKey("net", "ipv4", "conf", link, "arp_ignore")]);
  if (!known.ok || known.value.size === 0) return undefined;
  return {
    arpIgnore: setting(sysctl, link, "arp_ignore"),
    arpAnnounce: setting(sysctl, link, "arp_announce"),
    rpFilter: setting(sysctl, link, "rp_filter"),
  };
};

const snoopingOf = (folder: string): LinkFacts["snooping"] => {
  const on = read(`${folder}/bridge/multicast_snooping`);
  if (on === undefined) return undefined;
  return { on: on !== "0", querier: read(`${folder}/bridge/multicast_querier`) === "1" };
};

const factsOf = (
  { index, name, kind, up }: Link,
  { sysctl, addresses, net }: { sysctl: SysctlPort; addresses: readonly LinkAddress[]; net: string },
): LinkFacts => {
  const folder = `${net}/${name}`;
  const isRadio = existsSync(`${folder}/wireless`) || existsSync(`${folder}/phy80211`);
  return {
    name,
    kind: isRadio ? "wireless" : kind,
    isUp: up,
    speaksArp: (Number(read(`${folder}/flags`) ?? 0) & IFF_NOARP) === 0,
    addresses: addresses
      .filter((each) => each.linkIndex === index)
      .map(({ address, prefixLength }) => ({ address, prefixLength })),
    settings: settingsOf(sysctl, name),
    snooping: snoopingOf(folder),
  };
};

/** All interfaces of the caller's network namespace, or why they cannot be read. `net` is /sys/class/net but in tests. */
export const readLinks = (
  { netlink, sysctl }: { readonly netlink: NetlinkPort; readonly sysctl: SysctlPort },
  net = "/sys/class/net",
):
  | { readonly ok: true; readonly links: readonly LinkFacts[] }
  | { readonly ok: false; readonly problem: string } => {
  const [links, addresses] = [netlink.links(), netlink.addresses()];
  if (!links.ok) return { ok: false, problem: `${links.error.request}: ${links.error.code}` };
  if (!addresses.ok) return { ok: false, problem: `${addresses.error.request}: ${addresses.error.code}` };
  const around = { sysctl, addresses: addresses.value, net };
  return { ok: true, links: links.value.map((link) => factsOf(link, around)) };
};
