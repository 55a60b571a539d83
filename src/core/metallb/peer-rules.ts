/** What is checked of BGPPeers, by themselves and among each other, and what they and BFDProfiles become. */
import { familyOf } from "#base/address";
import { type Duration, formatDuration, micros, millis, seconds } from "#base/time";
import { error, type Finding, type Path, show, warning } from "#core/config/problem";
import type { TextMap } from "#core/kubernetes/meta";
import type { BfdProfile, BgpPeer } from "./model.ts";
import { mayShareNode } from "./nodes.ts";
import { type ObjectProblem, type Placed, problemIn } from "./problem.ts";
import type { BfdProfileSpec, PeerSpec } from "./schema-peer.ts";
import { selectorFindings, selectorsOf } from "./selector-rules.ts";

/** What a text field holds; empty text counts as nothing. */
const given = (text: string | undefined): string | undefined => (text === "" ? undefined : text);

const numberFindings = ({ myASN, peerASN = 0, dynamicASN, ebgpMultiHop }: PeerSpec): readonly Finding[] => {
  const findings: Finding[] = [];
  if (myASN === 0) {
    findings.push(
      error(["spec", "myASN"], "0 is not the number of an autonomous system", "Use 1..4294967295."),
    );
  }
  if (peerASN === 0 && dynamicASN === undefined) {
    findings.push(error(["spec", "peerASN"], "is not given, nor is dynamicASN", "Give one of them."));
  }
  if (peerASN !== 0 && dynamicASN !== undefined) {
    findings.push(error(["spec", "dynamicASN"], "is given besides peerASN", "Remove one of them."));
  }
  if (ebgpMultiHop === true && myASN !== 0 && peerASN === myASN) {
    const message = "is for peers of other autonomous systems, and this one has the same number";
    findings.push(error(["spec", "ebgpMultiHop"], message, "Remove it."));
  }
  return findings;
};

/** The timers that are asked for, one derived from the other where only one is given. */
const timersOf = ({ holdTime, keepaliveTime }: PeerSpec): BgpPeer["timers"] => {
  if (holdTime === undefined) {
    if (keepaliveTime === undefined) return undefined;
    return { hold: micros(keepaliveTime * 3), keepalive: keepaliveTime };
  }
  return { hold: holdTime, keepalive: keepaliveTime ?? micros(Math.trunc(holdTime / 3)) };
};

/** The longest hold time that BGP carries (RFC 4271 §4.2): 16 bits of seconds. */
const LONGEST_HOLD = seconds(65_535);

const timerFindings = (spec: PeerSpec): readonly Finding[] => {
  const timers = timersOf(spec);
  const findings: Finding[] = [];
  if (timers !== undefined) {
    const path: Path = ["spec", spec.holdTime === undefined ? "keepaliveTime" : "holdTime"];
    if (timers.hold >= seconds(1) && timers.hold < seconds(3)) {
      const message = `makes a hold time of ${formatDuration(timers.hold)}, less than 3s`;
      findings.push(error(path, message, "Use 0s or 3s and more."));
    }
    if (timers.hold > LONGEST_HOLD) {
      findings.push(
        warning(
          path,
          `makes a hold time above ${formatDuration(LONGEST_HOLD)}, which is what is asked for then`,
        ),
      );
    }
    if (timers.keepalive > timers.hold) {
      const message = `${formatDuration(timers.keepalive)} is longer than the hold time, ${formatDuration(timers.hold)}`;
      findings.push(error(["spec", "keepaliveTime"], message, "Use a third of the hold time."));
    }
  }
  const { connectTime } = spec;
  if (connectTime !== undefined && !isConnectTime(connectTime)) {
    const message = `${formatDuration(connectTime)} is not a whole number of seconds from 1 to 65535`;
    findings.push(error(["spec", "connectTime"], message, "Use 1s..65535s."));
  }
  return findings;
};

const isConnectTime = (time: Duration): boolean =>
  time % seconds(1) === 0 && time >= seconds(1) && time <= seconds(65_535);

/** A line break would end the value where other programs are given it to read. */
const LINE_BREAK = /[\r\n]/;

const wordFindings = (spec: PeerSpec): readonly Finding[] =>
  (["interface", "vrf", "password"] as const).flatMap((key) =>
    LINE_BREAK.test(spec[key] ?? "") ? [error(["spec", key], "holds a line break", "Remove it.")] : [],
  );

/** What is wrong with a peer by itself. */
export const peerFindings = (spec: PeerSpec): readonly Finding[] => {
  const findings: Finding[] = [...numberFindings(spec), ...timerFindings(spec), ...wordFindings(spec)];
  const hasInterface = given(spec.interface) !== undefined;
  if (spec.peerAddress === undefined && !hasInterface) {
    findings.push(error(["spec", "peerAddress"], "is not given, nor is interface", "Give one of them."));
  }
  if (spec.peerAddress !== undefined && hasInterface) {
    findings.push(error(["spec", "interface"], "is given besides peerAddress", "Remove one of them."));
  }
  if (given(spec.password) !== undefined && given(spec.passwordSecret?.name) !== undefined) {
    findings.push(error(["spec", "passwordSecret"], "is given besides password", "Remove one of them."));
  }
  if (spec.routerID !== undefined && familyOf(spec.routerID) === "IPv6") {
    const message = `${show(spec.routerID)} is no IPv4 address, and routers take no other identifier`;
    findings.push(warning(["spec", "routerID"], message, "Use an IPv4 address."));
  }
  return [...findings, ...selectorFindings(["spec", "nodeSelectors"], spec.nodeSelectors)];
};

