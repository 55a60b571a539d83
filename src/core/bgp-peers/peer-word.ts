/** What one BGPPeer means for this node: a session with every default filled in, or why there is none. */
import { familyOf, type IpFamily, type Ipv4Address, isIpv4, isLinkLocal } from "#base/address";
import { formatDuration, micros, seconds, toMillis } from "#base/time";
import type { BfdWord, PeerWord } from "#core/bgp/desired";
import { show } from "#core/config/problem";
import type { BfdProfile, BgpPeer } from "#core/metallb/model";
import { type Extensions, readExtensions } from "./extensions.ts";
import type { PeerReason, RefusedPeer } from "./reason.ts";
import { byteLength, LONGEST_PASSWORD, type SecretReading } from "./secret.ts";

/** What is known besides the peer itself. */
export type PeerSurroundings = {
  readonly profiles: ReadonlyMap<string, BfdProfile>;
  readonly secretOf: (name: string) => SecretReading;
  /** For peers that name none. */
  readonly routerId: Ipv4Address;
  /** Whether peers can open sessions to this node. */
  readonly listening: "yes" | "no";
};

/** A session, and what routes for the peer depend on. */
export type PlannedPeer = { readonly word: PeerWord; readonly linkBandwidth: boolean };

const DEFAULT_HOLD = seconds(90);
const DEFAULT_CONNECT_RETRY = seconds(10);
/** How long peers keep the routes of a speaker that restarts. */
const RESTART_TIME = seconds(120);
/** 16 bits of seconds (RFC 4271 §4.2). */
const LONGEST_HOLD = 65_535;
const SHORTEST_KEEPALIVE = seconds(1);

type Wrong = Pick<RefusedPeer, "reason" | "text">;

const wrong = (reason: PeerReason, text: string): Wrong => ({ reason, text });

const isWrong = (value: unknown): value is Wrong =>
  typeof value === "object" && value !== null && "reason" in value && "text" in value;

const asnOf = (peer: BgpPeer): number => peer.localAsn ?? peer.myAsn;

/** Whether the peer is known to be in the autonomous system that it is told of. */
const isInternal = (peer: BgpPeer): boolean =>
  peer.peerAsn.type === "internal" || (peer.peerAsn.type === "given" && peer.peerAsn.asn === asnOf(peer));

/** As the kernel has it (IFNAMSIZ less its end); none has a slash or a blank in it. */
const isLinkName = (name: string): boolean =>
  byteLength(name) >= 1 && byteLength(name) <= 15 && !/[/\s]/.test(name);

const neighbourOf = ({
  neighbor,
  sourceAddress,
  vrf,
}: BgpPeer): Pick<PeerWord, "neighbor" | "sourceAddress"> | Wrong => {
  if (vrf !== undefined && !isLinkName(vrf))
    return wrong("link-name", `has the vrf ${show(vrf)}, which no link can be called`);
  if (neighbor.type === "interface" && !isLinkName(neighbor.name))
    return wrong("link-name", `has the interface ${show(neighbor.name)}, which no link can be called`);
  if (neighbor.type === "interface")
    return sourceAddress === undefined
      ? { neighbor, sourceAddress }
      : wrong("source-address", "has a sourceAddress, and an unnumbered session has the one of its link");
  // It would lead nowhere without its link.
  if (isLinkLocal(neighbor.address))
    return wrong("link-local", `has the peerAddress ${neighbor.address}, which is of no link in particular`);
  if (sourceAddress !== undefined && familyOf(sourceAddress) !== familyOf(neighbor.address))
    return wrong(
      "source-address",
      `has the sourceAddress ${sourceAddress}, which cannot reach ${neighbor.address}`,
    );
  return { neighbor, sourceAddress };
};

const identifierOf = ({ routerId }: BgpPeer, { routerId: usual }: PeerSurroundings): Ipv4Address | Wrong => {
  if (routerId === undefined) return usual;
  return isIpv4(routerId) && !routerId.startsWith("0.")
    ? routerId
    : wrong("router-id", `has the routerID ${routerId}, which is no identifier of a router`);
};

/** Hold time in whole seconds, as it is sent; below a second it counts as 0, which switches both off. */
const timersOf = ({ timers }: BgpPeer): Pick<PeerWord, "holdTime" | "keepaliveTime"> | Wrong => {
  if (timers === undefined) return { holdTime: DEFAULT_HOLD, keepaliveTime: micros(DEFAULT_HOLD / 3) };
  const holdTime = seconds(Math.min(LONGEST_HOLD, Math.trunc(toMillis(timers.hold) / 1_000)));
  if (holdTime === 0) return { holdTime, keepaliveTime: seconds(0) };
  // RFC 4271 §4.4: not more than one a second.
  if (timers.keepalive < SHORTEST_KEEPALIVE) {
    const text = `has a keepalive time of ${formatDuration(timers.keepalive)}, and one a second is the most that BGP allows`;
    return wrong("keepalive", text);
  }
  return { holdTime, keepaliveTime: timers.keepalive };
};

/** An unnumbered link is there to carry both families; a session with an address its own, unless it is told otherwise. */
const familiesOf = ({
  neighbor,
  disableMp,
  dualStackAddressFamily,
}: BgpPeer): Pick<PeerWord, "families" | "multiprotocol"> | Wrong => {
  if (disableMp && dualStackAddressFamily)
    return wrong("families", "has both disableMP and dualStackAddressFamily");
  const isDual = dualStackAddressFamily || (neighbor.type === "interface" && !disableMp);
  const own: IpFamily = neighbor.type === "address" ? familyOf(neighbor.address) : "IPv6";
  const families: readonly IpFamily[] = isDual ? ["IPv4", "IPv6"] : [own];
  // Without the extension only IPv4 can be spoken at all.
  return { families, multiprotocol: !(disableMp && own === "IPv4") };
};

