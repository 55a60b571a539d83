/** What keeps sessions with routers from working. */

import { ERRORS } from "#core/bgp/message/error-codes";
import { LEFT_OUT_TEXTS, type LeftOutReason } from "#core/bgp/rib-out/left-out";
import { describeCause } from "#core/bgp/session/words";
import type { BgpPeerFacts } from "./bgp-status.ts";
import type { Facts } from "./facts.ts";
import type { Finding, FindingCode } from "./finding.ts";

const BGP_PORT = 179;
/** A session that has been down for less may just be coming up. */
const LASTING_MS = 60_000;

/** What the figures on the other side are to be. */
const COMPARE = "steelyard router-config --vendor frr --peer";

type Kind = {
  readonly code: FindingCode;
  /** Whether it is this, by what the speaker says. */
  readonly fits: (trouble: string) => boolean;
  readonly message: (peer: BgpPeerFacts) => string;
  readonly remedy: (peer: BgpPeerFacts) => string;
};

const NO_DATA = { code: 0, subcode: 0, data: new Uint8Array(0) };

/** What we say of an OPEN that we refuse. */
const ourRefusal = (refusal: "bad-peer-asn" | "unacceptable-hold-time"): string =>
  describeCause({ type: "open-refused", refusal, notification: { type: "notification", ...NO_DATA } });

const OPEN = ERRORS.open.subcodes;

const where = ({ name, address }: BgpPeerFacts): string =>
  address === undefined ? `the router of BGPPeer ${name}` : `the router ${address}`;

const compared = ({ name }: BgpPeerFacts): string =>
  `${COMPARE} ${name} shows what the router has to have; correct it there, or in: kubectl edit bgppeer ${name}`;

/** In the order in which they are tried. */
const KINDS: readonly Kind[] = [
  {
    code: "bgp-wrong-asn",
    fits: (trouble) =>
      trouble.includes(ourRefusal("bad-peer-asn")) || trouble.includes(OPEN["bad-peer-as"][1]),
    message: (peer) =>
      `${where(peer)} and this node do not agree on the numbers of their autonomous systems (${peer.trouble}).`,
    remedy: compared,
  },
  {
    code: "bgp-hold-time",
    fits: (trouble) =>
      trouble.includes(ourRefusal("unacceptable-hold-time")) ||
      trouble.includes(OPEN["unacceptable-hold-time"][1]),
    message: (peer) => `${where(peer)} and this node do not agree on a hold time (${peer.trouble}).`,
    remedy: compared,
  },
  {
    code: "bgp-connection-refused",
    fits: (trouble) => /\bECONNREFUSED\b/.test(trouble),
    message: (peer) =>
      `${where(peer)} refuses the connection: no BGP listens there, on that port, or for this node's address.`,
    remedy: compared,
  },
  {
    code: "bgp-unreachable",
    fits: (trouble) => /\b(?:ETIMEDOUT|EHOSTUNREACH|ENETUNREACH)\b/.test(trouble),
    message: (peer) =>
      `${where(peer)} does not answer (${peer.trouble}). A firewall looks like this, and so does a password that only one side has, or that is another one.`,
    remedy: ({ name, address }) =>
      `Let TCP port ${BGP_PORT} through between this node and the router, and compare passwords; then look: ${address === undefined ? `kubectl get bgppeer ${name} -o yaml` : `ip route get ${address}`}`,
  },
];

const downFinding = (peer: BgpPeerFacts, md5: Facts["md5Drops"]): Finding => {
  const kind = KINDS.find(({ fits }) => fits(peer.trouble));
  const base = { severity: "error", subject: peer.name } as const;
  const dropped = (md5?.wrong ?? 0) + (md5?.missing ?? 0) + (md5?.unexpected ?? 0);
  if (kind?.code === "bgp-unreachable" && md5 !== undefined && dropped > 0) {
    return {
      ...{ ...base, code: "bgp-password" },
      message: `${where(peer)} does not answer, and since its start this machine has dropped ${md5.wrong} segments with a wrong signature (TCP MD5), ${md5.missing} without one, and ${md5.unexpected} with one that was not expected: passwords differ.`,
      remedy: `Give the router and BGPPeer ${peer.name} the same password, or neither: kubectl edit bgppeer ${peer.name}`,
    };
  }
  if (kind !== undefined)
    return { ...base, code: kind.code, message: kind.message(peer), remedy: kind.remedy(peer) };
  const why = peer.trouble === "" ? "no reason is known" : peer.trouble;
  return {
    ...{ ...base, code: "bgp-down" },
    message: `There has been no session with ${where(peer)} for ${Math.floor(peer.lasting / 60_000)} min: ${why}.`,
    remedy: compared(peer),
  };
};

const LEFT_OUT_REMEDIES: Readonly<Record<LeftOutReason, string>> = {
  "family-not-spoken": "Let the router speak the family, or set dualStackAddressFamily to what both do.",
  "no-next-hop": "Give the interface towards the router an address of their family.",
  "over-limit": "Raise the annotation steelyard.dev/route-limit of the BGPPeer, or aggregate more.",
};

