/**
 * Why this node tells its peers nothing of a Service: a closed list, each with a sentence and a remedy. Where MetalLB has a word for a
 * reason in its logs, it is that word.
 */

/** In the order in which they are asked: the first that applies is told. */
export const SILENT_REASONS = [
  "nodeUnknown",
  "addressUnreadable",
  "noAddress",
  "addressOutsidePools",
  "notOwner",
  "noMatchingAdvertisement",
  "sharedIPWithServiceSelector",
  "conflictingAdvertisements",
  "nodeNetworkUnavailable",
  "nodeLabeledExcludeBalancers",
  "nodeLeaving",
  "noLocalEndpoints",
  "noEndpoints",
  "noPeers",
] as const;

export type SilentReason = (typeof SILENT_REASONS)[number];

/** Why one peer is told nothing: what holds for all of them, or that others are meant. */
export type PeerReason = SilentReason | "peerNotNamed";

export const PEER_REASONS: readonly PeerReason[] = [...SILENT_REASONS, "peerNotNamed"];

/** What is wrong, and what can be done, both as sentences without capital and full stop. */
export const REASON_TEXTS: Readonly<
  Record<PeerReason, { readonly message: string; readonly remedy: string }>
> = {
  nodeUnknown: {
    message: "there is no Node object for this node",
    remedy: "wait until the kubelet has registered the node, or end the speaker there",
  },
  addressUnreadable: {
    message: "the status of the Service lists something that is no address",
    remedy: "remove it from status.loadBalancer.ingress; another balancer may have written it",
  },
  noAddress: {
    message: "the status of the Service lists no address",
    remedy: "look at the condition steelyard.dev/Allocated of the Service",
  },
  addressOutsidePools: {
    message: "no IPAddressPool holds all addresses of the Service",
    remedy: "add them to one pool, or let the Service be given others",
  },
  notOwner: {
    message: "no BGPAdvertisement of the pool means this node",
    remedy: "create one, or change ipAddressPools or nodeSelectors of one",
  },
  noMatchingAdvertisement: {
    message: "BGPAdvertisements of the pool mean this node, and none of them the Service",
    remedy: "change serviceSelectors of one, or the labels of the Service",
  },
  sharedIPWithServiceSelector: {
    message: "the Service shares its address, and a BGPAdvertisement chooses it by serviceSelectors",
    remedy: "remove the annotation allow-shared-ip, or serviceSelectors of the BGPAdvertisement",
  },
  conflictingAdvertisements: {
    message: "two BGPAdvertisements ask for different localPref of one prefix towards one peer",
    remedy: "use the same localPref, or different peers, nodes or Services",
  },
  nodeNetworkUnavailable: {
    message: "this node has the condition NetworkUnavailable",
    remedy: "look at the network plugin on the node",
  },
  nodeLabeledExcludeBalancers: {
    message: "this node has the label node.kubernetes.io/exclude-from-external-load-balancers",
    remedy: "remove the label, or run speakers with --ignore-exclude-lb",
  },
  nodeLeaving: {
    message: "this node is leaving, and its routes were withdrawn",
    remedy: "nothing, unless the node is to stay: then remove what marks it",
  },
  noLocalEndpoints: {
    message: "no endpoint of the Service serves on this node, and externalTrafficPolicy is Local",
    remedy: "run a pod of the Service on the node, or use externalTrafficPolicy Cluster",
  },
  noEndpoints: {
    message: "no endpoint of the Service serves",
    remedy: "look at the pods of the Service: none is ready",
  },
  noPeers: {
    message: "none of the peers that the BGPAdvertisements name is a peer of this node",
    remedy: "create a BGPPeer, or change its nodeSelectors, or peers of a BGPAdvertisement",
  },
  peerNotNamed: {
    message: "the BGPAdvertisements of the Service name other peers",
    remedy: "add it to peers of a BGPAdvertisement",
  },
};

/** `No endpoint of the Service serves: look at the pods of the Service: none is ready.` */
export const reasonSentence = (reason: PeerReason): string => {
  const { message, remedy } = REASON_TEXTS[reason];
  return `${message.slice(0, 1).toUpperCase()}${message.slice(1)}: ${remedy}.`;
};