const hopsOf = (
  peer: BgpPeer,
  { ttlSecurity }: Extensions,
): Pick<PeerWord, "multihop" | "ttlSecurity"> | Wrong => {
  if (peer.ebgpMultiHop && isInternal(peer))
    return wrong("multihop-internal", "has ebgpMultiHop, and is of the same autonomous system");
  if (peer.ebgpMultiHop && ttlSecurity)
    return wrong("multihop-ttl-security", "has ebgpMultiHop, and TTL security that forwarded packets fail");
  return { multihop: !ttlSecurity && (peer.ebgpMultiHop || isInternal(peer)), ttlSecurity };
};

const bfdOf = (
  peer: BgpPeer,
  { profiles }: PeerSurroundings,
): { readonly bfd: BfdWord | undefined } | Wrong => {
  if (peer.bfdProfile === undefined) return { bfd: undefined };
  const profile = profiles.get(peer.bfdProfile);
  if (profile === undefined)
    return wrong("bfd-profile", `names the BFDProfile ${show(peer.bfdProfile)}, which is not there`);
  const { receiveInterval, transmitInterval, detectMultiplier, minimumTtl } = profile;
  if (profile.echoMode && (peer.ebgpMultiHop || peer.vrf !== undefined || !hasIpv4Neighbour(peer))) {
    const text = "has a BFDProfile with echoMode, which is for IPv4 neighbours one hop away and in no VRF";
    return wrong("bfd-echo", text);
  }
  return {
    bfd: {
      ...{ receiveInterval, transmitInterval, detectMultiplier, minimumTtl },
      echo: profile.echoMode ? { interval: profile.echoInterval } : undefined,
      role: profile.passiveMode ? "passive" : "active",
    },
  };
};

const hasIpv4Neighbour = ({ neighbor }: BgpPeer): boolean =>
  neighbor.type === "address" && isIpv4(neighbor.address);

const secretPassword = (name: string, reading: SecretReading): string | Wrong => {
  switch (reading.type) {
    case "password":
      return reading.password;
    case "absent":
      return wrong("secret-absent", `names the Secret ${name}, which is not there`);
    case "wrong":
      return wrong("secret-wrong", `names the Secret ${name}, which ${reading.text}`);
    default:
      return wrong("secret-unread", `names the Secret ${name}, which cannot be read (${reading.detail})`);
  }
};

const passwordOf = (
  { authentication }: BgpPeer,
  { secretOf }: PeerSurroundings,
): { readonly password: string | undefined } | Wrong => {
  if (authentication.type === "none") return { password: undefined };
  if (authentication.type === "password") {
    const { password } = authentication;
    const length = byteLength(password);
    if (length <= LONGEST_PASSWORD && !password.includes("\0")) return { password };
    return wrong("password", "has a password that TCP MD5 cannot take");
  }
  const { name, namespace } = authentication;
  if (namespace !== undefined)
    return wrong(
      "secret-elsewhere",
      `names the Secret ${name} in the namespace ${namespace}, which is not its own`,
    );
  const password = secretPassword(name, secretOf(name));
  return isWrong(password) ? password : { password };
};

const roleOf = ({ role }: Extensions, { listening }: PeerSurroundings): Pick<PeerWord, "role"> | Wrong =>
  role === "passive" && listening === "no"
    ? wrong("passive-unheard", "is to open the session itself, and this node does not listen")
    : { role };

/** What the peer means for this node; a node that it does not select must not ask. */
export const planPeer = (peer: BgpPeer, around: PeerSurroundings): PlannedPeer | RefusedPeer => {
  const { name, port, vrf, connectTime } = peer;
  const extensions = readExtensions(peer.annotations);
  if (typeof extensions === "string") return { name, ...wrong("annotation", extensions) };
  const routerId = identifierOf(peer, around);
  if (isWrong(routerId)) return { name, ...routerId };
  const parts = [
    neighbourOf(peer),
    hopsOf(peer, extensions),
    roleOf(extensions, around),
    familiesOf(peer),
    timersOf(peer),
    bfdOf(peer, around),
    passwordOf(peer, around),
  ] as const;
  const found = parts.find(isWrong);
  if (found !== undefined) return { name, ...found };
  const [where, hops, role, families, timers, bfd, password] = parts as Right<typeof parts>;
  const localAsn = asnOf(peer);
  return {
    word: {
      ...{ ...where, name, port, localAsn, routerId, vrf },
      hiddenAsn: localAsn === peer.myAsn ? undefined : peer.myAsn,
      peerAsn: peer.peerAsn,
      connectRetryTime: connectTime ?? DEFAULT_CONNECT_RETRY,
      gracefulRestart: peer.enableGracefulRestart ? { restartTime: RESTART_TIME } : undefined,
      mostRoutes: extensions.mostRoutes,
      ...{ ...hops, ...role, ...families, ...timers, ...bfd, ...password },
    },
    linkBandwidth: extensions.linkBandwidth,
  };
};

/** The same list without what is wrong. */
type Right<Parts extends readonly unknown[]> = {
  readonly [Index in keyof Parts]: Exclude<Parts[Index], Wrong>;
};
