/** A peer as FRR is told of it. */
import { familyOf } from "#base/address";
import { type Duration, seconds, toMillis } from "#base/time";
import type { BfdWord, PeerWord } from "#core/bgp/desired";
import { IN_MAP, outMapOf, profileOf, wordOf } from "./names.ts";
import type { AddressedPeer } from "./refusal.ts";

/** Whether the peer is in the autonomous system that we say is ours. */
export const kindOf = ({ peerAsn, localAsn }: PeerWord): "internal" | "external" =>
  peerAsn.type === "internal" || (peerAsn.type === "given" && peerAsn.asn === localAsn)
    ? "internal"
    : "external";

const wholeSeconds = (duration: Duration): number => Math.floor(duration / seconds(1));

/** FRR takes 0, or 3 s and more; a keepalive of less than a second would be none. */
const timersOf = ({ holdTime, keepaliveTime }: PeerWord): string => {
  const hold = Math.min(65_535, wholeSeconds(holdTime));
  if (hold < 3) return "0 0";
  return `${Math.min(hold, Math.max(1, wholeSeconds(keepaliveTime)))} ${hold}`;
};

const connectOf = ({ connectRetryTime }: PeerWord): number =>
  Math.min(65_535, Math.max(1, wholeSeconds(connectRetryTime)));

const hopLines = (peer: AddressedPeer, start: string): readonly string[] => {
  if (peer.ttlSecurity) return [`${start} ttl-security hops 1`];
  // Internal sessions go over any number of hops.
  return peer.multihop && kindOf(peer) === "external" ? [`${start} ebgp-multihop 255`] : [];
};

/** Lines in the view. */
export const peerLines = (peer: AddressedPeer): readonly string[] => {
  const { neighbor, peerAsn, password, port, role, sourceAddress, bfd, families, gracefulRestart } = peer;
  const start = `neighbor ${neighbor.address}`;
  return [
    `${start} remote-as ${peerAsn.type === "given" ? peerAsn.asn : peerAsn.type}`,
    `${start} description steelyard ${wordOf(peer.name)}`,
    ...(bfd === undefined ? [] : [`${start} bfd`, `${start} bfd profile ${profileOf(peer.name)}`]),
    ...(password === undefined ? [] : [`${start} password ${password}`]),
    ...(port === 179 ? [] : [`${start} port ${port}`]),
    ...(role === "passive" ? [`${start} passive`] : []),
    ...hopLines(peer, start),
    ...(sourceAddress === undefined ? [] : [`${start} update-source ${sourceAddress}`]),
    `${start} timers ${timersOf(peer)}`,
    `${start} timers connect ${connectOf(peer)}`,
    // By itself FRR offers it, so that peers would keep routes of a session that was ended on purpose.
    gracefulRestart === undefined ? `${start} graceful-restart-disable` : `${start} graceful-restart`,
    ...(familyOf(neighbor.address) === "IPv6" && families.includes("IPv4")
      ? [`${start} capability extended-nexthop`]
      : []),
  ];
};

/** Lines in each family that the peer carries. */
export const familyLines = ({ neighbor, name }: AddressedPeer): readonly string[] => {
  const start = `neighbor ${neighbor.address}`;
  return [`${start} activate`, `${start} route-map ${IN_MAP} in`, `${start} route-map ${outMapOf(name)} out`];
};

/** FRR takes 10 ms to 60 s. */
const millisOf = (duration: Duration): number =>
  Math.min(60_000, Math.max(10, Math.round(toMillis(duration))));

/** Lines of the BFD profile; what FRR takes by itself is left out, since it does not print it. */
export const profileLines = (bfd: BfdWord): readonly string[] => {
  const { detectMultiplier, transmitInterval, receiveInterval, echo, role, minimumTtl } = bfd;
  const numbers: readonly (readonly [name: string, value: number, usual: number])[] = [
    ["detect-multiplier", detectMultiplier, 3],
    ["transmit-interval", millisOf(transmitInterval), 300],
    ["receive-interval", millisOf(receiveInterval), 300],
    ["minimum-ttl", minimumTtl, 254],
    ["echo transmit-interval", echo === undefined ? 50 : millisOf(echo.interval), 50],
  ];
  return [
    ...numbers.flatMap(([name, value, usual]) => (value === usual ? [] : [`${name} ${value}`])),
    ...(role === "passive" ? ["passive-mode"] : []),
    ...(echo === undefined ? [] : ["echo-mode"]),
  ];
};
