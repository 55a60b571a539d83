/** CiliumBGPPeeringPolicy, which Cilium had before its other BGP resources. */
import { parseInterfaceAddress } from "#base/prefix";
import type { Draft } from "../draft.ts";
import { given } from "../resource.ts";
import type { Section } from "../section.ts";
import { CAMEL, meansAll, readSelector, readSelectors, type WrittenSelector } from "../selectors.ts";
import { readCommunities } from "./community.ts";
import { readGracefulRestart, readTimes } from "./peer-config.ts";
import { advertisedServices, readServiceSelector, unsaidInAdvertisement } from "./selector.ts";

const ASN = { min: 1, max: 4_294_967_295 };

/** What a neighbour's attributes add to the routes of some pools. */
type Attributes = {
  readonly origin: Section;
  readonly pools: readonly WrittenSelector[];
  readonly spec: object;
};

const attributesOf = (neighbor: Section, draft: Draft): readonly Attributes[] =>
  neighbor.sections("advertisedPathAttributes").flatMap((section) => {
    const type = section.text("selectorType");
    const selecting = section.section("selector");
    const read = selecting === undefined ? undefined : readSelector(selecting, CAMEL);
    const communities = readCommunities(section.section("communities"), draft);
    const localPref = section.whole("localPreference", { min: 0, max: 4_294_967_295 });
    section.close("path attributes");
    if (type !== "CiliumLoadBalancerIPPool" || read?.whole === false) {
      draft.report.lost(section.about, "is left out: only attributes of pools of load balancers are carried");
      return [];
    }
    const pools = read === undefined || meansAll(read.selector) ? [] : [read.selector];
    // Routes of all pools go out without a preference as well, and two for one route are refused.
    if (pools.length > 0 && localPref !== undefined)
      section.lost(
        "localPreference",
        "is of some pools only; write a BGPAdvertisement for each group of pools instead",
      );
    const spec = given({ communities, localPref: pools.length > 0 ? undefined : localPref });
    return [{ origin: section, pools, spec }];
  });

/** Reads a neighbour, and adds it; gives its name and what its attributes add. */
const readNeighbor = (
  neighbor: Section,
  {
    draft,
    myASN,
    nodeSelectors,
  }: {
    readonly draft: Draft;
    readonly myASN: number | undefined;
    readonly nodeSelectors: readonly WrittenSelector[];
  },
): { readonly name: string; readonly attributes: readonly Attributes[] } | undefined => {
  const text = neighbor.text("peerAddress") ?? "";
  const address = parseInterfaceAddress(text.trim())?.address;
  const peerASN = neighbor.whole("peerASN", ASN);
  const hops = neighbor.whole("eBGPMultihopTTL", { min: 1, max: 255 }) ?? 1;
  const families = new Set(neighbor.sections("families").map((each) => each.text("afi")));
  const attributes = attributesOf(neighbor, draft);
  neighbor.dismiss(
    "lost",
    ["authSecretRef"],
    "write the Secret's name into passwordSecret of the BGPPeer; it must lie beside it, of type kubernetes.io/basic-auth",
  );
  const rest = {
    peerPort: neighbor.whole("peerPort", { min: 1, max: 16_384 }),
    ...readTimes(neighbor),
    enableGracefulRestart: readGracefulRestart(neighbor.section("gracefulRestart")),
    ebgpMultiHop: hops > 1 && myASN !== peerASN ? true : undefined,
    nodeSelectors,
    // Cilium speaks of both families unless told otherwise.
    dualStackAddressFamily: families.size === 1 ? undefined : true,
  };
  neighbor.close("a neighbor");
  if (myASN === undefined || peerASN === undefined || address === undefined) {
    draft.report.lost(neighbor.about, "is left out: localASN, peerASN and peerAddress are needed");
    return undefined;
  }
  const wanted = `peer-${address}`.replaceAll(":", "-");
  const spec = given({ myASN, peerASN, peerAddress: address, ...rest });
  return {
    name: draft.add("BGPPeer", { wanted, fallback: "peer", origin: neighbor.about, spec }),
    attributes,
  };
};

const advertise = (
  router: Section,
  {
    draft,
    name,
    peers,
    serviceSelectors,
  }: {
    readonly draft: Draft;
    readonly name: string;
    readonly peers: readonly NonNullable<ReturnType<typeof readNeighbor>>[];
    readonly serviceSelectors: readonly WrittenSelector[];
  },
): void => {
  const add = (origin: Section, spec: object): void => {
    draft.add("BGPAdvertisement", {
      wanted: name,
      fallback: "advertisement",
      origin: origin.about,
      spec: given({ ...spec, serviceSelectors }),
    });
  };
  const plain = peers.filter(({ attributes }) => !attributes.some(({ pools }) => pools.length === 0));
  if (plain.length > 0) add(router, { peers: plain.map((peer) => peer.name) });
  for (const { name: peer, attributes } of peers)
    for (const { origin, pools, spec } of attributes)
      if (Object.keys(spec).length > 0 || pools.length === 0)
        add(origin, { ...spec, ipAddressPoolSelectors: pools, peers: [peer] });
};

const readRouter = (
  router: Section,
  {
    draft,
    name,
    nodeSelectors,
  }: {
    readonly draft: Draft;
    readonly name: string;
    readonly nodeSelectors: readonly WrittenSelector[];
  },
): void => {
  const myASN = router.whole("localASN", ASN);
  if (router.flag("exportPodCIDR") === true) router.lost("exportPodCIDR", "routes of pods remain the CNI's");
  router.dismiss("lost", ["podIPPoolSelector"], "routes of pods remain the CNI's");
  router.dismiss(
    "lost",
    ["serviceAdvertisements"],
    "steelyard announces the addresses that load balancers get",
  );
  const selecting = router.section("serviceSelector");
  const peers = router
    .sections("neighbors")
    .flatMap((each) => readNeighbor(each, { draft, myASN, nodeSelectors }) ?? []);
  router.close("a virtual router");
  if (selecting === undefined) {
    draft.report.needless(router.about, "announces no Services, as it has no serviceSelector");
    return;
  }
  const selector = readServiceSelector(selecting);
  const unsaid = unsaidInAdvertisement(selector);
  if (unsaid === undefined)
    advertise(router, { draft, name, peers, serviceSelectors: advertisedServices(selector) });
  else
    draft.report.lost(
      router.at("serviceSelector"),
      `nothing is announced: ${unsaid}, which BGPAdvertisement cannot`,
    );
};

/** Reads a policy, and adds its peers and what they are told. */
export const readPeeringPolicy = (section: Section, draft: Draft): void => {
  const name = section.section("metadata")?.text("name") ?? "";
  const spec = section.section("spec");
  if (spec === undefined) {
    draft.report.lost(section.about, "is left out: it has no spec");
    return;
  }
  const node = spec.section("nodeSelector");
  const nodeSelectors = readSelectors(node === undefined ? [] : [node], CAMEL);
  const routers = spec.sections("virtualRouters");
  spec.close("a peering policy");
  if (nodeSelectors === undefined) {
    draft.report.lost(
      section.about,
      "is left out: without its node selector its peers would be peers of every node",
    );
    return;
  }
  for (const router of routers) readRouter(router, { draft, name, nodeSelectors });
};
