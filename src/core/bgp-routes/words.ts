/** An explanation in words, a sentence a line, the same for the same state. */
import { formatInterfaceAddress } from "#base/prefix";
import type { RouteAttributes } from "#core/bgp/route";
import { listText } from "#core/ipam/refusal";
import type { Explanation, PeerStanding } from "./explain.ts";
import { reasonSentence } from "./reason.ts";
import { USUAL_LOCAL_PREF } from "./telling.ts";

const standardText = (community: number): string =>
  `${Math.floor(community / 0x1_0000)}:${community % 0x1_0000}`;

/** `localPref 200, communities 65535:0 large:1:2:3`; empty where nothing is special. */
export const attributesText = (attributes: RouteAttributes): string => {
  const { localPref, med, communities, largeCommunities, linkBandwidth } = attributes;
  const all = [
    ...communities.map(standardText),
    ...largeCommunities.map(
      ({ administrator, first, second }) => `large:${administrator}:${first}:${second}`,
    ),
  ];
  return [
    ...(localPref === USUAL_LOCAL_PREF ? [] : [`localPref ${localPref}`]),
    ...(med === undefined ? [] : [`MED ${med}`]),
    ...(all.length === 0 ? [] : [`${all.length === 1 ? "community" : "communities"} ${all.join(" ")}`]),
    ...(linkBandwidth === undefined ? [] : [`link bandwidth ${linkBandwidth} bytes/s`]),
  ].join(", ");
};

const standingLine = (standing: PeerStanding): string => {
  if (standing.type === "silent")
    return `Peer ${standing.peer} is not told. ${reasonSentence(standing.reason)}`;
  const routes = standing.routes.map(({ prefix, attributes }) => {
    const text = attributesText(attributes);
    return `${formatInterfaceAddress(prefix)}${text === "" ? "" : ` (${text})`}`;
  });
  return `Peer ${standing.peer} is told of ${listText(routes)}.`;
};

/** Which peers this node tells of an address, and why not the others. */
export const explanationLines = ({
  address,
  services,
  peers,
  stance,
  noticed,
}: Explanation): readonly string[] => {
  const announced = services.filter(({ reason }) => reason === undefined).map(({ service }) => service);
  const why = noticed.map(({ text }) => text).join(" and ");
  return [
    ...(announced.length === 0 ? [] : [`${address} is announced for ${listText(announced)}.`]),
    ...services.flatMap(({ service, reason }) =>
      reason === undefined ? [] : [`${service} is not announced. ${reasonSentence(reason)}`],
    ),
    ...(stance === "last-resort"
      ? [`This node ${why === "" ? "is to end" : why}, and announces as the last resort.`]
      : []),
    ...peers.map(standingLine),
  ];
};
