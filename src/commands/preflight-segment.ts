/** Listens to a segment and asks it, for a bounded time: which VRRP routers speak there, and who has certain addresses. */
import { setTimeout as pause } from "node:timers/promises";
import { familyOf, type IpAddress, type IpFamily, isIpv4, isLinkLocal } from "#base/address";
import { BROADCAST_MAC, type MacAddress } from "#base/mac";
import { decode as decodeArp, encode as encodeArp, isProbe, probe } from "#core/arp/packet";
import { groupMac, solicitedNodeGroup } from "#core/ndp/group";
import { decode as decodeNdp, encodePacket } from "#core/ndp/packet";
import type { Claim, Heard } from "#core/preflight/facts";
import { heardIn } from "#core/preflight/heard";
import type { Link, LinkAddress } from "#drivers/netlink/port";
import { openPacketPort } from "#drivers/packet/linux";
import { openVrrpTapPort } from "#drivers/packet/linux-tap";
import type { NeighbourMessage, NeighbourSocket, PacketResult, PacketSocket } from "#drivers/packet/port";

/** More routers, or liars, than any segment has. */
const MOST_HEARD = 64;
/** RFC 5227 §2.1.1 asks three times; its pauses of one to two seconds are for hosts that are about to take the address. */
const PROBES = 3;
const PROBE_PAUSE_MS = 300;

export type SegmentRequest = {
  readonly link: Link & { readonly mac: MacAddress };
  readonly own: readonly LinkAddress[];
  readonly addresses: readonly IpAddress[];
  /** In milliseconds. */
  readonly listen: number;
};

export type SegmentAnswer = {
  readonly heard: readonly Heard[] | undefined;
  readonly claims: readonly Omit<Claim, "others">[] | undefined;
  /** What could not be done, in sentences. */
  readonly blind: readonly string[];
};

const ignore = (): void => {};

/** Hears the same twice: as it arrives, and as it comes up through the firewall. */
const listenForRouters = (
  { link }: SegmentRequest,
  family: IpFamily,
  found: Map<string, Heard>,
): PacketResult<() => void> => {
  const delivered = new Set<string>();
  const above = openPacketPort().openVrrp({
    ...{ link, family, onError: ignore },
    onPacket: ({ source, payload }) => {
      if (delivered.size < MOST_HEARD * 4) delivered.add(`${source} ${payload[1] ?? 0}`);
    },
  });
  if (!above.ok) return above;
  const below = openVrrpTapPort().openVrrpTap({
    ...{ link, family, onError: ignore },
    onPacket: (packet, sender) => {
      const heard = heardIn(packet, family, sender);
      if (heard === undefined) return;
      const key = `${heard.source} ${heard.vrid}`;
      if (found.has(key) || found.size < MOST_HEARD) found.set(key, { ...heard, delivered: false });
    },
  });
  if (!below.ok) {
    above.value.close();
    return below;
  }
  const close = (): void => {
    // What was queued when time was up belongs to it.
    for (const socket of [below.value, above.value]) {
      socket.drain();
      socket.close();
    }
    for (const [key, heard] of found)
      if (heard.family === family && delivered.has(key)) found.set(key, { ...heard, delivered: true });
  };
  return { ok: true, value: close };
};

/** Who says in a message that it has which address. A probe says nothing of its sender. */
const claimIn = (message: NeighbourMessage): Omit<Claim, "others"> | undefined => {
  if (message.type === "arp") {
    const arp = decodeArp(message.payload);
    if (!arp.ok || isProbe(arp.value)) return undefined;
    return { address: arp.value.senderAddress, mac: arp.value.senderMac };
  }
  const ndp = decodeNdp(message.payload, message);
  if (!ndp.ok || ndp.value.type !== "advertisement" || ndp.value.mac === undefined) return undefined;
  return { address: ndp.value.target, mac: ndp.value.mac };
};

/**
 * Asks for an IPv6 address from one of ours: an answer comes to us alone. Duplicate Address Detection would ask from `::`, and
 * so take the address from a host that is about to use it (RFC 4862 §5.4.3).
 */
const solicit = (socket: NeighbourSocket, target: IpAddress, source: IpAddress, mac: MacAddress): void => {
  const destination = solicitedNodeGroup(target);
  const payload = encodePacket({ type: "solicitation", target, mac }, { source, destination });
  socket.send({ destination: groupMac(destination), payload });
};

const askOnce = (
  { link, own, addresses }: SegmentRequest,
  sockets: ReadonlyMap<IpFamily, NeighbourSocket>,
): void => {
  const sources = own.map(({ address }) => address).filter((address) => familyOf(address) === "IPv6");
  const source = sources.find(isLinkLocal) ?? sources[0];
  for (const address of addresses) {
    const socket = sockets.get(familyOf(address));
    if (socket === undefined) continue;
    if (isIpv4(address))
      socket.send({ destination: BROADCAST_MAC, payload: encodeArp(probe(address, link.mac)) });
    else if (source !== undefined) solicit(socket, address, source, link.mac);
  }
};

const closeAll = (sockets: Iterable<PacketSocket>): void => {
  for (const socket of sockets) {
    socket.drain();
    socket.close();
  }
};

/** Asks who has the addresses, without claiming them: three times, and waits for the time that is given. */
const askForAddresses = async (request: SegmentRequest): Promise<PacketResult<SegmentAnswer["claims"]>> => {
  const { link, addresses, listen } = request;
  const claims = new Map<IpAddress, Omit<Claim, "others">>();
  const sockets = new Map<IpFamily, NeighbourSocket>();
  for (const family of new Set(addresses.map(familyOf))) {
    const opened = openPacketPort().openNeighbour({
      ...{ link, family, onError: ignore },
      onMessage: (message) => {
        const claim = claimIn(message);
        if (claim !== undefined && addresses.includes(claim.address) && claim.mac !== link.mac)
          claims.set(claim.address, claim);
      },
    });
    const watching = opened.ok
      ? opened.value.watch(addresses.filter((address) => familyOf(address) === family))
      : opened;
    if (opened.ok) sockets.set(family, opened.value);
    if (!watching.ok) {
      closeAll(sockets.values());
      return watching;
    }
  }
  const began = performance.now();
  for (let asked = 0; asked < PROBES; asked += 1) {
    askOnce(request, sockets);
    await pause(PROBE_PAUSE_MS);
  }
  await pause(Math.max(0, listen - (performance.now() - began)));
  closeAll(sockets.values());
  return { ok: true, value: [...claims.values()] };
};

/** Listens and asks at the same time, and is done after `listen`, or a second if that is shorter. */
export const observeSegment = async (request: SegmentRequest): Promise<SegmentAnswer> => {
  const found = new Map<string, Heard>();
  const blind: string[] = [];
  const families: readonly IpFamily[] = [...new Set(request.addresses.map(familyOf))];
  const closers = families.map((family) => {
    const listening = listenForRouters(request, family, found);
    if (listening.ok) return listening.value;
    blind.push(`${family} routers: ${listening.error.operation}: ${listening.error.code}`);
    return undefined;
  });
  const asked = await askForAddresses(request);
  if (!asked.ok) await pause(request.listen);
  for (const close of closers) close?.();
  if (!asked.ok) blind.push(`who has the addresses: ${asked.error.operation}: ${asked.error.code}`);
  return {
    heard: closers.includes(undefined) ? undefined : [...found.values()],
    claims: asked.ok ? asked.value : undefined,
    blind,
  };
};
