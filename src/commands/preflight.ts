/** `steelyard preflight`: what would keep this host from holding the API server's address, before `steelyard vip` is started. */
import { existsSync } from "node:fs";
import type { IpAddress } from "#base/address";
import type { MacAddress } from "#base/mac";
import { contains, type InterfaceAddress } from "#base/prefix";
import { SERVICE_USER } from "#core/install/names";
import { examine } from "#core/preflight/examine";
import type { Claim, Facts, LinkFacts, Wanted } from "#core/preflight/facts";
import type { Finding } from "#core/preflight/finding";
import { firewallBlind } from "#core/preflight/firewall";
import { segmentNotes } from "#core/preflight/segment";
import { apiServerHealth } from "#core/vip/translate";
import { readMissingCapabilities } from "#drivers/host/linux";
import { openNetlink } from "#drivers/netlink/linux";
import type { Link } from "#drivers/netlink/port";
import { readAuthority } from "#drivers/preflight/access";
import { readClock } from "#drivers/preflight/clock";
import { readFirewall } from "#drivers/preflight/firewall";
import { findPrograms } from "#drivers/preflight/programs";
import { blindLines, findingLines, statusOf } from "./findings.ts";
import {
  boundFacts,
  checkFacts,
  firewallFacts,
  linkFacts,
  listenerFacts,
  type Network,
  notForwarding,
  type Question,
  readNetwork,
} from "./preflight-facts.ts";
import { observeSegment, type SegmentAnswer } from "./preflight-segment.ts";
import { printable } from "./table.ts";
import { type EndpointFlags, findEndpoint } from "./vip-endpoint.ts";

type PreflightOptions = {
  readonly wanted: Wanted;
  readonly question: Question;
  /** How long the segment is listened to, in milliseconds. */
  readonly listen: number;
  /** One JSON object instead of text. */
  readonly json: boolean;
};

const NO_NETWORK: Network = { links: [], addresses: [], neighbours: [] };
const NOT_ASKED: SegmentAnswer = { heard: undefined, claims: undefined, blind: [] };

/** Only what is up can be listened to, and only Ethernet has what is listened for. */
const isUsable = (link: Link | undefined): link is Link & { readonly mac: MacAddress } =>
  link?.up === true && link.carrier && link.mac !== undefined;

const lookAtSegment = async (
  network: Network,
  { wanted, listen }: PreflightOptions,
): Promise<SegmentAnswer> => {
  const link = network.links.find(({ name }) => name === wanted.interface);
  if (!isUsable(link)) {
    const why =
      link === undefined ? "there is no such interface" : "it is down, without a carrier, or no Ethernet";
    return { ...NOT_ASKED, blind: [`the segment of ${wanted.interface}: ${why}`] };
  }
  const own = network.addresses.filter(({ linkIndex }) => linkIndex === link.index);
  const addresses = [...wanted.addresses.map(({ address }) => address), ...peersOnLink(wanted, own)];
  return await observeSegment({ link, own, addresses, listen });
};

/** Other hosts that can be asked for on the link itself. */
const peersOnLink = ({ peers }: Wanted, own: readonly InterfaceAddress[]): readonly IpAddress[] =>
  peers.filter(
    (peer) => !own.some(({ address }) => address === peer) && own.some((network) => contains(network, peer)),
  );

/** What else is known to be at the MAC address of whoever has an address. */
const withOthers = (
  answers: SegmentAnswer["claims"],
  { addresses }: Wanted,
  known: Network,
): Facts["claims"] => {
  const all = [...(answers ?? []), ...known.neighbours];
  return answers
    ?.filter(({ address }) => addresses.some((each) => each.address === address))
    .map((claim): Claim => {
      const others = all.filter(({ mac, address }) => mac === claim.mac && address !== claim.address);
      return { ...claim, others: [...new Set(others.map(({ address }) => address))] };
    });
};

/** Peers that were asked for and did not answer. */
const silentPeers = (
  answers: SegmentAnswer["claims"],
  { wanted, links }: Pick<Facts, "wanted" | "links">,
) => {
  const link = links?.find(({ name }) => name === wanted.interface);
  if (answers === undefined || link === undefined) return undefined;
  return peersOnLink(wanted, link.addresses).filter(
    (peer) => !answers.some(({ address }) => address === peer),
  );
};

type Looked = { readonly facts: Facts; readonly blind: readonly string[] };

