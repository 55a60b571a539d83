/** Why a BGPPeer that means this node has no session: a closed list. */

/** In the order in which it is asked. */
export const PEER_REASONS = [
  "metallb-speaker",
  "annotation",
  "link-name",
  "link-local",
  "source-address",
  "router-id",
  "multihop-internal",
  "multihop-ttl-security",
  "passive-unheard",
  "families",
  "keepalive",
  "bfd-profile",
  "bfd-echo",
  "secret-elsewhere",
  "secret-unread",
  "secret-absent",
  "secret-wrong",
  "password",
  "same-neighbour",
  "other-router-id",
  "other-asn",
] as const;

export type PeerReason = (typeof PEER_REASONS)[number];

/** A peer that this node does not talk to although it is meant. */
export type RefusedPeer = {
  readonly name: string;
  readonly reason: PeerReason;
  /** What is wrong, as the end of a sentence about the peer: `has the router identifier of peer "a"`. Never holds a password. */
  readonly text: string;
};

/** What can be done about each, as a sentence without its capital and its full stop. */
export const PEER_REMEDIES: Readonly<Record<PeerReason, string>> = {
  "metallb-speaker": "nothing: it begins as soon as that one is gone",
  annotation: "correct or remove the annotation",
  "link-name": "use the name of a link as the kernel has it, of 1 to 15 bytes",
  "link-local": "use interface instead of peerAddress",
  "source-address": "use an address of the peer's family, or leave it out",
  "router-id": "use an IPv4 address, not 0.0.0.0",
  "multihop-internal": "remove ebgpMultiHop, which sessions inside one autonomous system do not need",
  "multihop-ttl-security": "remove ebgpMultiHop or the annotation steelyard.dev/ttl-security",
  "passive-unheard": "run speakers with --bgp-listen, or remove the annotation steelyard.dev/passive",
  families: "remove disableMP or dualStackAddressFamily",
  keepalive: "use 1s or more, a third of the hold time at best",
  "bfd-profile": "create it, or correct bfdProfile",
  "bfd-echo": "use a BFDProfile without echoMode for it",
  "secret-elsewhere":
    "move the Secret into the namespace of the BGPPeer, and remove passwordSecret.namespace",
  "secret-unread":
    "let speakers read it: name it in speaker.bgp.passwordSecrets of the chart, or in their Role",
  "secret-absent": "create it, or correct passwordSecret.name",
  "secret-wrong": "make it of type kubernetes.io/basic-auth with the key password",
  password: "use 1 to 80 bytes",
  "same-neighbour": "remove one of them, or give them disjoint nodeSelectors",
  "other-router-id": "use the same routerID for all peers of a node",
  "other-asn": "use the same myASN for all peers of a VRF, and localASN where they differ",
};

/** `Peer tor names no Secret that is there: create it.` */
export const refusedPeerSentence = ({ name, reason, text }: RefusedPeer): string =>
  `BGPPeer ${name} ${text}: ${PEER_REMEDIES[reason]}`;
