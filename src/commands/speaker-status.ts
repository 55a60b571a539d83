/** What a running speaker holds, whom it hears and what is the matter, as tables. */
import type { AddressStatus, MemberStatus, SpeakerStatus } from "#api/speaker";
import { bgpRemarks, bgpTable } from "./speaker-bgp-status.ts";
import { ago, printable, table } from "./table.ts";

const COMPANY: Readonly<Record<SpeakerStatus["company"], string>> = {
  accompanied: "hears other speakers",
  doubtful: "hears no other speaker, and asks its gateway",
  alone: "hears no other speaker, and goes on",
  isolated: "hears neither other speakers nor its gateway, and holds nothing",
  unknown: "has yet to hear somebody",
};

const addressRow = (status: AddressStatus, now: number): readonly string[] => {
  const { address, state, since, cause, peer, interfaces, outage } = status;
  const silence = outage === undefined ? "" : `, silent for ${Math.round(outage)} ms`;
  return [
    address,
    state,
    ago(now - since),
    printable(`${cause}${peer === undefined ? "" : ` ${peer}`}${silence}`),
    printable(interfaces.join(" ")),
  ];
};

/** What one says of this node matters where it is not what it should be. */
const HEARING: Readonly<Record<NonNullable<MemberStatus["hearsUs"]>, string>> = {
  yes: "",
  no: "does not hear this node",
  unknown: "not heard",
};

const memberRow = (
  { node, standing, since, cause, hearsUs }: MemberStatus,
  now: number,
): readonly string[] => [
  printable(node),
  standing,
  ago(now - since),
  cause ?? (hearsUs === undefined ? "" : HEARING[hearsUs]),
];

const DUPLICATES: Readonly<Record<SpeakerStatus["duplicates"][number]["stage"], string>> = {
  held: "and by this node",
  used: "so this node does not take it",
  unused: "and was to be used for the first time, which it is not",
};

const remarksOf = (status: SpeakerStatus): readonly string[] => [
  ...(status.isSynced ? [] : ["the cluster has not been read yet: it goes on from what is on disk"]),
  ...status.trouble.map((text) => `cannot read ${text}`),
  ...status.refused.map((problem) => `refused, what was in force stays: ${problem}`),
  ...status.linksDown.map((link) => `link ${link} is down`),
  ...status.duplicates.map(
    ({ address, mac, stage }) =>
      `${address} is answered for by ${mac}, which is no node of this cluster, ${DUPLICATES[stage]}`,
  ),
  ...status.flapping.map((address) => `${address} moves too often, and is not taken back for a while`),
  ...status.unreachable.map(({ address, obstacle }) => `${address} cannot be reached from here: ${obstacle}`),
  ...(status.patience === undefined
    ? []
    : [
        `this node stands still again and again, so others take over only after ${status.patience} ms of silence: give it more processor time`,
      ]),
  ...bgpRemarks(status.bgp),
  ...(status.waitingWrites > 0 ? [`${status.waitingWrites} writes wait`] : []),
];

const counted = (count: number, noun: string): string => `${count} ${noun}${count === 1 ? "" : "es"}`;

/** The lines; `!` marks what wants attention. Addresses that others hold are not listed. */
export const speakerStatusLines = (status: SpeakerStatus): string[] => {
  const { version, now, node, wire, addresses, members, placements, bgp } = status;
  const shown = addresses.filter(({ state }) => state !== "standby");
  return [
    `steelyard ${version} speaker on ${printable(node)}, running for ${ago(now - wire.startedAt)}, ${COMPANY[status.company]}`,
    ...remarksOf(status).map((text) => printable(`! ${text}`)),
    "",
    placements === undefined
      ? `${counted(shown.length, "address")} here`
      : `${counted(placements, "address")} announced in the cluster, ${shown.length} of them here`,
    "",
    ...(shown.length === 0
      ? []
      : [
          ...table(
            ["ADDRESS", "STATE", "SINCE", "BECAUSE", "INTERFACES"],
            shown.map((each) => addressRow(each, now)),
          ),
          "",
        ]),
    ...(bgp.peers.length === 0 ? [] : [...bgpTable(bgp, now), ""]),
    ...(members.length === 0
      ? []
      : table(
          ["NODE", "STANDING", "SINCE", "BECAUSE"],
          members.map((each) => memberRow(each, now)),
        )),
  ];
};
