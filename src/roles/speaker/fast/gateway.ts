/**
 * The gateway as a sign of life: clients come through it, so a node that hears neither peers nor gateway is cut off.
 *
 * It is asked as neighbours ask each other, by ARP or a Neighbor Solicitation, on a socket of its own. The kernel decides which
 * gateway that is: the one of its default route, IPv4 first.
 */
import { familyOf, type IpAddress, isIpv4, parseAddress } from "#base/address";
import { assert } from "#base/assert";
import { BROADCAST_MAC, type MacAddress } from "#base/mac";
import type { Frame } from "#core/announce/frames";
import { encode as encodeArp, whoHas } from "#core/arp/packet";
import { detect, solicit } from "#core/ndp/answer";
import { encodePacket } from "#core/ndp/packet";
import { readFrame } from "#core/responder/reading";
import type { NetlinkPort } from "#drivers/netlink/port";
import type { PacketLink } from "#drivers/packet/port";
import type { HeardFrame, ResponderPort, ResponderSocket } from "#drivers/packet/responder-port";

const somewhere = (text: string): IpAddress => {
  const address = parseAddress(text);
  assert(address !== undefined, "not an address", { text });
  return address;
};

/** Addresses for documentation (RFC 5737, RFC 3849): nobody has a route to them but the default one. */
const ELSEWHERE: readonly IpAddress[] = [somewhere("198.51.100.1"), somewhere("2001:db8::1")];

type Found = {
  readonly address: IpAddress;
  readonly link: PacketLink;
  readonly mac: MacAddress;
  /** Where we are asked back. */
  readonly source: IpAddress | undefined;
};

const sameAs = (one: Found | undefined, other: Found | undefined): boolean =>
  one?.address === other?.address &&
  one?.link.index === other?.link.index &&
  one?.mac === other?.mac &&
  one?.source === other?.source;

const questionOf = ({ address, mac, source }: Found): Frame => {
  if (isIpv4(address) && source !== undefined && isIpv4(source)) {
    return { destination: BROADCAST_MAC, payload: encodeArp(whoHas(address, { mac, address: source })) };
  }
  const { message, context, destination } =
    source === undefined ? detect(address) : solicit(address, { source, mac });
  return { destination, payload: encodePacket(message, context) };
};

export type GatewayParts = {
  readonly packets: ResponderPort;
  readonly netlink: NetlinkPort;
  readonly onHeard: () => void;
  readonly count: (what: string) => void;
};

export class Gateway {
  readonly #parts: GatewayParts;
  #found: Found | undefined;
  #socket: ResponderSocket | undefined;

  constructor(parts: GatewayParts) {
    this.#parts = parts;
  }

  /** The address of the one that is asked; `undefined` while there is none. */
  get address(): IpAddress | undefined {
    return this.#socket === undefined ? undefined : this.#found?.address;
  }

  /** Looks it up anew, after links, addresses or routes have changed. */
  look(): void {
    const found = this.#find();
    if (sameAs(found, this.#found) && (found === undefined || this.#socket !== undefined)) return;
    this.#socket?.close();
    this.#socket = undefined;
    this.#found = found;
    if (found !== undefined) this.#open(found);
  }

  /** Asks it once. */
  ask(): void {
    if (this.#found === undefined || this.#socket === undefined) return;
    const sent = this.#socket.send(questionOf(this.#found));
    if (!sent.ok) this.#parts.count(`gateway ${sent.error.operation}: ${sent.error.code}`);
  }

  /** Reads what is queued. */
  drain(): void {
    this.#socket?.drain();
  }

  close(): void {
    this.#socket?.close();
    this.#socket = undefined;
    this.#found = undefined;
  }

  #find(): Found | undefined {
    const { netlink } = this.#parts;
    for (const destination of ELSEWHERE) {
      const route = netlink.routeTo(destination);
      if (!route.ok || route.value.gateway === undefined) continue;
      const { linkIndex, gateway, source } = route.value;
      const links = netlink.links();
      const link = links.ok ? links.value.find(({ index }) => index === linkIndex) : undefined;
      if (link?.mac === undefined) continue;
      const { index, name, mac } = link;
      return { address: gateway, link: { index, name }, mac, source };
    }
    return undefined;
  }

  #open({ address, link }: Found): void {
    const family = familyOf(address);
    const opened = this.#parts.packets.openResponder({
      ...{ link, family },
      onFrame: (frame) => this.#onFrame(frame, address),
      onError: ({ operation, code }) => this.#parts.count(`gateway ${operation}: ${code}`),
    });
    if (!opened.ok) {
      this.#parts.count(`gateway ${opened.error.operation}: ${opened.error.code}`);
      return;
    }
    const listening = opened.value.listen([address]);
    if (!listening.ok) this.#parts.count(`gateway ${listening.error.operation}: ${listening.error.code}`);
    this.#socket = opened.value;
  }

  #onFrame(frame: HeardFrame, address: IpAddress): void {
    const reading = readFrame(familyOf(address), frame);
    if (reading.ok && reading.value.claim?.address === address) this.#parts.onHeard();
  }
}
