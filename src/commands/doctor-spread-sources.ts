/** Whether routers spread over nodes: what there is to be tried is found in the cluster, and tried. */
import type { BgpFacts } from "#core/doctor/bgp-status";
import type { Spread } from "#core/doctor/spread";
import { spreadQuestion } from "#core/doctor/spread-question";
import { fieldsOf, listOf } from "#core/kubernetes/read";
import { openCluster } from "#drivers/kubernetes/cluster";
import { findCredentials } from "#drivers/kubernetes/in-cluster";
import type { Target } from "#drivers/kubernetes/port";
import { openNetlink } from "#drivers/netlink/linux";
import { openSegmentPort } from "#drivers/packet/linux-segments";
import { BGP_STATUSES, CONFIGURATION_KINDS, NODES, SERVICES } from "#runtime/cluster/resources";
import { readPatiently } from "./cluster-world.ts";
import { trySpread } from "./doctor-spread.ts";

type Looked = { readonly facts: Spread | undefined; readonly blind: readonly string[] };

const NOTHING: Looked = { facts: undefined, blind: [] };

/** Thousands of Services are read at once. */
const MOST_BYTES = 64 * 1_024 * 1_024;

/** Lists of these objects, or what could not be read. */
const read = async (
  { kubeconfig }: { readonly kubeconfig: string | undefined },
  targets: readonly Target[],
): Promise<readonly (readonly unknown[])[] | string | undefined> => {
  const credentials = findCredentials({ kubeconfig });
  // That there is no cluster has been said already.
  if (!credentials.ok) return undefined;
  const cluster = openCluster(credentials.value, { mostBytes: MOST_BYTES });
  try {
    const answers = await Promise.all(targets.map((target) => readPatiently(cluster, target)));
    const failed = answers.find(({ ok }) => !ok);
    if (failed?.ok === false) return failed.failure.message;
    return answers.map((answer) => (answer.ok ? listOf(fieldsOf(answer.body).items) : []));
  } finally {
    cluster.close();
  }
};

/** Tries the first address that several nodes announce to a router that this one has a session with. */
export const spreadFacts = async (
  options: { readonly kubeconfig: string | undefined; readonly namespace: string },
  bgp: BgpFacts | undefined,
): Promise<Looked> => {
  const advertisements = CONFIGURATION_KINDS.get("BGPAdvertisement");
  if (advertisements === undefined || bgp?.peers.some(({ isEstablished }) => isEstablished) !== true)
    return NOTHING;
  const { namespace } = options;
  const lists = await read(options, [
    { resource: BGP_STATUSES, namespace },
    { resource: SERVICES },
    { resource: NODES },
    { resource: advertisements, namespace },
  ]);
  if (lists === undefined) return NOTHING;
  if (typeof lists === "string")
    return { facts: undefined, blind: [`whether routers spread over nodes: ${lists}`] };
  const [statuses = [], services = [], nodes = [], ads = []] = lists;
  const question = spreadQuestion({ statuses, services, nodes, advertisements: ads, bgp });
  if (question === undefined) return NOTHING;
  const netlink = openNetlink();
  if (!netlink.ok) return NOTHING;
  try {
    const tried = await trySpread(question, { packets: openSegmentPort(), netlink: netlink.value });
    return tried.ok ? { facts: tried.spread, blind: [] } : { facts: undefined, blind: [tried.problem] };
  } finally {
    netlink.value.close();
  }
};
