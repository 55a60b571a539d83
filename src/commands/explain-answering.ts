/**
 * Who may answer for the addresses of a Service, in which order, who is left out and why, and who does answer.
 *
 * Computed by the speakers' own machine from what the cluster or files hold, as speakers decide without flags of their own. Who is alive
 * only they know; who answers is what they have recorded.
 */
import type { World } from "#core/allocation-plan/world";
import { readBgpStatus, type SeenBgpStatus } from "#core/bgp-status/object";
import { readEndpointSlice } from "#core/endpoint-slice/read";
import { parseServiceAddress } from "#core/ipam/block";
import type { Condition } from "#core/kubernetes/condition";
import { type ObjectKey, objectKey } from "#core/kubernetes/meta";
import { fieldsOf, listOf, metaOf, textOf } from "#core/kubernetes/read";
import type { Explanation } from "#core/layer2/explain";
import { createPlacements, type Placements } from "#core/layer2/placements";
import { type SilentReason, silentSentence } from "#core/layer2/reason";
import { readHolderRecord } from "#core/layer2/record";
import { DEFAULT_RULES } from "#core/layer2/rules";
import { explanationLines } from "#core/layer2/words";
import { readStatus, type SeenStatus } from "#core/layer2-status/object";
import { readConfiguration } from "#core/metallb/read";
import { readNode } from "#core/node/read";
import { ANNOUNCED, takeoverIn } from "#core/service-condition/announced";
import { REACHABLE } from "#core/service-condition/reachable";
import { type RoutedNode, routedText } from "#core/service-condition/routed";
import { readReport } from "#core/speaker-report/report";
import { readSpeakerPod, SPEAKER_SELECTOR } from "#roles/speaker/agent/speaker-pod";
import { ENDPOINT_SLICES, L2_STATUSES, NODES } from "#runtime/cluster/resources";
import type { WorldRead } from "./world.ts";

/** A node that says that it answers for the Service. */
type Holder = { readonly node: string; readonly interfaces: readonly string[] };

export type Answering = {
  /** Why nobody may answer; `undefined` if somebody may. */
  readonly silence: { readonly reason: SilentReason; readonly text: string } | undefined;
  /** Who may answer for each address, and who not. */
  readonly addresses: readonly Explanation[];
  /** From the `ServiceL2Status` objects: one, but for moments; `undefined` where these could not be read. */
  readonly holders: readonly Holder[] | undefined;
  /** Nodes that are to tell routers of it, from the `ServiceBGPStatus` objects, and with which of those they have a session. */
  readonly routed: readonly RoutedNode[];
  /** The conditions that the speakers keep. */
  readonly announced: Condition | undefined;
  readonly reachable: Condition | undefined;
  /** What could not be read, and why: nothing is concluded from its absence. */
  readonly missing: readonly string[];
};

/** More addresses than that no Service has, and more are not explained. */
const MOST_ADDRESSES = 8;
/** Kinds without which nothing can be said about who may answer. */
const DECISIVE: ReadonlySet<string> = new Set([NODES.plural, ENDPOINT_SLICES.plural]);
/** Most nodes that are listed in order. */
const MOST_CANDIDATES = 16;
const LONGEST = 1_500;

const isList = (object: unknown): boolean => {
  const { kind, items } = fieldsOf(object);
  return textOf(kind).endsWith("List") && Array.isArray(items);
};

const flat = (objects: readonly unknown[]): readonly unknown[] =>
  objects.flatMap((object) => (isList(object) ? flat(listOf(fieldsOf(object).items)) : [object]));

const isSpeakerPod = (object: unknown): boolean => {
  const labels = metaOf(object, () => false)?.labels ?? {};
  return SPEAKER_SELECTOR.split(",").every((term) => {
    const [name = "", value] = term.split("=");
    return labels[name] === value;
  });
};

/** The machine with all that there is, and what is recorded. */
type Scene = {
  readonly bgpStatuses: readonly SeenBgpStatus[];
  /** BGPPeers with which each node has a session. */
  readonly sessionsByNode: ReadonlyMap<string, ReadonlySet<string>>;
  readonly placements: Placements;
  readonly statuses: readonly SeenStatus[];
  readonly nodes: number;
};

const sceneOf = (world: World, objects: readonly unknown[], lbClass: string | undefined): Scene => {
  const placements = createPlacements({ lbClass, rules: DEFAULT_RULES });
  const read = readConfiguration(world);
  if (read.ok) placements.configure(read.configuration);
  for (const service of world.services) placements.setService(service);
  const ofKind = (kind: string): readonly unknown[] => objects.filter((each) => fieldsOf(each).kind === kind);
  const nodes = ofKind("Node").flatMap((object) => readNode(object) ?? []);
  for (const node of nodes) placements.setNode(node);
  for (const slice of ofKind("EndpointSlice").flatMap((object) => readEndpointSlice(object) ?? []))
    placements.setSlice(slice);
  const reports = ofKind("ConfigurationState").flatMap((object) => readReport(object) ?? []);
  for (const report of reports) placements.setFitness(report.node, report);
  const recorded = ofKind("ServiceL2Status");
  for (const record of recorded.flatMap((object) => readHolderRecord(object) ?? []))
    placements.setHolder(record);
  const pods = ofKind("Pod");
  const speakers = pods.filter(isSpeakerPod).flatMap((object) => readSpeakerPod(object)?.node ?? []);
  // Where no pods were read, every node is taken to run a speaker.
  placements.setSpeakers(pods.length === 0 ? undefined : new Set(speakers));
  placements.settle();
  return {
    placements,
    statuses: recorded.flatMap((object) => readStatus(object) ?? []),
    bgpStatuses: ofKind("ServiceBGPStatus").flatMap((object) => readBgpStatus(object) ?? []),
    sessionsByNode: new Map(reports.map(({ node, sessions = [] }) => [node, new Set(sessions)])),
    nodes: nodes.length,
  };
};

