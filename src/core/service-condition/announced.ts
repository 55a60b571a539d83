/** `steelyard.dev/Announced`: whether somebody answers for each address of a Service, and who is left out. */
import type { IpAddress } from "#base/address";
import type { WantedCondition } from "#core/allocation/outcome";
import { type LeftOut, leftOutSentence, type SilentReason, silentSentence } from "#core/layer2/reason";

/** The type of the condition. */
const ANNOUNCED = "steelyard.dev/Announced";

/** One address of a Service. */
export type AddressStanding = {
  readonly address: IpAddress;
  /** Who answers; `undefined` while nobody does. */
  readonly holder: { readonly node: string; readonly interfaces: readonly string[] } | undefined;
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

const holderText = ({ address, holder }: AddressStanding): string => {
  if (holder === undefined) return `nobody answers for ${address}`;
  const where = holder.interfaces.length === 0 ? "" : ` on ${holder.interfaces.join(", ")}`;
  return `node ${holder.node} answers for ${address}${where}`;
};

const sentence = (parts: readonly string[]): string => {
  const text = parts.join("; ");
  return `${text.slice(0, 1).toUpperCase()}${text.slice(1)}.`;
};

/** What is true of a Service. `silent` is why nobody may answer for it at all. */
export const announcedCondition = ({
  addresses,
  silent,
}: {
  readonly addresses: readonly AddressStanding[];
  readonly silent: SilentReason | undefined;
}): WantedCondition => {
  const leftOut = leftOutText(addresses.flatMap((each) => each.leftOut));
  if (silent !== undefined) {
    const message = [silentSentence(silent), leftOut].filter((text) => text !== "").join(" ");
    return { type: ANNOUNCED, status: "False", reason: reasonOf(silent), message: clip(message) };
  }
  const isHeld = addresses.every(({ holder }) => holder !== undefined);
  const message = [sentence(addresses.map(holderText)), leftOut].filter((text) => text !== "").join(" ");
  return {
    type: ANNOUNCED,
    status: isHeld ? "True" : "False",
    reason: isHeld ? "Announced" : "NotHeld",
    message: clip(message),
  };
};