/** The same text for peers that are the same neighbour in the same VRF. */
const neighbourText = ({ peerAddress, interface: name, vrf }: PeerSpec): string =>
  JSON.stringify([peerAddress ?? name, given(vrf)]);

/** What keeps two peers from being on one node, if anything. */
const disagreement = (one: Placed<PeerSpec>, other: Placed<PeerSpec>): Finding | undefined => {
  const name = show(one.place.name);
  if (neighbourText(one.spec) === neighbourText(other.spec)) {
    const key = other.spec.peerAddress === undefined ? "interface" : "peerAddress";
    return error(
      ["spec", key],
      `is that of peer ${name} too`,
      "Remove one, or give them disjoint nodeSelectors.",
    );
  }
  if (one.spec.routerID !== other.spec.routerID) {
    const message = `differs from that of peer ${name}, and a node has one router identifier`;
    return error(["spec", "routerID"], message, "Use the same for all peers of a node.");
  }
  if (one.spec.myASN !== other.spec.myASN && given(one.spec.vrf) === given(other.spec.vrf)) {
    const message = `${other.spec.myASN} differs from ${one.spec.myASN} of peer ${name} in the same VRF`;
    return error(
      ["spec", "myASN"],
      message,
      "Use the same for all peers of a VRF, and localASN where they differ.",
    );
  }
  return undefined;
};

/** Told of each peer once, however many it disagrees with. */
export const peerProblems = (
  peers: readonly Placed<PeerSpec>[],
  nodes: ReadonlyMap<string, TextMap> | undefined,
): readonly ObjectProblem[] => {
  const selectors = new Map(peers.map((peer) => [peer, selectorsOf(peer.spec.nodeSelectors)]));
  return peers.flatMap((peer, index): readonly ObjectProblem[] => {
    for (const other of peers.slice(0, index)) {
      const finding = disagreement(other, peer);
      if (finding === undefined) continue;
      if (mayShareNode(selectors.get(other) ?? [], selectors.get(peer) ?? [], nodes)) {
        return [problemIn(peer.place, finding)];
      }
    }
    return [];
  });
};

const authenticationOf = ({
  place,
  spec: { password, passwordSecret },
}: Placed<PeerSpec>): BgpPeer["authentication"] => {
  const name = given(passwordSecret?.name);
  const namespace = given(passwordSecret?.namespace);
  if (name !== undefined)
    return { type: "secret", name, namespace: namespace === place.namespace ? undefined : namespace };
  return given(password) === undefined ? { type: "none" } : { type: "password", password: password ?? "" };
};

/** The peer that a checked spec describes. */
export const peerOf = ({ place, spec }: Placed<PeerSpec>): BgpPeer => ({
  name: place.name,
  myAsn: spec.myASN,
  peerAsn:
    spec.dynamicASN === undefined ? { type: "given", asn: spec.peerASN ?? 0 } : { type: spec.dynamicASN },
  localAsn: spec.localASN,
  neighbor:
    spec.peerAddress === undefined
      ? { type: "interface", name: spec.interface ?? "" }
      : { type: "address", address: spec.peerAddress },
  port: spec.peerPort,
  sourceAddress: spec.sourceAddress,
  routerId: spec.routerID,
  vrf: given(spec.vrf),
  timers: timersOf(spec),
  connectTime: spec.connectTime,
  nodeSelectors: selectorsOf(spec.nodeSelectors),
  authentication: authenticationOf({ place, spec }),
  bfdProfile: given(spec.bfdProfile),
  ebgpMultiHop: spec.ebgpMultiHop ?? false,
  enableGracefulRestart: spec.enableGracefulRestart ?? false,
  disableMp: spec.disableMP,
  dualStackAddressFamily: spec.dualStackAddressFamily,
  annotations: place.annotations,
});

/** The profile that a checked spec describes; the defaults are FRR's, which MetalLB leaves to it. */
export const bfdProfileOf = ({ place, spec }: Placed<BfdProfileSpec>): BfdProfile => ({
  name: place.name,
  receiveInterval: millis(spec.receiveInterval ?? 300),
  transmitInterval: millis(spec.transmitInterval ?? 300),
  detectMultiplier: spec.detectMultiplier ?? 3,
  echoInterval: millis(spec.echoInterval ?? 50),
  echoMode: spec.echoMode ?? false,
  passiveMode: spec.passiveMode ?? false,
  minimumTtl: spec.minimumTtl ?? 254,
});
