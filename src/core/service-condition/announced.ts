/** `steelyard.dev/Announced`: whether somebody answers for each address of a Service, and who is left out. */
import type { IpAddress } from "#base/address";
import type { MacAddress } from "#base/mac";
import { type Duration, toMillis, type WallTime } from "#base/time";
import type { WantedCondition } from "#core/allocation/outcome";
import type { SilentReason as UnroutedReason } from "#core/bgp-routes/reason";
import { type LeftOut, leftOutSentence, type SilentReason, silentSentence } from "#core/layer2/reason";
import { type RoutedNode, routedText, unroutedText } from "./routed.ts";

/** The type of the condition. */
export const ANNOUNCED = "steelyard.dev/Announced";

/** How the holder came by an address, if it took it from a node that fell silent. */
export type Takeover = {
  /** The node that fell silent. */
  readonly from: string;
  readonly at: WallTime;
  /** How long that had not been heard then. Clients waited a little longer. */
  readonly outage: Duration;
};

/** One address of a Service. */
export type AddressStanding = {
  readonly address: IpAddress;
  /** Who answers; `undefined` while nobody does. */
  readonly holder: { readonly node: string; readonly interfaces: readonly string[] } | undefined;
  /** A machine that is no node of this cluster and answers for it. */
  readonly stranger: MacAddress | undefined;
  /** The last one, where this node holds the address by it; `undefined` for any other way. */
  readonly takeover?: Takeover | undefined;
  /** Nodes that may not. */
  readonly leftOut: readonly LeftOut[];
};

/** More nodes than this are counted instead of named: a message is read by people. */
const MOST_NAMED = 8;
const LONGEST_MESSAGE = 2_048;

const clip = (text: string): string =>
  text.length <= LONGEST_MESSAGE ? text : `${text.slice(0, LONGEST_MESSAGE - 4)} ...`;

/** `no-endpoints` as conditions spell reasons: `NoEndpoints`. */
const reasonOf = (reason: string): string =>
  reason.replace(/(^|-)([a-z])/g, (_, __, letter) => letter.toUpperCase());

const leftOutText = (all: readonly LeftOut[]): string => {
  const byNode = new Map(all.map((each) => [each.node, each]));
  const named = [...byNode.values()].slice(0, MOST_NAMED).map(leftOutSentence);
  const rest = byNode.size - named.length;
  return [...named, ...(rest > 0 ? [`${rest} more nodes are left out.`] : [])].join(" ");
};

const holderText = ({ address, holder, stranger }: AddressStanding): string => {
  const search = "find that machine, which is no node of this cluster";
  if (holder === undefined) {
    return stranger === undefined
      ? `nobody answers for ${address}`
      : `no node answers for ${address}, since ${stranger} has it already: ${search}`;
  }
  const where = holder.interfaces.length === 0 ? "" : ` on ${holder.interfaces.join(", ")}`;
  const also = stranger === undefined ? "" : `, and so does ${stranger}: ${search}`;
  return `node ${holder.node} answers for ${address}${where}${also}`;
};

/** The end of what is said of a take-over; a node's name has no space. */
const TAKEOVER = /Taken over from node \S+, which fell silent, at \S+, \d+ ms after it was heard last\./;

/** Of several addresses the one without which users were the longest: they go together, a few milliseconds apart. */
const takeoverText = (addresses: readonly AddressStanding[]): string => {
  const [longest] = addresses
    .flatMap(({ takeover }) => takeover ?? [])
    .toSorted((left, right) => right.outage - left.outage);
  if (longest === undefined) return "";
  const { from, at, outage } = longest;
  const time = `${new Date(at).toISOString().slice(0, 19)}Z`;
  return `Taken over from node ${from}, which fell silent, at ${time}, ${Math.round(toMillis(outage))} ms after it was heard last.`;
};

/** The sentence about a take-over in a message of the condition; `undefined` if it has none. */
export const takeoverIn = (message: string): string | undefined => TAKEOVER.exec(message)?.[0];

const sentence = (parts: readonly string[]): string => {
  const text = parts.join("; ");
  return `${text.slice(0, 1).toUpperCase()}${text.slice(1)}.`;
};

/**
 * What is true of a Service. `silent` is why nobody may answer for it at all, and `leftOut` which nodes may not then.
 *
 * How the holder came by the addresses and which nodes are left out come last in the message: what is before it is what matters most.
 */
export const announcedCondition = ({
  addresses,
  silent,
  leftOut: always = [],
  routed = [],
  unrouted,
}: {
  readonly addresses: readonly AddressStanding[];
  readonly silent: SilentReason | undefined;
  readonly leftOut?: readonly LeftOut[];
  /** Nodes that are to tell routers of it. */
  readonly routed?: readonly RoutedNode[];
  /** Why none is, as this node sees it. */
  readonly unrouted?: UnroutedReason | undefined;
}): WantedCondition => {
  const leftOut = leftOutText([...always, ...addresses.flatMap((each) => each.leftOut)]);
  const routers = routed.length === 0 ? undefined : routedText(routed);
  if (silent !== undefined && routers !== undefined) {
    const status = routers.isTold ? "True" : "False";
    const reason = routers.isTold ? "Announced" : "NoSession";
    return { type: ANNOUNCED, status, reason, message: clip(routers.text) };
  }
  const why = silent === "no-advertisement" ? unroutedText(unrouted) : undefined;
  if (why !== undefined)
    return { type: ANNOUNCED, status: "False", reason: why.reason, message: clip(why.text) };
  if (silent !== undefined) {
    const message = [silentSentence(silent), leftOut].filter((text) => text !== "").join(" ");
    return { type: ANNOUNCED, status: "False", reason: reasonOf(silent), message: clip(message) };
  }
  const isHeld = addresses.every(({ holder }) => holder !== undefined);
  const hasStranger = addresses.some(({ stranger }) => stranger !== undefined);
  const parts = [sentence(addresses.map(holderText)), routers?.text ?? "", takeoverText(addresses), leftOut];
  const message = parts.filter((text) => text !== "").join(" ");
  return {
    type: ANNOUNCED,
    status: isHeld ? "True" : "False",
    reason: hasStranger ? "DuplicateAddress" : isHeld ? "Announced" : "NotHeld",
    message: clip(message),
  };
};