const look = async (options: PreflightOptions): Promise<Looked> => {
  const { wanted, question } = options;
  const netlink = openNetlink();
  const read = netlink.ok ? readNetwork(netlink.value) : { ok: false as const, problem: netlink.error.code };
  const network = read.ok ? read.network : NO_NETWORK;
  const links = netlink.ok && read.ok ? linkFacts(netlink.value, network) : undefined;
  const listener = listenerFacts(wanted.port);
  const [segment, firewall, clock, check] = await Promise.all([
    lookAtSegment(network, options),
    readFirewall(),
    readClock(),
    listener === "free" ? undefined : checkFacts(question),
  ]);
  const own = ownAddresses(links, wanted);
  const facts: Facts = {
    ...{ wanted, links, listener, clock, check },
    bound: read.ok ? boundFacts(network, wanted) : undefined,
    heard: segment.heard,
    claims: withOthers(segment.claims, wanted, network),
    silentPeers: silentPeers(segment.claims, { wanted, links }),
    firewall: firewall.type === "rules" ? firewallFacts(firewall.ruleset, wanted, own) : undefined,
    programs: findPrograms(),
    ca: wanted.caFile === undefined ? undefined : readAuthority(wanted.caFile, SERVICE_USER),
    notForwarding: notForwarding(wanted),
    hasNft: firewall.type !== "no-nft",
    missingCapabilities: readMissingCapabilities(["CAP_NET_ADMIN", "CAP_NET_RAW"]),
  };
  if (netlink.ok) netlink.value.close();
  const blind = [
    ...(read.ok ? [] : [`interfaces: ${read.problem}`]),
    ...segment.blind,
    ...(firewall.type === "unread" ? [`the firewall: ${firewall.problem}`] : []),
    ...(firewall.type === "no-nft" && existsSync("/proc/net/ip_tables_names")
      ? ["the firewall: there is no nft to print its rules"]
      : []),
    ...firewallBlind(facts),
    ...(clock === undefined ? ["the clock: neither timedatectl nor chronyc answers"] : []),
  ];
  return { facts, blind };
};

const ownAddresses = (links: readonly LinkFacts[] | undefined, { interface: name }: Wanted) =>
  (links?.find((link) => link.name === name)?.addresses ?? []).map(({ address }) => address);

/** What is well, and worth knowing. */
const notesOf = ({ wanted, links, listener, check, ...facts }: Facts): readonly string[] => {
  const own = ownAddresses(links, wanted);
  const among = own.find((address) => wanted.peers.includes(address));
  const hosts = wanted.peers.length;
  return [
    ...(hosts === 0
      ? ["no peers are listed: the hosts will find each other by multicast"]
      : [
          among === undefined
            ? `this host (${own.join(", ") || "without an address"}) is not among the peers: the others have to list it`
            : `this host is ${among}, one of ${hosts}`,
        ]),
    ...segmentNotes({ wanted, links, listener, check, ...facts }),
    ...facts.notForwarding.map(
      (setting) => `${setting} is 0, and is set to 1 while steelyard vip runs with --balance`,
    ),
    ...(listener === "free" ? [`nobody waits on port ${wanted.port} yet: no API server runs here`] : []),
    ...(check?.ok === true
      ? [
          `the API server of this host answers (${check.asked}${check.detail === "" ? "" : `, ${check.detail}`})`,
        ]
      : []),
  ];
};

const counted = (count: number, noun: string): string => `${count} ${noun}${count === 1 ? "" : "s"}`;

const summary = (findings: readonly Finding[], blind: readonly string[]): string => {
  const errors = findings.filter(({ severity }) => severity === "error").length;
  if (findings.length > 0)
    return `${counted(errors, "error")}, ${counted(findings.length - errors, "warning")}`;
  return blind.length === 0 ? "Nothing is in the way." : "Nothing is in the way in what could be looked at.";
};

/** Looks, and prints what is in the way. Gives the exit status: 1 when at least one finding is an error. */
const preflight = async (
  options: PreflightOptions,
  print: (line: string) => void = console.log,
): Promise<number> => {
  const { facts, blind } = await look(options);
  const findings = examine(facts);
  const notes = notesOf(facts);
  if (options.json) print(JSON.stringify({ findings, notes, blind }, null, 2));
  else {
    for (const line of findingLines(findings)) print(line);
    for (const note of notes) print(printable(`note: ${note}`));
    for (const line of blindLines(blind)) print(line);
    print(summary(findings, blind));
  }
  return statusOf(findings);
};

/** What the command line says. */
export type PreflightRequest = Pick<PreflightOptions, "listen" | "json"> & {
  readonly endpoint: EndpointFlags;
};

/** Finds the endpoint that is meant, and looks; gives the exit status. */
export const runPreflight = async ({ endpoint, listen, json }: PreflightRequest): Promise<number> => {
  const found = findEndpoint(endpoint);
  for (const line of found.ok ? found.warnings : found.problems) process.stderr.write(`${printable(line)}\n`);
  if (!found.ok) return 2;
  const { addresses, interface: name, peers, vrid, priority, balance, apiServer } = found.endpoint.spec;
  const { probe, timeout } = apiServerHealth(apiServer);
  const { address, port, caFile } = apiServer;
  const wanted = { addresses, interface: name, peers, vrid, priority, port, caFile, balance };
  return await preflight({ wanted, question: { probe, address, port, timeout }, listen, json });
};
