/** Puts routes that share attributes into one UPDATE. */
import type { IpFamily } from "#base/address";
import { assert } from "#base/assert";
import type { InterfaceAddress } from "#base/prefix";
import type { RouteRefresh, Update } from "../message/message.ts";
import type { RouteAttributes } from "../route.ts";
import { type PeerSession, pathAttributesOf } from "./path-attributes.ts";
import type { PeerRoute } from "./peer-route.ts";
import { familyOfKey } from "./prefix-key.ts";

/** What is sent to a peer about routes. */
export type Outgoing = Update | RouteRefresh;

type Groups = Map<RouteAttributes, InterfaceAddress[]>;

/** Collects what one call of `take` gives. */
export class Parcel {
  readonly #session: PeerSession;
  readonly #outgoing: Outgoing[] = [];
  readonly #withdrawn: Readonly<Record<IpFamily, InterfaceAddress[]>> = { IPv4: [], IPv6: [] };
  readonly #announced: Readonly<Record<IpFamily, Groups>> = { IPv4: new Map(), IPv6: new Map() };

  constructor(session: PeerSession) {
    this.#session = session;
  }

  withdraw({ key, prefix }: PeerRoute): void {
    this.#withdrawn[familyOfKey(key)].push(prefix);
  }

  announce({ key, prefix, attributes }: PeerRoute): void {
    const groups = this.#announced[familyOfKey(key)];
    const group = groups.get(attributes);
    if (group === undefined) groups.set(attributes, [prefix]);
    else group.push(prefix);
  }

  /** Puts a message behind everything so far, and before everything to come. */
  put(message: Outgoing): void {
    this.#close();
    this.#outgoing.push(message);
  }

  /** Everything, in order. */
  outgoing(): readonly Outgoing[] {
    this.#close();
    return this.#outgoing;
  }

  #close(): void {
    for (const family of ["IPv4", "IPv6"] as const) {
      const prefixes = this.#withdrawn[family].splice(0);
      if (prefixes.length > 0) this.#outgoing.push({ type: "withdraw", family, prefixes });
    }
    for (const family of ["IPv4", "IPv6"] as const) this.#closeAnnounced(family);
  }

  #closeAnnounced(family: IpFamily): void {
    const groups = this.#announced[family];
    if (groups.size === 0) return;
    const nextHop = this.#session.nextHops[family];
    assert(nextHop !== undefined, "routes of a family without a next hop are left out");
    for (const [attributes, prefixes] of groups) {
      const path = pathAttributesOf(attributes, { session: this.#session, nextHop });
      this.#outgoing.push({ type: "announce", family, attributes: path, prefixes });
    }
    groups.clear();
  }
}
