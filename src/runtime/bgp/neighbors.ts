/**
 * The routers at the other ends of links that peers are given by: found by their Router Advertisements, as they find us by ours
 * (RFC 4861; RFC 8950 in the way that routers practise it).
 */
import type { IpAddress } from "#base/address";
import { after, between, type Instant, seconds } from "#base/time";
import { decodeRouterAdvertisement, encodeRouterAdvertisement } from "#core/ndp/router-advertisement";
import type { Link } from "#drivers/netlink/port";
import type { AdvertisementSocket } from "#drivers/router-advertisement/port";
import type { BgpSpeakerParts } from "./parts.ts";
import type { Whereabouts } from "./peer-word.ts";

type Parts = Pick<BgpSpeakerParts, "routers" | "links" | "deadlines" | "now"> & {
  /** The router of an interface is another one, or nobody (`undefined`). */
  readonly onRouter: (interfaceName: string, now: Instant) => void;
};

type Watched = {
  readonly link: Link;
  readonly socket: AdvertisementSocket;
  router: IpAddress | undefined;
  heardAt: Instant;
  saidAt: Instant;
};

/** How often we are heard, and how often it is looked for links that are missing. */
const INTERVAL = seconds(10);
/** Nothing is said more often (MIN_DELAY_BETWEEN_RAS). */
const LEAST_PAUSE = seconds(3);
/** Another router takes the place of one that was not heard for so long. */
const FORGOTTEN_AFTER = seconds(35);

export class Neighbors {
  readonly #parts: Parts;
  #wanted: ReadonlySet<string> = new Set();
  readonly #watchedByName = new Map<string, Watched>();

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /** Looks for the routers of these interfaces from now on, and of no others. */
  watch(names: ReadonlySet<string>, now: Instant): void {
    this.#wanted = names;
    this.#settle(now);
  }

  /** Interfaces may be others than before. */
  linksChanged(now: Instant): void {
    if (this.#wanted.size > 0) this.#settle(now);
  }

  /** Where the router of an interface is; `undefined`: it was not heard. */
  find(name: string): Whereabouts | undefined {
    const watched = this.#watchedByName.get(name);
    if (watched?.router === undefined) return undefined;
    return { address: watched.router, link: { index: watched.link.index, name } };
  }

  close(): void {
    for (const { socket } of this.#watchedByName.values()) socket.close();
    this.#watchedByName.clear();
    this.#parts.deadlines.set("bgp routers", undefined, this.#onTimer);
  }

  readonly #onTimer = (now: Instant): void => {
    this.#settle(now);
    for (const watched of this.#watchedByName.values()) this.#say(watched, now);
  };

  /** Has a socket on every interface that is wanted and there. */
  #settle(now: Instant): void {
    for (const [name, { link, socket, router }] of this.#watchedByName) {
      const present = this.#parts.links.byName(name);
      if (this.#wanted.has(name) && present?.index === link.index && present.up) continue;
      socket.close();
      this.#watchedByName.delete(name);
      if (router !== undefined) this.#parts.onRouter(name, now);
    }
    for (const name of this.#wanted) if (!this.#watchedByName.has(name)) this.#open(name, now);
    const next = this.#wanted.size === 0 ? undefined : after(now, INTERVAL);
    this.#parts.deadlines.set("bgp routers", next, this.#onTimer);
  }

  #open(name: string, now: Instant): void {
    const link = this.#parts.links.byName(name);
    if (link === undefined || !link.up) return;
    const opened = this.#parts.routers.open({
      link: { index: link.index, name },
      onAdvertisement: (payload, source) => this.#hear(name, payload, source),
      onError: () => {},
    });
    // It is tried again.
    if (!opened.ok) return;
    const watched: Watched = { link, socket: opened.value, router: undefined, heardAt: now, saidAt: now };
    this.#watchedByName.set(name, watched);
    this.#say(watched, now);
  }

  #say(watched: Watched, now: Instant): void {
    watched.saidAt = now;
    watched.socket.send(encodeRouterAdvertisement(watched.link.mac));
  }

  #hear(name: string, payload: Uint8Array, source: IpAddress): void {
    const watched = this.#watchedByName.get(name);
    const heard = decodeRouterAdvertisement(payload, source);
    if (watched === undefined || !heard.ok) return;
    const now = this.#parts.now();
    const { router } = heard.value;
    if (watched.router === router) {
      watched.heardAt = now;
      return;
    }
    if (watched.router !== undefined && between(watched.heardAt, now) < FORGOTTEN_AFTER) return;
    watched.router = router;
    watched.heardAt = now;
    // It may have just come, and does not know of us.
    if (between(watched.saidAt, now) >= LEAST_PAUSE) this.#say(watched, now);
    this.#parts.onRouter(name, now);
  }
}
