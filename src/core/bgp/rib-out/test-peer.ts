/** What a peer makes of what it hears, and ready-made routes, for tests. */
import type { IpFamily } from "#base/address";
import { assert } from "#base/assert";
import { formatInterfaceAddress, parseInterfaceAddress } from "#base/prefix";
import { address } from "#testing/values";
import type { PathAttributes } from "../message/message.ts";
import type { RouteAttributes } from "../route.ts";
import type { Outgoing } from "./parcel.ts";
import type { PeerSession } from "./path-attributes.ts";
import type { PeerRoute } from "./peer-route.ts";
import { prefixKey } from "./prefix-key.ts";

/** Attributes about which nothing is special. */
export const attributesOf = (overrides: Partial<RouteAttributes> = {}): RouteAttributes => ({
  localPref: 0,
  med: undefined,
  communities: [],
  largeCommunities: [],
  linkBandwidth: undefined,
  ...overrides,
});

const PLAIN = attributesOf();

/** The prefix that `text` spells. */
export const prefixOf = (text: string) => {
  const prefix = parseInterfaceAddress(text);
  assert(prefix !== undefined, "not a prefix", { text });
  return prefix;
};

/** A route of the prefix that `text` spells. */
export const routeOf = (text: string, attributes: RouteAttributes = PLAIN): PeerRoute => {
  const prefix = prefixOf(text);
  return { key: prefixKey(prefix), prefix, attributes };
};

type SessionOverrides = Partial<Omit<PeerSession, "negotiated">> & {
  readonly negotiated?: Partial<PeerSession["negotiated"]>;
};

/** A session to another autonomous system that speaks both families. */
export const sessionOf = ({ negotiated, ...rest }: SessionOverrides = {}): PeerSession => ({
  negotiated: { kind: "external", families: ["IPv4", "IPv6"], hasEnhancedRouteRefresh: true, ...negotiated },
  localAsn: 64_512,
  shownGlobalAsn: undefined,
  nextHops: {
    IPv4: { address: address("192.0.2.1"), linkLocal: undefined },
    IPv6: { address: address("2001:db8::1"), linkLocal: undefined },
  },
  ...rest,
});

const familyOfRefresh = (afi: number): IpFamily => (afi === 1 ? "IPv4" : "IPv6");

/** A router that keeps what it hears, and drops stale routes as RFC 7313 and RFC 4724 have it. Refuses what makes no sense. */
export class ModelPeer {
  readonly routes = new Map<string, PathAttributes>();
  /** Families whose end it heard, in order. */
  readonly ends: IpFamily[] = [];
  readonly #stale = new Map<string, IpFamily>();
  readonly #refreshing = new Set<IpFamily>();
  /** Routes that were in its table at once, at most. */
  most = 0;

  /** A new session begins; routes of its families are kept as stale (RFC 4724 §4.2), or dropped. */
  begin(kept: readonly IpFamily[]): void {
    this.#refreshing.clear();
    this.#stale.clear();
    this.ends.length = 0;
    for (const prefix of this.routes.keys()) {
      const family = prefix.includes(":") ? "IPv6" : "IPv4";
      if (kept.includes(family)) this.#stale.set(prefix, family);
      else this.routes.delete(prefix);
    }
  }

  hear(outgoing: readonly Outgoing[]): void {
    for (const each of outgoing) this.#hear(each);
  }

  #hear(message: Outgoing): void {
    if (message.type === "route-refresh") {
      const family = familyOfRefresh(message.family.afi);
      if (message.meaning === "begin") {
        assert(!this.#refreshing.has(family), "a refresh begins within another");
        this.#refreshing.add(family);
        this.#age(family);
      } else {
        assert(this.#refreshing.delete(family), "a refresh ends that did not begin");
        this.#sweep(family);
      }
      return;
    }
    if (message.type === "end-of-rib") {
      this.ends.push(message.family);
      if (!this.#refreshing.has(message.family)) this.#sweep(message.family);
      return;
    }
    assert(message.prefixes.length > 0, "an UPDATE about nothing");
    for (const prefix of message.prefixes) {
      const text = formatInterfaceAddress(prefix);
      this.#stale.delete(text);
      if (message.type === "announce") this.routes.set(text, message.attributes);
      else assert(this.routes.delete(text), "withdrawn without having been announced", { text });
    }
    this.most = Math.max(this.most, this.routes.size);
  }

  #age(family: IpFamily): void {
    for (const prefix of this.routes.keys())
      if (prefix.includes(":") === (family === "IPv6")) this.#stale.set(prefix, family);
  }

  #sweep(family: IpFamily): void {
    for (const [prefix, each] of this.#stale) {
      if (each !== family) continue;
      this.#stale.delete(prefix);
      this.routes.delete(prefix);
    }
  }
}
