/** `steelyard doctor`: what on this node and in its cluster keeps announced addresses from working. */
import { findBalancers } from "#core/doctor/balancers";
import { announcesByFrr, bgpIn } from "#core/doctor/bgp-status";
import { poolsIn, proxyModeIn, routingIn, strictArpIn } from "#core/doctor/cluster";
import { examine } from "#core/doctor/examine";
import type { Facts, KubeProxyFacts } from "#core/doctor/facts";
import { neverHeardIn } from "#core/doctor/speaker";
import { fieldsOf, listOf } from "#core/kubernetes/read";
import { askProxyMode } from "#drivers/doctor/kube-proxy";
import { readMd5Drops } from "#drivers/doctor/md5-drops";
import { commandWords, type PortOwner, tcpPortOwners, udpPortOwners } from "#drivers/doctor/port-owner";
import { askSpeakerStatus } from "#drivers/doctor/speaker";
import { openCluster } from "#drivers/kubernetes/cluster";
import { findCredentials } from "#drivers/kubernetes/in-cluster";
import type { ClusterPort, Resource, Target } from "#drivers/kubernetes/port";
import { openNetlink } from "#drivers/netlink/linux";
import { openSysctl } from "#drivers/sysctl/linux";
import { DEFAULT_SPEAKER_ADMIN } from "#roles/speaker/options";
import { CONFIGURATION_KINDS, DAEMON_SETS, NODES } from "#runtime/cluster/resources";
import { readPatiently } from "./cluster-world.ts";
import { readLinks } from "./doctor-links.ts";
import { spreadFacts } from "./doctor-spread-sources.ts";
import { blindLines, findingLines, statusOf } from "./findings.ts";

export type DoctorOptions = {
  readonly node: string;
  /** `undefined`: as kubectl finds it. */
  readonly kubeconfig: string | undefined;
  /** Where the pools lie. */
  readonly namespace: string;
  readonly bindsAddresses: boolean;
  /** Where the speaker of this machine answers; `undefined`: where it does unless told otherwise. */
  readonly admin: string | undefined;
  /** One JSON object instead of text. */
  readonly json: boolean;
};

const BFD_PORT = 3784;
const BGP_PORT = 179;
/** Lists of workloads are read at once. */
const MOST_BYTES = 64 * 1_024 * 1_024;

const DEPLOYMENTS: Resource = { group: "apps", version: "v1", plural: "deployments", namespaced: true };
const CONFIG_MAPS: Resource = { group: "", version: "v1", plural: "configmaps", namespaced: true };
const PROXY_CONFIG: Target = { resource: CONFIG_MAPS, namespace: "kube-system", name: "kube-proxy" };

/** What was looked at, and what could not be, in sentences. */
type Looked<Part> = { readonly facts: Part; readonly blind: readonly string[] };

type ClusterFacts = Pick<Facts, "pools" | "otherBalancers" | "routing"> & { readonly proxyConfig: unknown };

/** Kinds that say who announces what. */
const ANNOUNCING: readonly string[] = [
  ...["IPAddressPool", "L2Advertisement", "BGPAdvertisement", "BGPPeer", "BFDProfile", "Community"],
];

/** Items of a list do not say what they are. */
const complete = (item: unknown, kind: string, { group, version }: Resource): unknown => ({
  ...fieldsOf(item),
  apiVersion: `${group}/${version}`,
  kind,
});

/** What came of reading: a cluster need not have been set up by kubeadm, nor have every kind. */
type Reading = { readonly is: "there"; readonly body: unknown } | { readonly is: "absent" | "unread" };

const itemsIn = (reading: Reading): readonly unknown[] | undefined =>
  reading.is === "there" ? listOf(fieldsOf(reading.body).items) : undefined;

/** Pools, and who announces them: known only if everything could be read that may announce one. */
const announcingFacts = (
  kinds: readonly { readonly kind: string; readonly resource: Resource; readonly reading: Reading }[],
  nodes: readonly unknown[] | undefined,
): Pick<ClusterFacts, "pools" | "routing"> => {
  const objects = kinds.flatMap(({ kind, resource, reading }) =>
    (itemsIn(reading) ?? []).map((item) => complete(item, kind, resource)),
  );
  const pools = kinds.find(({ kind }) => kind === "IPAddressPool")?.reading;
  return {
    pools: pools?.is === "there" ? poolsIn(itemsIn(pools) ?? []) : undefined,
    routing: kinds.some(({ reading }) => reading.is === "unread") ? undefined : routingIn(objects, nodes),
  };
};

const lookAtCluster = async (cluster: ClusterPort, namespace: string): Promise<Looked<ClusterFacts>> => {
  const blind: string[] = [];
  const read = async (what: string, target: Target): Promise<Reading> => {
    const answer = await readPatiently(cluster, target);
    if (answer.ok) return { is: "there", body: answer.body };
    if (answer.failure.reason === "not-found") return { is: "absent" };
    blind.push(`${what}: ${answer.failure.message}`);
    return { is: "unread" };
  };
  const announcing = [...CONFIGURATION_KINDS].filter(([kind]) => ANNOUNCING.includes(kind));
  const [kinds, nodes, daemonSets, deployments, proxyConfig] = await Promise.all([
    Promise.all(
      announcing.map(async ([kind, resource]) => {
        const reading = await read(`${resource.plural} in ${namespace}`, { resource, namespace });
        return { kind, resource, reading };
      }),
    ),
    read("nodes", { resource: NODES }),
    read("DaemonSets", { resource: DAEMON_SETS }),
    read("Deployments", { resource: DEPLOYMENTS }),
    read("kube-proxy's ConfigMap", PROXY_CONFIG),
  ]);
  const workloads = [
    ...(itemsIn(daemonSets) ?? []).map((object) => ({ kind: "DaemonSet", object })),
    ...(itemsIn(deployments) ?? []).map((object) => ({ kind: "Deployment", object })),
  ];
  return {
    facts: {
      ...announcingFacts(kinds, itemsIn(nodes)),
      otherBalancers: daemonSets.is === "there" ? findBalancers(workloads) : undefined,
      proxyConfig: proxyConfig.is === "there" ? proxyConfig.body : undefined,
    },
    blind,
  };
};

