/** What a running speaker says of its BGP sessions, as far as it is a finding. */
import { parseAddress } from "#base/address";
import { LEFT_OUT_TEXTS, type LeftOutReason } from "#core/bgp/rib-out/left-out";
import { PEER_REMEDIES, type PeerReason } from "#core/bgp-peers/reason";
import { fieldsOf, listOf, textOf } from "#core/kubernetes/read";

/** One peer, as far as the doctor looks at it. */
export type BgpPeerFacts = {
  readonly name: string;
  readonly address: string | undefined;
  readonly isEstablished: boolean;
  /** How long it has been so, in milliseconds. */
  readonly lasting: number;
  /** What went wrong last, or why no session comes about; empty: nothing. */
  readonly trouble: string;
  /** What BFD says; `undefined` without it. */
  readonly bfd: string | undefined;
  readonly leftOut: readonly { readonly reason: LeftOutReason; readonly count: number }[];
};

export type BgpFacts = {
  readonly peers: readonly BgpPeerFacts[];
  /** BGPPeers that mean this node and cannot be as they are asked for. */
  readonly refusedPeers: readonly {
    readonly peer: string;
    readonly text: string;
    readonly remedy: string;
  }[];
  /** What fails on this machine, in words. */
  readonly troubles: readonly string[];
};

/** More of them are one fault, and nobody reads them all. */
const MOST = 64;
const LONGEST = 400;

/** Whether a speaker with this command line announces through an FRR of its machine, to which port 179 belongs then. */
export const announcesByFrr = (words: readonly string[]): boolean =>
  words.some(
    (word, index) => word === "--bgp-engine=frr" || (word === "--bgp-engine" && words[index + 1] === "frr"),
  );

const shown = (value: unknown): string =>
  textOf(value)
    .replaceAll(/\p{Cc}+/gu, " ")
    .slice(0, LONGEST);

const isLeftOutReason = (text: string): text is LeftOutReason => Object.hasOwn(LEFT_OUT_TEXTS, text);
const isPeerReason = (text: string): text is PeerReason => Object.hasOwn(PEER_REMEDIES, text);

const leftOutIn = (value: unknown): BgpPeerFacts["leftOut"] =>
  listOf(value)
    .slice(0, MOST)
    .map(fieldsOf)
    .flatMap(({ reason, count }) => {
      const text = textOf(reason);
      return isLeftOutReason(text) && typeof count === "number" && count > 0 ? [{ reason: text, count }] : [];
    });

const peerIn = (value: unknown, now: number): readonly BgpPeerFacts[] => {
  const { name, address, state, since, failure, obstacle, bfd, leftOut } = fieldsOf(value);
  if (shown(name) === "" || typeof since !== "number") return [];
  const isEstablished = state === "established";
  const trouble = shown(obstacle) === "" ? shown(fieldsOf(failure).text) : shown(obstacle);
  return [
    {
      name: shown(name),
      address: parseAddress(textOf(address)),
      isEstablished,
      lasting: now - since,
      trouble: isEstablished ? "" : trouble,
      bfd: bfd === undefined ? undefined : shown(bfd),
      leftOut: leftOutIn(leftOut),
    },
  ];
};

const refusedIn = (value: unknown): BgpFacts["refusedPeers"] => {
  const { peer, reason, text } = fieldsOf(value);
  const word = textOf(reason);
  if (shown(peer) === "" || !isPeerReason(word)) return [];
  const remedy = PEER_REMEDIES[word];
  // The status says what would help behind what is wrong.
  const what = shown(text).replace(`: ${remedy}`, "");
  return [{ peer: shown(peer), text: what, remedy }];
};

/** Sessions of a speaker, from what it answered as its status; `undefined` if it says nothing of BGP. Never throws. */
export const bgpIn = (status: unknown): BgpFacts | undefined => {
  const { role, now, bgp } = fieldsOf(status);
  if (role !== "speaker" || typeof now !== "number" || typeof bgp !== "object" || bgp === null)
    return undefined;
  const { peers, refusedPeers, troubles } = fieldsOf(bgp);
  return {
    peers: listOf(peers)
      .slice(0, MOST)
      .flatMap((peer) => peerIn(peer, now)),
    refusedPeers: listOf(refusedPeers).slice(0, MOST).flatMap(refusedIn),
    troubles: listOf(troubles)
      .slice(0, MOST)
      .map(shown)
      .filter((text) => text !== ""),
  };
};
