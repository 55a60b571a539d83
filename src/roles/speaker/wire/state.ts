/**
 * What is kept on disk for a start while the API server is away: the members, and the addresses for which this node is among
 * the first candidates.
 *
 * Whoever can write there can make this node answer for addresses, and so can root anyway. It is checked all the same: a file
 * that a full disk cut off must not stop the program.
 */
import { type IpAddress, parseAddress } from "#base/address";
import { type MacAddress, parseMac } from "#base/mac";
import { isNodeName } from "#core/node/read";
import type { AllowedInterfaces } from "#core/responder/config";
import type { MemberWord, PlacementWord } from "../fast/desired.ts";

/** What is kept. */
export type SavedState = {
  readonly members: readonly MemberWord[];
  readonly placements: readonly PlacementWord[];
};

export type StateReading =
  | { readonly ok: true; readonly value: SavedState }
  /** Why it cannot be used, as the end of a sentence about the file. */
  | { readonly ok: false; readonly reason: string };

/** In UTF-16 units, which are bytes here. */
export const LONGEST_STATE = 16 * 1_024 * 1_024;
const VERSION = 1;
/** A node farther behind is as good as none. */
const MOST_CANDIDATES = 8;
const MOST = { members: 5_000, placements: 50_000, addresses: 16, macs: 256, interfaces: 64 } as const;
/** As the kernel has it (IFNAMSIZ less its end). */
const LONGEST_LINK_NAME = 15;

/** What is kept of a placement; `undefined`: nothing. */
const kept = (node: string, placement: PlacementWord): PlacementWord | undefined => {
  const candidates = placement.candidates.slice(0, MOST_CANDIDATES);
  return candidates.includes(node) ? { ...placement, candidates } : undefined;
};

/** The text for the disk, with as many placements as fit. */
export const stateText = (
  node: string,
  { members, placements }: { members: readonly MemberWord[]; placements: Iterable<PlacementWord> },
): string => {
  const head = JSON.stringify({ version: VERSION, node, members: members.slice(0, MOST.members) });
  const texts: string[] = [];
  let length = head.length;
  for (const placement of placements) {
    const saved = kept(node, placement);
    if (saved === undefined) continue;
    const text = JSON.stringify(saved);
    length += text.length + 1;
    if (length > LONGEST_STATE - 32 || texts.length === MOST.placements) break;
    texts.push(text);
  }
  return `${head.slice(0, -1)},"placements":[${texts.join(",")}]}\n`;
};

type Fields = Readonly<Record<string, unknown>>;

const fieldsOf = (value: unknown): Fields =>
  typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Fields) : {};

/** A list in which everything can be read; `undefined` for anything else. */
const listOf = <Item>(
  value: unknown,
  { most, read }: { readonly most: number; readonly read: (item: unknown) => Item | undefined },
): readonly Item[] | undefined => {
  if (!Array.isArray(value) || value.length > most) return undefined;
  const items = value.flatMap((item) => read(item) ?? []);
  return items.length === value.length ? items : undefined;
};

const nodeName = (value: unknown): string | undefined =>
  typeof value === "string" && isNodeName(value) ? value : undefined;
const ipAddress = (value: unknown): IpAddress | undefined =>
  typeof value === "string" ? parseAddress(value) : undefined;
const macAddress = (value: unknown): MacAddress | undefined =>
  typeof value === "string" ? parseMac(value) : undefined;
const linkName = (value: unknown): string | undefined =>
  typeof value === "string" && value !== "" && value.length <= LONGEST_LINK_NAME ? value : undefined;

const readMember = (value: unknown): MemberWord | undefined => {
  const fields = fieldsOf(value);
  const name = nodeName(fields.name);
  const addresses = listOf(fields.addresses, { most: MOST.addresses, read: ipAddress });
  const macs = listOf(fields.macs, { most: MOST.macs, read: macAddress });
  if (name === undefined || addresses === undefined || macs === undefined) return undefined;
  // What the API server said then is no news.
  return { name, addresses, macs, api: "unheard" };
};

const readPlacement = (value: unknown): PlacementWord | undefined => {
  const fields = fieldsOf(value);
  const address = ipAddress(fields.address);
  const candidates = listOf(fields.candidates, { most: MOST_CANDIDATES, read: nodeName });
  const interfaces: AllowedInterfaces | undefined =
    fields.interfaces === "all"
      ? "all"
      : listOf(fields.interfaces, { most: MOST.interfaces, read: linkName });
  if (address === undefined || candidates === undefined || interfaces === undefined) return undefined;
  return { address, candidates, interfaces };
};

const refused = (reason: string): StateReading => ({ ok: false, reason });

/** What the text says, for this node. */
export const readState = (node: string, text: string): StateReading => {
  if (text.length > LONGEST_STATE) return refused(`has more than ${LONGEST_STATE} characters`);
  let fields: Fields;
  try {
    fields = fieldsOf(JSON.parse(text));
  } catch {
    return refused("is no JSON");
  }
  if (fields.version !== VERSION) return refused("is of another version");
  if (fields.node !== node) return refused("is that of another node");
  const members = listOf(fields.members, { most: MOST.members, read: readMember });
  if (members === undefined) return refused("has members that cannot be read");
  const placements = listOf(fields.placements, { most: MOST.placements, read: readPlacement });
  if (placements === undefined) return refused("has placements that cannot be read");
  return { ok: true, value: { members, placements } };
};