const NO_CLUSTER: ClusterFacts = {
  ...{ pools: undefined, otherBalancers: undefined, routing: undefined, proxyConfig: undefined },
};

const clusterFacts = async ({ kubeconfig, namespace }: DoctorOptions): Promise<Looked<ClusterFacts>> => {
  const credentials = findCredentials({ kubeconfig });
  if (!credentials.ok) return { facts: NO_CLUSTER, blind: [`the cluster: ${credentials.problem}`] };
  const cluster = openCluster(credentials.value, { mostBytes: MOST_BYTES });
  try {
    return await lookAtCluster(cluster, namespace);
  } finally {
    cluster.close();
  }
};

const linkFacts = (): Looked<Facts["links"]> => {
  const netlink = openNetlink();
  if (!netlink.ok)
    return { facts: undefined, blind: [`interfaces: ${netlink.error.request}: ${netlink.error.code}`] };
  const read = readLinks({ netlink: netlink.value, sysctl: openSysctl() });
  netlink.value.close();
  return read.ok
    ? { facts: read.links, blind: [] }
    : { facts: undefined, blind: [`interfaces: ${read.problem}`] };
};

/** What kube-proxy itself says counts more than what it was told to be. */
const proxyFacts = async (configMap: unknown): Promise<KubeProxyFacts | "absent" | undefined> => {
  const said = await askProxyMode();
  const mode = said === undefined || said === "refused" ? proxyModeIn(configMap) : said;
  if (mode !== undefined) return { mode, strictArp: strictArpIn(configMap) };
  return said === "refused" && configMap === undefined ? "absent" : undefined;
};

type SpeakerFacts = Pick<Facts, "neverHeard" | "bgp"> & { readonly engine: "own" | "frr" };

const NO_SPEAKER: SpeakerFacts = { neverHeard: undefined, bgp: undefined, engine: "own" };

/** Who talks to routers: the process that does is named in the status. */
const engineOf = (status: unknown): SpeakerFacts["engine"] => {
  const { pid } = fieldsOf(fieldsOf(status).wire);
  return typeof pid === "number" && announcesByFrr(commandWords(pid)) ? "frr" : "own";
};

/** Where no speaker runs there is none to be asked, unless somebody has said where it is. */
const speakerFacts = async (admin: string | undefined): Promise<Looked<SpeakerFacts>> => {
  const path = admin ?? DEFAULT_SPEAKER_ADMIN;
  const blindFor = (problem: string) => ({
    facts: NO_SPEAKER,
    blind: [`the speaker at ${path}: ${problem}`],
  });
  const answer = await askSpeakerStatus(path);
  if (answer.type === "silent") return blindFor(answer.problem);
  if (answer.type === "absent")
    return admin === undefined ? { facts: NO_SPEAKER, blind: [] } : blindFor("nobody answers there");
  const neverHeard = neverHeardIn(answer.value);
  return neverHeard === undefined
    ? blindFor("what answers there is no speaker")
    : { facts: { neverHeard, bgp: bgpIn(answer.value), engine: engineOf(answer.value) }, blind: [] };
};

/** Our own speaker is no stranger. */
const isOurs = ({ words }: PortOwner): boolean =>
  words.includes("speaker") && words.some((word) => /(^|\/)(steelyard|main\.js)$/.test(word));

/** Who has a port that is not one of ours: one who can be named, if there is one. */
const strangerAt = (owners: readonly PortOwner[]): string | undefined => {
  const [stranger] = owners.filter((owner) => !isOurs(owner));
  return stranger === undefined ? undefined : ownerText(stranger);
};

const ownerText = ({ name, pid }: PortOwner): string => (pid === undefined ? name : `${name} (pid ${pid})`);

/** Looks, and prints what is the matter. Gives the exit status: 1 when at least one finding is an error. */
export const doctor = async (
  options: DoctorOptions,
  print: (line: string) => void = console.log,
): Promise<number> => {
  const links = linkFacts();
  const cluster = await clusterFacts(options);
  const speaker = await speakerFacts(options.admin);
  const { proxyConfig, ...ofCluster } = cluster.facts;
  const { engine, ...ofSpeaker } = speaker.facts;
  const spread = await spreadFacts(options, ofSpeaker.bgp);
  const findings = examine({
    ...ofCluster,
    ...{ node: options.node, bindsAddresses: options.bindsAddresses, links: links.facts },
    kubeProxy: await proxyFacts(proxyConfig),
    bfdPortTakenBy: strangerAt(udpPortOwners(BFD_PORT)),
    bgpPortTakenBy: engine === "frr" ? undefined : strangerAt(tcpPortOwners(BGP_PORT)),
    md5Drops: readMd5Drops(),
    spread: spread.facts,
    ...ofSpeaker,
  });
  const blind = [...links.blind, ...cluster.blind, ...speaker.blind, ...spread.blind];
  if (options.json) print(JSON.stringify({ node: options.node, findings, blind }, null, 2));
  else {
    for (const line of [...findingLines(findings), ...blindLines(blind)]) print(line);
    if (findings.length === 0)
      print(
        blind.length === 0 ? "Nothing is the matter." : "Nothing is the matter in what could be looked at.",
      );
  }
  return statusOf(findings);
};
