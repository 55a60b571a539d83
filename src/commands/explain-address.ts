/** `steelyard explain address`: who answers for an address, and which peers of this node have its route, as its speaker says. */
import type { AddressExplanation, BgpPeerExplanation, SpeakerAddressExplanation } from "#api/speaker";
import { explanationLines } from "#core/layer2/words";
import { get } from "#drivers/http/client";
import { DEFAULT_SPEAKER_ADMIN } from "#roles/speaker/options";
import { printable } from "./table.ts";

export type ExplainAddressOptions = {
  readonly address: string;
  /** The admin socket of a speaker; that of this node by default. */
  readonly admin?: string | undefined;
  /** One JSON object instead of text. */
  readonly json: boolean;
  /** Takes each line of output; standard output by default. */
  readonly print?: (line: string) => void;
};

const EXPLAINED = 0;
const NO_ANSWER = 1;

const HAS: Readonly<Record<BgpPeerExplanation["has"], string>> = {
  yes: "has its route",
  no: "does not have its route",
  unsure: "may not have its route",
};

const bgpLines = ({ address, bgp }: AddressExplanation): readonly string[] => {
  if (bgp === undefined) return [];
  if (bgp.peers.length === 0) return [`This node has no BGP peer that could be told of ${address}.`];
  return [...bgp.text, ...bgp.peers.map(({ peer, has, text }) => `Peer ${peer} ${HAS[has]}. ${text}`)];
};

const hereLine = ({ here }: AddressExplanation): readonly string[] => {
  if (here === undefined) return [];
  const { state, since, interfaces, cause, peer, outage } = here;
  const where = interfaces.length === 0 ? "" : ` on ${interfaces.join(", ")}`;
  const other = peer === undefined ? "" : ` ${peer}`;
  const measured =
    outage === undefined ? "" : `, ${Math.round(outage)} ms after ${peer ?? "it"} was heard last`;
  const when = `${new Date(since).toISOString().slice(0, 19)}Z`;
  return [`Here it is ${state}${where} since ${when} (${cause}${other}${measured}).`];
};

/** The explanation in sentences, each a line. */
export const addressExplanationLines = ({ node, address }: SpeakerAddressExplanation): readonly string[] =>
  [
    `${address.address}, as the speaker of ${node} sees it:`,
    ...explanationLines(address),
    ...address.dead.map((dead) => `${dead} counts as dead.`),
    ...hereLine(address),
    ...bgpLines(address),
  ].map(printable);

/** Prints what the speaker says of an address. Gives the exit status: 1 where it does not answer, or knows no such address. */
export const explainAddress = async ({
  address,
  admin = DEFAULT_SPEAKER_ADMIN,
  json,
  print = console.log,
}: ExplainAddressOptions): Promise<number> => {
  const answer = await get(admin, `/v1/explain?address=${encodeURIComponent(address)}`);
  if (!answer.ok) {
    print(json ? JSON.stringify({ problems: [answer.message] }) : printable(answer.message));
    return NO_ANSWER;
  }
  const explanation: SpeakerAddressExplanation = JSON.parse(answer.body);
  if (json) print(JSON.stringify(explanation, null, 2));
  else for (const line of addressExplanationLines(explanation)) print(line);
  return EXPLAINED;
};
