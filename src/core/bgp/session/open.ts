/** Our OPEN: who we are, and what we can do. */
import type { IpFamily } from "#base/address";
import type { Instant } from "#base/time";
import { AFI, AS_TRANS, unicast, VERSION } from "../message/constants.ts";
import type { Capability, Open } from "../message/message.ts";
import type { SessionConfig } from "./config.ts";
import type { History } from "./state.ts";

const SECOND = 1_000_000;

/** The families that we speak with this peer, IPv4 first. */
export const ownFamilies = ({ families, multiprotocol }: SessionConfig): readonly IpFamily[] => {
  const spoken: readonly IpFamily[] = multiprotocol ? ["IPv4", "IPv6"] : ["IPv4"];
  return spoken.filter((family) => families.includes(family));
};

/** Whether we offer IPv4 routes with IPv6 next hops, which takes families (RFC 8950 §4). */
export const offersExtendedNextHop = (config: SessionConfig): boolean =>
  config.extendedNextHop && config.multiprotocol && config.families.includes("IPv4");

/**
 * What we ask of the peer when the session breaks (RFC 4724 §3, RFC 8538 §2). Packets for our routes go through the kernel, which
 * goes on while this program does not: forwarding is preserved unless the peer cannot have had routes of this boot.
 */
const gracefulRestart = (config: SessionConfig, history: History, now: Instant): readonly Capability[] => {
  if (config.gracefulRestart === undefined) return [];
  const { restartingUntil, isForwardingPreserved } = history;
  const capability: Capability = {
    type: "graceful-restart",
    isRestarting: restartingUntil !== undefined && now < restartingUntil,
    survivesNotification: config.gracefulRestart.survivesNotification,
    restartTime: Math.round(config.gracefulRestart.restartTime / SECOND),
    families: ownFamilies(config).map((family) => ({ family: unicast(family), isForwardingPreserved })),
  };
  return [capability];
};

const capabilities = (config: SessionConfig, history: History, now: Instant): readonly Capability[] => {
  const offered: Capability[] = [];
  if (config.multiprotocol) {
    for (const family of ownFamilies(config))
      offered.push({ type: "multiprotocol", family: unicast(family) });
  }
  offered.push({ type: "route-refresh" });
  if (offersExtendedNextHop(config)) {
    offered.push({
      type: "extended-next-hop",
      entries: [{ family: unicast("IPv4"), nextHopAfi: AFI.IPv6 }],
    });
  }
  offered.push(...gracefulRestart(config, history, now));
  offered.push({ type: "four-octet-as", asn: config.localAsn }, { type: "enhanced-route-refresh" });
  return offered;
};

/** What we open a connection with. */
export const ownOpen = (config: SessionConfig, history: History, now: Instant): Open => ({
  type: "open",
  version: VERSION,
  asn: config.localAsn > 0xffff ? AS_TRANS : config.localAsn,
  holdTime: Math.round(config.holdTime / SECOND),
  routerId: config.routerId,
  capabilities: capabilities(config, history, now),
});
