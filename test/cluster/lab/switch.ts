/** The switch of the LAN: what it has learnt, how soon it forgets, and what it keeps from others. */
import type { Lab } from "#lab/index";

/** The host behind whose port a MAC was last heard, by MAC. */
export type ForwardingTable = ReadonlyMap<string, string>;

type Entry = { readonly mac: string; readonly ifname: string; readonly state?: string };

/** The switch's forwarding table, without the ports' own entries. */
export const forwardingTable = async (lab: Lab): Promise<ForwardingTable> => {
  const text = await lab.host("sw").expect(["bridge", "-j", "fdb", "show", "br", "br0"]);
  const entries: readonly Entry[] = JSON.parse(text);
  const learnt = entries.filter(({ state }) => state !== "permanent");
  return new Map(learnt.map(({ mac, ifname }) => [mac, ifname]));
};

/** The switch forgets a MAC that it has not heard for so long; 300 s at first. */
export const setAgeing = async (lab: Lab, seconds: number): Promise<void> => {
  const centiseconds = String(Math.round(seconds * 100));
  await lab.host("sw").expect(["ip", "link", "set", "br0", "type", "bridge", "ageing_time", centiseconds]);
};

/** Makes the switch forget everything. */
export const flushForwarding = async (lab: Lab): Promise<void> => {
  await lab.host("sw").expect(["ip", "link", "set", "br0", "type", "bridge", "fdb_flush"]);
};

const LAN_ADDRESSES = Array.from({ length: 254 }, (_, index) => `10.2.0.${index + 1}`);

/** nftables 1.0 compares a field with constants only: a packet about oneself is one of these pairs. */
const ABOUT_ONESELF = LAN_ADDRESSES.map((address) => `${address} . ${address}`).join(", ");

/** What is not flooded is learnt all the same, as in access points and fabrics that answer in others' place. */
const SUPPRESSION = `table bridge suppression
delete table bridge suppression
table bridge suppression {
  chain forward {
    type filter hook forward priority -10; policy accept;
    ether type arp arp saddr ip . arp daddr ip { ${ABOUT_ONESELF} } counter drop
    ip6 daddr ff02::1 icmpv6 type nd-neighbor-advert counter drop
  }
}
`;

/** The switch passes on no gratuitous ARP and no unsolicited neighbour advertisement. */
export const suppressAnnouncements = async (lab: Lab): Promise<void> => {
  await lab.host("sw").expect(["nft", "-f", "-"], { input: SUPPRESSION });
};

/** Ends `suppressAnnouncements`; gives how many frames it has swallowed. */
export const passAnnouncements = async (lab: Lab): Promise<number> => {
  const sw = lab.host("sw");
  const text = await sw.expect(["nft", "list", "table", "bridge", "suppression"]);
  await sw.expect(["nft", "delete", "table", "bridge", "suppression"]);
  const counts = [...text.matchAll(/counter packets (\d+)/g)].map(([, packets]) => Number(packets));
  return counts.reduce((sum, each) => sum + each, 0);
};