const leftOutFindings = ({ name, leftOut }: BgpPeerFacts): readonly Finding[] =>
  leftOut.map(({ reason, count }) => ({
    ...{ code: "bgp-left-out", severity: "warning", subject: name },
    message: `The router of BGPPeer ${name} is not told ${count} routes, which ${LEFT_OUT_TEXTS[reason]}.`,
    remedy: LEFT_OUT_REMEDIES[reason],
  }));

const peerFindings = (peer: BgpPeerFacts, md5: Facts["md5Drops"]): readonly Finding[] => {
  if (!peer.isEstablished) return peer.lasting < LASTING_MS ? [] : [downFinding(peer, md5)];
  const isSilent = peer.bfd !== undefined && peer.bfd !== "up" && peer.bfd !== "admin-down";
  const silent: readonly Finding[] =
    isSilent && peer.lasting >= LASTING_MS
      ? [
          {
            ...{ code: "bgp-bfd-silent", severity: "warning", subject: peer.name },
            message: `The session with ${where(peer)} is up, and its BFD is not (${peer.bfd}): a dead router is noticed by the hold time only.`,
            remedy: `Switch BFD on in the router for this node (${COMPARE} ${peer.name}), and let UDP ports 3784 and 4784 through.`,
          },
        ]
      : [];
  return [...silent, ...leftOutFindings(peer)];
};

/** Sessions with routers, as the speaker of this node has them. */
export const bgpFindings = ({ bgp, md5Drops }: Facts): readonly Finding[] => {
  if (bgp === undefined) return [];
  return [
    ...bgp.refusedPeers.map(
      ({ peer, text, remedy }): Finding => ({
        ...{ code: "bgp-peer-refused", severity: "error", subject: peer },
        message: `There is no session for BGPPeer ${peer} on this node: it ${text}.`,
        remedy: `${remedy.charAt(0).toUpperCase()}${remedy.slice(1)}: kubectl edit bgppeer ${peer}`,
      }),
    ),
    ...bgp.peers.flatMap((peer) => peerFindings(peer, md5Drops)),
  ];
};

const isListening = (trouble: string): boolean => trouble.includes(`listening on port ${BGP_PORT} `);

/** Another program that speaks BGP here. */
export const bgpPortFindings = ({ node, bgp, bgpPortTakenBy }: Facts): readonly Finding[] => {
  // Without routers of ours nobody is in anybody's way.
  if (bgpPortTakenBy === undefined || bgp === undefined || bgp.peers.length + bgp.refusedPeers.length === 0)
    return [];
  const cannotListen = bgp.troubles.find(isListening);
  return [
    {
      ...{
        code: "bgp-port-taken",
        severity: cannotListen === undefined ? "warning" : "error",
        subject: node,
      },
      message: `TCP port ${BGP_PORT} belongs to ${bgpPortTakenBy}: routers that connect to this node reach that program, and one that has a session with it takes no second one from the same address.`,
      remedy: bgpPortTakenBy.startsWith("bgpd ")
        ? "Announce through that FRR (steelyard speaker --bgp-engine frr), or name other routers in BGPPeers than it talks to"
        : `Let the speaker only connect (no --bgp-listen) and to other routers than that program does, or let it listen on another port; who it is: ss -tlpn sport = :${BGP_PORT}`,
    },
  ];
};

/** What fails of BGP on this machine, besides sessions. */
export const bgpTroubleFindings = ({ node, bgp, bgpPortTakenBy }: Facts): readonly Finding[] =>
  (bgp?.troubles ?? [])
    .filter((text) => bgpPortTakenBy === undefined || !isListening(text))
    .map((text) => ({
      ...{ code: "bgp-trouble", severity: "error", subject: node },
      message: `The speaker of this node says: ${text}.`,
      remedy: /\bFRR\b/.test(text)
        ? "Look at FRR: systemctl status frr; vtysh -c 'show running-config'"
        : "Look at what happened before: steelyard events --admin /run/steelyard/speaker.sock",
    }));

/** Pools that nobody announces, and peers that no node talks to. */
export const routingFindings = ({ pools = [], routing }: Facts): readonly Finding[] => {
  if (routing === undefined) return [];
  return [
    ...pools
      .filter(({ name }) => !routing.layer2Pools.has(name) && !routing.bgpPools.has(name))
      .map(
        ({ name }): Finding => ({
          ...{ code: "pool-unannounced", severity: "warning", subject: name },
          message: `No L2Advertisement and no BGPAdvertisement means pool ${name}: its addresses are given to Services and lead nowhere.`,
          remedy: `Name it in ipAddressPools of one of them: kubectl get l2advertisements,bgpadvertisements -A -o yaml`,
        }),
      ),
    ...routing.idlePeers.map(
      (peer): Finding => ({
        ...{ code: "bgp-peer-nowhere", severity: "warning", subject: peer },
        message: `The nodeSelectors of BGPPeer ${peer} match no node, so nobody opens a session with its router.`,
        remedy: `Correct the nodeSelectors, or label nodes: kubectl edit bgppeer ${peer}`,
      }),
    ),
  ];
};
