/** What this node is connected to: its links with their addresses, and the gateway as a sign that the rest is there. */
import { after, type Instant, seconds } from "#base/time";
import { reachedThrough } from "#core/netlink/reached-through";
import type { NodeLink } from "#core/responder/config";
import { linkFault } from "#core/responder/fitness";
import type { SpeakerEvent } from "#core/speaker/event";
import type { LinkAddress, NetlinkChange, NetlinkPort } from "#drivers/netlink/port";
import type { ResponderPort } from "#drivers/packet/responder-port";
import type { Deadlines } from "#runtime/deadlines";
import { createLinks, type Links } from "#runtime/links";
import { Gateway } from "./gateway.ts";

export type NeighbourhoodParts = {
  readonly netlink: NetlinkPort;
  readonly packets: ResponderPort;
  readonly deadlines: Deadlines;
  readonly now: () => Instant;
  readonly count: (what: string) => void;
  /** Whether a link forwards IPv6. */
  readonly forwardsIpv6: (link: string) => boolean;
  readonly tell: (event: SpeakerEvent) => void;
  /** Whether we have bound an address, so that it is none of the node's own. */
  readonly isBound: (address: LinkAddress) => boolean;
  /** Links, their addresses or routes are others than before. */
  readonly onLinks: (nodeLinks: readonly NodeLink[], now: Instant) => void;
  /** A link is reached another way: what neighbours and switches know of it may be old. */
  readonly onRerouted: (linkIndex: number, now: Instant) => void;
  /** Whether there is a gateway that has answered before. */
  readonly onGatewayKnown: (isKnown: boolean, now: Instant) => void;
  readonly onGatewayHeard: (now: Instant) => void;
};

const canSpeak = (link: NodeLink["link"]): boolean =>
  linkFault({ link, addresses: [], router: false }) === undefined;

const REREAD_RETRY = seconds(1);
/** How often a gateway is asked that has never answered. */
const GATEWAY_RETRY = seconds(5);
/** For so long it may still: a switch may forward nothing for half a minute after a link came up (IEEE 802.1D: twice 15 s). */
const GATEWAY_PATIENCE = seconds(35);

export class Neighbourhood {
  readonly links: Links;
  readonly #parts: NeighbourhoodParts;
  readonly #gateway: Gateway;
  readonly #linksDown = new Set<string>();
  /** `undefined` while it is not known yet. */
  #hasGateway: boolean | undefined;
  /** Since when one is asked that has not answered yet. */
  #askedSince: Instant | undefined;

  constructor(parts: NeighbourhoodParts) {
    const { netlink, packets, count } = parts;
    this.#parts = parts;
    this.links = createLinks(netlink, parts.isBound);
    this.#gateway = new Gateway({
      ...{ packets, netlink, count },
      onHeard: () => this.#onGateway(parts.now()),
    });
  }

  /** The kernel's network has changed. */
  changed(change: NetlinkChange, now: Instant): void {
    if (change.type === "link" && change.isRerouted === true) {
      for (const index of reachedThrough(change.link.index, this.links.all()))
        this.#parts.onRerouted(index, now);
    }
    if (change.type === "overrun") {
      if (!this.links.reread()) {
        this.#parts.deadlines.set("reread", after(now, REREAD_RETRY), (at) => this.changed(change, at));
        return;
      }
      // The kernel says that but once, so it may be among what was lost.
      for (const { index } of this.links.all()) this.#parts.onRerouted(index, now);
    } else if (this.links.apply(change).length === 0) return;
    // Many changes come at once, such as all addresses of an interface.
    this.#parts.deadlines.set("network", now, (at) => this.lookAround(at));
  }

  /** Tells of links and looks for the gateway. */
  lookAround(now: Instant): void {
    const nodeLinks = [...this.links.all()].map(
      (link): NodeLink => ({
        link,
        addresses: this.links.addressesOf(link),
        // Asked for nothing where nothing can be said: there may be an interface for each pod.
        router: canSpeak(link) && this.#parts.forwardsIpv6(link.name),
      }),
    );
    this.#tellLinks(nodeLinks);
    this.#parts.onLinks(nodeLinks, now);
    this.#lookForGateway(now);
  }

  /** Asks the gateway once. */
  askGateway(): void {
    this.#gateway.ask();
  }

  /** Reads what is queued. */
  drain(): void {
    this.#gateway.drain();
  }

  close(): void {
    this.#gateway.close();
    for (const id of ["network", "reread", "gateway"]) this.#parts.deadlines.set(id, undefined, () => {});
  }

  /** One that has never answered is none: for want of an answer that never comes the last node of two would give up. */
  #lookForGateway(now: Instant): void {
    const before = this.#gateway.address;
    this.#gateway.look();
    const { address } = this.#gateway;
    if (address !== before) this.#askedSince = undefined;
    // The first one that is found at all has its time to answer.
    if (address === undefined || (address !== before && this.#hasGateway === true))
      this.#setGateway(false, now);
    this.#meetGateway(now);
  }

  readonly #meetGateway = (now: Instant): void => {
    const isMissing = this.#gateway.address !== undefined && this.#hasGateway !== true;
    if (isMissing) {
      this.#askedSince ??= now;
      if (now >= after(this.#askedSince, GATEWAY_PATIENCE)) this.#setGateway(false, now);
      this.#gateway.ask();
    }
    const again = isMissing ? after(now, GATEWAY_RETRY) : undefined;
    this.#parts.deadlines.set("gateway", again, this.#meetGateway);
  };

  #onGateway(now: Instant): void {
    this.#setGateway(true, now);
    this.#parts.onGatewayHeard(now);
  }

  #setGateway(isKnown: boolean, now: Instant): void {
    if (isKnown === this.#hasGateway) return;
    this.#hasGateway = isKnown;
    this.#parts.onGatewayKnown(isKnown, now);
  }

  /** Says which of the links that carry addresses went down or came back. */
  #tellLinks(nodeLinks: readonly NodeLink[]): void {
    for (const nodeLink of nodeLinks) {
      const { link, addresses } = nodeLink;
      // IPVS's interface is never up.
      if (linkFault(nodeLink) === "no-neighbours") continue;
      const isDown = !link.up || !link.carrier;
      if (addresses.length === 0 || link.loopback || isDown === this.#linksDown.has(link.name)) continue;
      if (isDown) this.#linksDown.add(link.name);
      else this.#linksDown.delete(link.name);
      this.#parts.tell({ type: "link", link: link.name, state: isDown ? "down" : "up" });
    }
  }
}
