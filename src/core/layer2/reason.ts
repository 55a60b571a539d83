/** Why a node may not answer for an address, and why nobody does: closed lists, each with a sentence and a remedy. */
import { IMPAIRMENTS, type Impairment } from "#core/node/impairment";

/** Why a node is left out, in the order in which it is asked: the first that applies is told. */
export const LEFT_OUT_REASONS = [
  "node-unknown",
  "no-speaker",
  "no-advertisement",
  "network-unavailable",
  "excluded-by-label",
  ...IMPAIRMENTS,
  "no-local-endpoint",
  "no-usable-link",
  "interface-absent",
  "other-subnet",
] as const;

export type LeftOutReason = (typeof LEFT_OUT_REASONS)[number];

/** A node that may not answer. */
export type LeftOut = {
  readonly node: string;
  readonly reason: LeftOutReason;
  /** What is wrong, as the end of `node a `: `has no endpoint of the Service`. */
  readonly text: string;
};

/** Why nobody answers for a Service, in the order in which it is asked. */
export const SILENT_REASONS = [
  "address-unreadable",
  "no-address",
  "address-outside-pools",
  "no-advertisement",
  "shared-with-service-selector",
  "no-endpoints",
  "no-candidates",
] as const;

export type SilentReason = (typeof SILENT_REASONS)[number];

/** What is wrong, as the end of `node a `, where it does not depend on more than the reason. */
export const LEFT_OUT_TEXTS: Readonly<
  Record<Exclude<LeftOutReason, Impairment | "interface-absent">, string>
> = {
  "node-unknown": "runs a speaker, and has no Node object",
  "no-speaker": "runs no speaker",
  "no-advertisement": "is meant by no L2Advertisement that applies to the Service",
  "network-unavailable": "has the condition NetworkUnavailable",
  "excluded-by-label": "has the label node.kubernetes.io/exclude-from-external-load-balancers",
  "no-local-endpoint": "has no endpoint of the Service that serves, and externalTrafficPolicy is Local",
  "no-usable-link": "has no interface that is up and can answer",
  "other-subnet": "has no interface in the subnet of the address, and other nodes have",
};

/** What can be done about each, as a sentence without its capital and its full stop. */
export const LEFT_OUT_REMEDIES: Readonly<Record<LeftOutReason, string>> = {
  "node-unknown": "wait until the kubelet has registered the node, or end the speaker there",
  "no-speaker": "let the speaker's DaemonSet run on the node: look at its node selector and tolerations",
  "no-advertisement": "change nodeSelectors or serviceSelectors of an L2Advertisement",
  "network-unavailable": "look at the network plugin on the node",
  "excluded-by-label": "remove the label, or run speakers with --ignore-exclude-lb",
  cordoned: "uncordon the node",
  leaving: "nothing, unless the node is to stay: then remove what marks it",
  "not-ready": "look at the kubelet on the node",
  unreachable: "look whether the machine is on and its kubelet reaches the API server",
  "out-of-service": "remove the taint once the machine is back",
  "no-local-endpoint": "run a pod of the Service on the node, or use externalTrafficPolicy Cluster",
  "no-usable-link": "bring an interface up",
  "interface-absent": "correct interfaces of the L2Advertisement, or leave the node out by its nodeSelectors",
  "other-subnet": "give the node an address in the subnet, or leave it out by nodeSelectors",
};

/** Why nobody answers for a Service, as a sentence and what can be done, both without capital and full stop. */
export const SILENT_TEXTS: Readonly<
  Record<SilentReason, { readonly message: string; readonly remedy: string }>
> = {
  "no-address": {
    message: "the status of the Service lists no address",
    remedy: "look at the condition steelyard.dev/Allocated of the Service",
  },
  "address-unreadable": {
    message: "the status of the Service lists something that is no address",
    remedy: "remove it from status.loadBalancer.ingress; another balancer may have written it",
  },
  "address-outside-pools": {
    message: "no IPAddressPool holds all addresses of the Service",
    remedy: "add them to one pool, or let the Service be given others",
  },
  "no-advertisement": {
    message: "no L2Advertisement means the pool of the Service and the Service itself",
    remedy: "create one, or change ipAddressPools or serviceSelectors of one",
  },
  "shared-with-service-selector": {
    message: "the Service shares its address, and an L2Advertisement chooses it by serviceSelectors",
    remedy: "remove the annotation allow-shared-ip, or serviceSelectors of the L2Advertisement",
  },
  "no-endpoints": {
    message: "no endpoint of the Service serves",
    remedy: "look at the pods of the Service: none is ready",
  },
  "no-candidates": {
    message: "every node is left out",
    remedy: "mend what leaves out one of them",
  },
};

/** `Node a is cordoned: uncordon the node.` */
export const leftOutSentence = ({ node, reason, text }: LeftOut): string =>
  `Node ${node} ${text}: ${LEFT_OUT_REMEDIES[reason]}.`;

/** `Every node is left out: mend what leaves out one of them.` */
export const silentSentence = (reason: SilentReason): string => {
  const { message, remedy } = SILENT_TEXTS[reason];
  return `${message.slice(0, 1).toUpperCase()}${message.slice(1)}: ${remedy}.`;
};
