/** CiliumBGPClusterConfig: with which routers the nodes speak. */
import { parseAddress } from "#base/address";
import type { Draft } from "../draft.ts";
import { given } from "../resource.ts";
import type { Section } from "../section.ts";
import { CAMEL, readSelectors, type WrittenSelector } from "../selectors.ts";
import { type Family, type PeerConfig, PLAIN_SESSION } from "./peer-config.ts";

/** A BGPPeer that was made, and what goes out to it. */
export type Peer = { readonly name: string; readonly families: readonly Family[] };

const ASN = { min: 0, max: 4_294_967_295 };

/** Where a peer is found: by its address, or as whoever answers on an interface. */
const placeOf = (
  section: Section,
): { readonly peerAddress?: string; readonly interface?: string } | undefined => {
  const text = section.text("peerAddress");
  const address = text === undefined ? undefined : parseAddress(text.trim());
  if (text !== undefined && address === undefined)
    section.lost("peerAddress", `${JSON.stringify(text.slice(0, 60))} is no address`);
  const discovery = section.section("autoDiscovery");
  if (address !== undefined || discovery === undefined)
    return address === undefined ? undefined : { peerAddress: address };
  const device = discovery.section("unnumbered")?.text("interface");
  if (discovery.text("mode") === "Unnumbered" && device !== undefined) return { interface: device };
  section.lost("autoDiscovery", "a peer is named by its address, or by an interface (mode Unnumbered)");
  return undefined;
};

const readPeer = (
  section: Section,
  {
    draft,
    myASN,
    nodeSelectors,
    configs,
  }: {
    readonly draft: Draft;
    readonly myASN: number | undefined;
    readonly nodeSelectors: readonly WrittenSelector[];
    readonly configs: ReadonlyMap<string, PeerConfig>;
  },
): Peer | undefined => {
  const name = section.text("name") ?? "";
  const place = placeOf(section);
  const peerASN = section.whole("peerASN", ASN) ?? 0;
  const reference = section.section("peerConfigRef");
  const wanted = reference?.text("name");
  reference?.dismiss("needless", ["group", "kind"], "there is one kind of it");
  reference?.close("a reference");
  section.close("a peer");
  const config = wanted === undefined ? undefined : configs.get(wanted);
  if (wanted !== undefined && config === undefined)
    section.lost("peerConfigRef", `there is no CiliumBGPPeerConfig ${wanted.slice(0, 100)} in these files`);
  if (place === undefined || myASN === undefined) {
    draft.report.lost(
      section.about,
      "is left out: it needs a place to be found at, and its instance a localASN",
    );
    return undefined;
  }
  if (peerASN === 0) section.changed("peerASN", "dynamicASN: external, which takes any number but localASN");
  const { isMultiHop, ...session } = config?.session ?? PLAIN_SESSION;
  const families = config?.families ?? [];
  const isExternal = peerASN === 0 || peerASN !== myASN;
  const spec = given({
    myASN,
    ...(peerASN === 0 ? { dynamicASN: "external" } : { peerASN }),
    ...place,
    ...session,
    ebgpMultiHop: isMultiHop && isExternal ? true : undefined,
    nodeSelectors,
    // Both families in one session, whichever it runs over.
    dualStackAddressFamily: new Set(families.map(({ afi }) => afi)).size > 1 ? true : undefined,
  });
  return {
    name: draft.add("BGPPeer", { wanted: name, fallback: "peer", origin: section.about, spec }),
    families,
  };
};

/** Reads the configuration of a group of nodes, and adds its peers. */
export const readClusterConfig = (
  section: Section,
  { draft, configs }: { readonly draft: Draft; readonly configs: ReadonlyMap<string, PeerConfig> },
): readonly Peer[] => {
  const spec = section.section("spec");
  if (spec === undefined) {
    draft.report.lost(section.about, "is left out: it has no spec");
    return [];
  }
  const node = spec.section("nodeSelector");
  const nodeSelectors = readSelectors(node === undefined ? [] : [node], CAMEL);
  const instances = spec.sections("bgpInstances");
  spec.close("a BGP configuration");
  if (nodeSelectors === undefined) {
    draft.report.lost(
      section.about,
      "is left out: without its node selector its peers would be peers of every node",
    );
    return [];
  }
  return instances.flatMap((instance) => {
    instance.raw("name");
    const myASN = instance.whole("localASN", { ...ASN, min: 1 });
    instance.dismiss("lost", ["localPort"], "steelyard opens sessions itself and listens for none");
    const peers = instance.sections("peers");
    instance.close("a BGP instance");
    return peers.flatMap((peer) => readPeer(peer, { draft, myASN, nodeSelectors, configs }) ?? []);
  });
};