const holdersOf = (service: ObjectKey, statuses: readonly SeenStatus[]): readonly Holder[] =>
  statuses
    .filter(({ service: of, node }) => of === service && node !== "")
    .map(({ node, interfaces }) => ({ node, interfaces }))
    .sort((left, right) => (left.node < right.node ? -1 : 1));

const routedBy = (
  service: ObjectKey,
  { bgpStatuses, sessionsByNode }: Pick<Scene, "bgpStatuses" | "sessionsByNode">,
): readonly RoutedNode[] =>
  bgpStatuses
    .filter(({ service: of, node, peers }) => of === service && node !== "" && peers.length > 0)
    .map(({ node, peers }) => ({
      ...{ node, peers },
      reached: peers.filter((peer) => sessionsByNode.get(node)?.has(peer)),
    }))
    .sort((left, right) => (left.node < right.node ? -1 : 1));

/** Who answers for a Service; `undefined` where no nodes are known, or for a Service that is none of ours. */
export const answeringOf = (
  { world, objects, missing }: Extract<WorldRead, { ok: true }>,
  { service: key, lbClass }: { readonly service: ObjectKey; readonly lbClass: string | undefined },
): Answering | undefined => {
  const service = world.services.find(({ meta }) => objectKey(meta) === key);
  if (service?.type !== "LoadBalancer" || service.loadBalancerClass !== lbClass) return undefined;
  const scene = sceneOf(world, flat(objects), lbClass);
  const { placements, statuses, nodes } = scene;
  if (nodes === 0 && missing.length === 0) return undefined;
  const isKnown = nodes > 0 && !missing.some(({ plural }) => DECISIVE.has(plural));
  const listed = service.ingress.flatMap(({ ip }) => parseServiceAddress(ip ?? "") ?? []);
  const addresses = [...new Set(listed)].slice(0, MOST_ADDRESSES);
  const reason = isKnown ? placements.silence(key) : undefined;
  const conditionOf = (type: string): Condition | undefined =>
    service.conditions.find((condition) => condition.type === type);
  return {
    silence: reason === undefined ? undefined : { reason, text: silentSentence(reason) },
    addresses: isKnown ? addresses.flatMap((address) => placements.explain(address) ?? []) : [],
    holders: missing.some(({ plural }) => plural === L2_STATUSES.plural)
      ? undefined
      : holdersOf(key, statuses),
    routed: routedBy(key, scene),
    ...{ announced: conditionOf(ANNOUNCED), reachable: conditionOf(REACHABLE) },
    missing: missing.map(({ problem }) => problem),
  };
};

const holderLine = ({ node, interfaces }: Holder): string =>
  `Node ${node} answers for it${interfaces.length === 0 ? "" : ` on ${interfaces.join(", ")}`}.`;

const reachableLine = ({ status, message }: Condition): string => {
  const says = {
    True: "It is reachable",
    False: "It is not reachable",
    Unknown: "Whether it is reachable is not known",
  };
  return `${says[status]}: ${message}`;
};

const cut = (text: string): string => (text.length > LONGEST ? `${text.slice(0, LONGEST)}…` : text);

const addressLines = (explanation: Explanation): readonly string[] => {
  const { address, candidates } = explanation;
  const more = candidates.length - MOST_CANDIDATES;
  return [
    ...explanationLines({ ...explanation, candidates: candidates.slice(0, MOST_CANDIDATES) }),
    ...(more > 0 ? [`${more} more nodes may answer for ${address} after these.`] : []),
  ];
};

/** The same in sentences, each a line of bounded length. */
export const answeringLines = ({
  silence,
  addresses,
  holders,
  routed,
  announced,
  reachable,
  missing,
}: Answering): readonly string[] => {
  const takeover = announced === undefined ? undefined : takeoverIn(announced.message);
  const explained = addresses.flatMap(addressLines);
  // What silences the Service itself is said of each address already, if it has any.
  const nobody =
    silence === undefined || addresses.length > 0 || routed.length > 0
      ? []
      : [`Nobody answers for it. ${silence.text}`];
  const isUnknown = addresses.length === 0 && silence === undefined;
  const unknown = isUnknown && missing.length > 0 ? ["Who may answer for it is not known."] : [];
  const held = holders?.length === 0 && silence === undefined ? ["No node says that it answers for it."] : [];
  return [
    ...explained,
    ...unknown,
    ...nobody,
    ...(holders ?? []).map(holderLine),
    ...held,
    ...(takeover === undefined ? [] : [takeover]),
    ...(routed.length === 0 ? [] : [routedText(routed).text]),
    ...(reachable === undefined ? [] : [reachableLine(reachable)]),
    ...(missing.length === 0 ? [] : [`Not all could be read: ${missing.join(", ")}.`]),
  ].map(cut);
};
