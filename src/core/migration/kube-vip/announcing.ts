/** How addresses of Services are announced, as kube-vip's DaemonSet is told in its environment. */
import { parseAddress } from "#base/address";
import type { Draft } from "../draft.ts";
import type { Subject } from "../report.ts";
import { given } from "../resource.ts";
import type { WrittenSelector } from "../selectors.ts";
import type { Environment } from "./environment.ts";

/** How the pools are to be announced. */
export type Announcing = {
  /** By ARP and NDP. */
  readonly l2: boolean;
  /** Names of the BGPPeers that are told; empty when none is. */
  readonly peers: readonly string[];
  /** Interface of pools that have none of their own. */
  readonly interface: string | undefined;
  /** One must match a node; none means all nodes. */
  readonly nodeSelectors: readonly WrittenSelector[];
};

/** What is done where nothing is known of the DaemonSet. */
export const BY_ARP: Announcing = { l2: true, peers: [], interface: undefined, nodeSelectors: [] };

/** kube-vip's own figures where nothing is said. */
const DEFAULTS = { asn: 65_000, holdTime: 30, keepaliveTime: 10 } as const;

/** A peer as one of the list of them: `192.0.2.1:65000:password:true:179`, IPv6 in brackets. */
type PeerText = {
  readonly place: { readonly peerAddress: string } | { readonly interface: string };
  readonly asn: number | undefined;
  readonly password: string;
  readonly isMultiHop: boolean;
  readonly port: number | undefined;
  /** What follows, about several families and BFD. */
  readonly rest: readonly string[];
};

const BRACKETED = /^\[([0-9a-fA-F:.]{2,45})\]:(.*)$/;
const UNNUMBERED = /^unnumbered:([^\s/:,]{1,15}):(.*)$/;
const TRUE = /^(?:1|t|T|TRUE|true|True)$/;

const numberOf = (text: string | undefined, most: number): number | undefined => {
  const number = /^\d{1,10}$/.test(text ?? "") ? Number(text) : Number.NaN;
  return number >= 1 && number <= most ? number : undefined;
};

/** Reads a peer; `undefined` if the text is none. */
export const parsePeer = (text: string): PeerText | undefined => {
  const bracketed = BRACKETED.exec(text);
  const unnumbered = UNNUMBERED.exec(text);
  const [first = "", ...others] = text.split(":");
  const fields = (bracketed?.[2] ?? unnumbered?.[2])?.split(":") ?? others;
  const [asn, password = "", multiHop = "", port, ...rest] = fields;
  const device = unnumbered?.[1];
  const address = device === undefined ? parseAddress(bracketed?.[1] ?? first) : undefined;
  if (device === undefined && address === undefined) return undefined;
  return {
    place: device === undefined ? { peerAddress: address ?? "" } : { interface: device },
    asn: numberOf(asn, 4_294_967_295),
    password,
    isMultiHop: TRUE.test(multiHop),
    port: numberOf(port, 16_384),
    rest: rest.filter((part) => part !== ""),
  };
};

type Session = { readonly myASN: number; readonly fields: object };

const readSession = (environment: Environment): Session => {
  const seconds = (name: string, otherwise: number): number =>
    environment.whole(name, { min: 1, max: 65_535 }) ?? otherwise;
  const holdTime = Math.max(3, seconds("bgp_hold_time", DEFAULTS.holdTime));
  const keepalive = seconds(
    "bgp_keepalive_interval",
    Math.min(DEFAULTS.keepaliveTime, Math.floor(holdTime / 3)),
  );
  return {
    myASN: environment.whole("bgp_as", { min: 1, max: 4_294_967_295 }) ?? DEFAULTS.asn,
    fields: {
      sourceAddress: environment.address("bgp_sourceip"),
      holdTime: `${holdTime}s`,
      keepaliveTime: `${Math.min(keepalive, holdTime)}s`,
    },
  };
};

/** The texts of the peers: the list, and the one that has variables of its own. */
const peerTexts = (
  environment: Environment,
): readonly { readonly text: string; readonly about: Subject }[] => {
  const list = environment.value("bgp_peers");
  const address = environment.value("bgp_peeraddress");
  const asn = environment.value("bgp_peeras");
  const password = environment.value("bgp_peerpass");
  const multiHop = environment.value("bgp_multihop");
  const listed = (list?.text ?? "")
    .split(",", 1_000)
    .filter((text) => text !== "")
    .map((text) => ({ text, about: list?.about ?? environment.about }));
  if (address === undefined) return listed;
  const host = address.text.includes(":") ? `[${address.text}]` : address.text;
  const text = [host, asn?.text ?? "", password?.text ?? "", multiHop?.text ?? ""].join(":");
  return [...listed, { text, about: address.about }];
};

/** Reads the peers, and adds them; gives the names that they got. */
export const readPeers = (
  environment: Environment,
  { draft, nodeSelectors }: { readonly draft: Draft; readonly nodeSelectors: readonly WrittenSelector[] },
): readonly string[] => {
  const { myASN, fields } = readSession(environment);
  return peerTexts(environment).flatMap(({ text, about }) => {
    const peer = parsePeer(text);
    if (peer?.asn === undefined) {
      // Without the text: there may be a password in it.
      draft.report.lost(about, "a peer is left out: it is not ADDRESS:ASN[:PASSWORD[:MULTIHOP[:PORT]]]");
      return [];
    }
    if (peer.rest.length > 0)
      draft.report.lost(
        about,
        "options for several families and BFD; write dualStackAddressFamily or a BFDProfile instead",
      );
    const name = "interface" in peer.place ? peer.place.interface : peer.place.peerAddress;
    const spec = given({
      myASN,
      peerASN: peer.asn,
      ...peer.place,
      peerPort: peer.port,
      ...fields,
      password: peer.password === "" ? undefined : peer.password,
      ebgpMultiHop: peer.isMultiHop && peer.asn !== myASN ? true : undefined,
      nodeSelectors,
    });
    const wanted = `peer-${name}`.replaceAll(":", "-");
    return [draft.add("BGPPeer", { wanted, fallback: "peer", origin: about, spec })];
  });
};
