/** Asks for connections to an address through a router, to see which nodes it chooses. Each is taken back at once. */
import { randomInt } from "node:crypto";
import { setTimeout as pause } from "node:timers/promises";
import type { IpAddress } from "#base/address";
import type { MacAddress } from "#base/mac";
import { contains } from "#base/prefix";
import type { Spread } from "#core/doctor/spread";
import type { SpreadQuestion } from "#core/doctor/spread-question";
import { decode, encodeReset, encodeSyn, type Flow } from "#core/tcp/segment";
import { readArpTable } from "#drivers/doctor/arp-table";
import type { NetlinkPort } from "#drivers/netlink/port";
import type { PortRange, SegmentPort } from "#drivers/packet/segment-port";

/** Next to those of the speaker's own probes, above what Linux gives to connections of its own. */
const PORTS: PortRange = { low: 61_100, high: 61_131 };
/** Between two of them, and how long the last one is waited for, in milliseconds. */
const SPACING_MS = 15;
const PATIENCE_MS = 1_000;

/** What came of it, or why it could not be tried. */
export type SpreadReading =
  | { readonly ok: true; readonly spread: Spread }
  | { readonly ok: false; readonly problem: string };

type World = { readonly packets: SegmentPort; readonly netlink: NetlinkPort; readonly proc?: string };

/** How the router is reached. */
type Way = {
  readonly link: { readonly index: number; readonly name: string };
  readonly router: MacAddress;
  /** Ours. */
  readonly source: IpAddress;
  /** Who else is on the link. */
  readonly addressByMac: ReadonlyMap<MacAddress, IpAddress>;
};

const wayTo = (router: IpAddress, { netlink, proc }: World): Way | string => {
  const table = readArpTable(proc);
  const entry = table.find(({ address }) => address === router);
  if (entry === undefined) return `the router ${router} is on no network of this machine`;
  const [links, addresses] = [netlink.links(), netlink.addresses()];
  if (!links.ok || !addresses.ok) return "the interfaces cannot be read";
  const link = links.value.find(({ name }) => name === entry.link);
  const own = addresses.value.find((each) => each.linkIndex === link?.index && contains(each, router));
  if (link === undefined || own === undefined)
    return `no address of this machine is on the network of ${router}`;
  const addressByMac = new Map(
    table.filter((each) => each.link === entry.link).map(({ mac, address }) => [mac, address]),
  );
  return { link, router: entry.mac, source: own.address, addressByMac };
};

/** Asks through the router, and gives how often who answered. */
const ask = async (
  { address, port }: SpreadQuestion,
  way: Way,
  packets: SegmentPort,
): Promise<{ readonly asked: number; readonly answered: ReadonlyMap<MacAddress, number> } | string> => {
  const reserved = packets.reservePorts(PORTS);
  if (!reserved.ok) return `${reserved.error.operation}: ${reserved.error.code}`;
  const sequenceByPort = new Map<number, number>();
  const answerByPort = new Map<number, MacAddress>();
  const flowFrom = (sourcePort: number): Flow => ({
    ...{ source: way.source, destination: address, sourcePort, destinationPort: port },
  });
  const opened = packets.openSegments({
    ...{ link: way.link, family: "IPv4", ports: PORTS },
    onPacket: (packet, sender) => {
      const read = decode(packet);
      if (!read.ok) return;
      const { source, sourcePort, destinationPort, acknowledges, kind } = read.value;
      const sequence = sequenceByPort.get(destinationPort);
      if (source !== address || sourcePort !== port || sequence === undefined || kind === "other") return;
      if (acknowledges !== (sequence + 1) >>> 0 || answerByPort.has(destinationPort)) return;
      answerByPort.set(destinationPort, sender);
      if (kind !== "syn-ack") return;
      const payload = encodeReset(flowFrom(destinationPort), sequence);
      if (opened.ok) opened.value.send({ destination: way.router, payload });
    },
    onError: () => {},
  });
  try {
    if (!opened.ok) return `${opened.error.operation}: ${opened.error.code}`;
    const heard = opened.value.listen([address]);
    if (!heard.ok) return `${heard.error.operation}: ${heard.error.code}`;
    for (const sourcePort of reserved.value.ports) {
      const sequence = randomInt(2 ** 32);
      sequenceByPort.set(sourcePort, sequence);
      opened.value.send({ destination: way.router, payload: encodeSyn(flowFrom(sourcePort), sequence) });
      await pause(SPACING_MS);
    }
    await pause(PATIENCE_MS);
    opened.value.drain();
  } finally {
    if (opened.ok) opened.value.close();
    reserved.value.close();
  }
  const answered = new Map<MacAddress, number>();
  for (const sender of answerByPort.values()) answered.set(sender, (answered.get(sender) ?? 0) + 1);
  return { asked: sequenceByPort.size, answered };
};

/** Tries it. */
export const trySpread = async (question: SpreadQuestion, world: World): Promise<SpreadReading> => {
  const refused = (problem: string): SpreadReading => ({
    ok: false,
    problem: `whether the router ${question.router} spreads over nodes: ${problem}`,
  });
  const way = wayTo(question.router, world);
  if (typeof way === "string") return refused(way);
  const outcome = await ask(question, way, world.packets);
  if (typeof outcome === "string") return refused(outcome);
  const { asked, answered } = outcome;
  if (answered.has(way.router)) return refused("answers come through the router, too");
  if (answered.size === 0)
    return refused(
      `nobody answered ${asked} connections to ${question.address}:${question.port}: it sends them all to this node, or a firewall is in the way. Try it on another node`,
    );
  const named = [...answered].map(([mac, count]) => [way.addressByMac.get(mac) ?? mac, count] as const);
  return { ok: true, spread: { question, asked, answered: new Map(named) } };
};
