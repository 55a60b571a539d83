/**
 * Which well-formed advertisements concern a router: the checks of RFC 9568 §7.1 and RFC 3768 §7.1 that need its
 * configuration.
 *
 * One check of the standards is missing on purpose. RFC 3768 §7.1 wants a packet with another list of addresses
 * dropped; two routers that ignore each other are both active, which is worse than the mistake. RFC 9568 leaves the
 * choice, so in both versions the packet counts and the difference is reported (`conflict.ts`).
 */
import type { IpAddress } from "#base/address";
import { type Decoded, decoded, refused } from "#base/decoded";
import type { VirtualRouterConfig } from "./config.ts";
import { multicastGroup } from "./constants.ts";
import type { Advertisement, IpContext } from "./packet.ts";

/** Why a well-formed advertisement is none of this router's business. Each is also a label of the drop counter. */
export const ADMISSION_REASONS = [
  "vrid-mismatch",
  /** It came by multicast to a router with unicast peers, or the reverse. */
  "transport-mismatch",
  /** Unicast from an address that is not a configured peer. */
  "not-a-peer",
  /** Its source is our own address. */
  "own-address",
  "version-mismatch",
  "auth-mismatch",
  /** Version 2 only: both sides must agree on the interval (RFC 3768 §7.1). */
  "interval-mismatch",
] as const;
/** Why a well-formed advertisement is none of this router's business. */
export type AdmissionReason = (typeof ADMISSION_REASONS)[number];

const refusalByTransport = (
  config: VirtualRouterConfig,
  { source, destination }: IpContext,
): AdmissionReason | undefined => {
  const multicast = destination === multicastGroup(config.family);
  if (multicast !== (config.transport.type === "multicast")) return "transport-mismatch";
  if (config.transport.type === "multicast") return undefined;
  return config.transport.peers.includes(source) ? undefined : "not-a-peer";
};

const refusalByContent = (
  config: VirtualRouterConfig,
  advertisement: Advertisement,
): AdmissionReason | undefined => {
  if (advertisement.version !== config.version) return "version-mismatch";
  if (advertisement.version === 3) return undefined;
  const { authentication } = advertisement;
  const password = authentication.type === "simple" ? authentication.password : undefined;
  if (password !== config.password) return "auth-mismatch";
  return advertisement.advertisementInterval === config.advertisementInterval
    ? undefined
    : "interval-mismatch";
};

/** Lets an advertisement in, or says why not. `ownAddress` is the interface's primary address, if it has one. */
export const admit = (
  config: VirtualRouterConfig,
  ownAddress: IpAddress | undefined,
  advertisement: Advertisement,
  context: IpContext,
): Decoded<Advertisement, AdmissionReason> => {
  if (advertisement.vrid !== config.vrid) return refused("vrid-mismatch");
  if (context.source === ownAddress) return refused("own-address");
  const reason = refusalByTransport(config, context) ?? refusalByContent(config, advertisement);
  return reason === undefined ? decoded(advertisement) : refused(reason);
};
