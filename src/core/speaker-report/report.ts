/** A speaker's report, written and read. */
import type { IpAddress } from "#base/address";
import { type MacAddress, parseMac } from "#base/mac";
import { contains, formatInterfaceAddress, type InterfaceAddress, parseInterfaceAddress } from "#base/prefix";
import type { TextMap } from "#core/kubernetes/meta";
import { fieldsOf, listOf, metaOf, textOf } from "#core/kubernetes/read";
import { isNodeName } from "#core/node/read";

/** The annotation of a `ConfigurationState` that holds it. */
export const LINKS_ANNOTATION = "steelyard.dev/links";
/** The annotation beside it with the sessions, as a JSON list. */
export const SESSIONS_ANNOTATION = "steelyard.dev/bgp-sessions";
const NODE_LABEL = "metallb.io/node-name";

/** An interface that is up and may answer. */
export type ReportedLink = {
  readonly name: string;
  readonly mac: MacAddress;
  readonly addresses: readonly InterfaceAddress[];
};

export type SpeakerReport = {
  readonly node: string;
  readonly links: readonly ReportedLink[];
  /** BGPPeers, by name, with which it has a session; `undefined` where it says nothing of that. */
  readonly sessions?: readonly string[];
};

/** Whether a node has reported an interface in the network of an address; not if it has reported nothing. */
export const carriesAddress = (report: SpeakerReport | undefined, address: IpAddress): boolean =>
  report?.links.some((link) => link.addresses.some((own) => contains(own, address))) === true;

/** A node with more interfaces, or an interface with more addresses, reports the first of them only. */
const MOST_LINKS = 64;
const MOST_ADDRESSES = 16;
/** As the kernel has it (IFNAMSIZ less its end). */
const LONGEST_LINK_NAME = 15;
const LONGEST_TEXT = 64 * 1_024;

/** The annotation's value: the same for the same interfaces, in whatever order they are known. */
export const reportText = (links: readonly ReportedLink[]): string =>
  JSON.stringify(
    [...links]
      .sort((left, right) => (left.name < right.name ? -1 : 1))
      .slice(0, MOST_LINKS)
      .map(({ name, mac, addresses }) => ({
        name,
        mac,
        addresses: addresses.map(formatInterfaceAddress).sort().slice(0, MOST_ADDRESSES),
      })),
  );

const linkIn = (value: unknown): readonly ReportedLink[] => {
  const { name, mac, addresses } = fieldsOf(value);
  const read = parseMac(textOf(mac));
  const label = textOf(name);
  if (read === undefined || label === "" || label.length > LONGEST_LINK_NAME) return [];
  const texts = listOf(addresses).slice(0, MOST_ADDRESSES).map(textOf);
  return [{ name: label, mac: read, addresses: texts.flatMap((text) => parseInterfaceAddress(text) ?? []) }];
};

const linksIn = (text: string): readonly ReportedLink[] | undefined => {
  if (text === "" || text.length > LONGEST_TEXT) return undefined;
  try {
    return listOf(JSON.parse(text)).slice(0, MOST_LINKS).flatMap(linkIn);
  } catch {
    return undefined;
  }
};

/** The annotation's value: the same for the same peers. */
export const sessionsText = (peers: Iterable<string>): string => JSON.stringify([...new Set(peers)].sort());

const sessionsIn = (text: string): readonly string[] | undefined => {
  if (text === "" || text.length > LONGEST_TEXT) return undefined;
  try {
    return listOf(JSON.parse(text))
      .map(textOf)
      .filter((peer) => peer !== "");
  } catch {
    return undefined;
  }
};

/** Reads a `ConfigurationState`; `undefined` if it is no speaker's, or has no report that can be read. */
export const readReport = (object: unknown): SpeakerReport | undefined => {
  const annotations: TextMap | undefined = metaOf(
    object,
    (name) => name === LINKS_ANNOTATION || name === SESSIONS_ANNOTATION,
  )?.annotations;
  const node = textOf(fieldsOf(fieldsOf(fieldsOf(object).metadata).labels)[NODE_LABEL]);
  const links = linksIn(annotations?.[LINKS_ANNOTATION] ?? "");
  if (links === undefined || !isNodeName(node)) return undefined;
  const sessions = sessionsIn(annotations?.[SESSIONS_ANNOTATION] ?? "");
  return { node, links, ...(sessions === undefined ? {} : { sessions }) };
};

/** Whether two reports say the same of links. */
export const hasSameLinks = (
  left: Pick<SpeakerReport, "links">,
  right: Pick<SpeakerReport, "links">,
): boolean => reportText(left.links) === reportText(right.links);

const hasSameSessions = ({ sessions: left }: SpeakerReport, { sessions: right }: SpeakerReport): boolean =>
  left === undefined || right === undefined ? left === right : sessionsText(left) === sessionsText(right);

/** Whether two reports say the same. */
export const isSameReport = (left: SpeakerReport, right: SpeakerReport): boolean =>
  left.node === right.node && hasSameLinks(left, right) && hasSameSessions(left, right);
