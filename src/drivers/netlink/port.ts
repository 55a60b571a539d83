/**
 * What we ask of the kernel's network configuration: links, addresses, routes, and word of every change.
 *
 * All calls are synchronous: one request and its answer cost about 20 microseconds.
 */
import type { IpAddress } from "#base/address";
import type { AddressAddition, AddressLease, AddressRequest, LinkAddress } from "#core/netlink/address";
import type { Link } from "#core/netlink/link";
import type { MacvlanRequest } from "#core/netlink/link-change";
import type { Neighbour } from "#core/netlink/neighbour";
import type { Route } from "#core/netlink/route";

/** A request that the kernel refused, with the values involved. */
export type NetlinkError = {
  /** Symbolic errno such as `EPERM`; `timeout` when no answer came; `malformed` when it could not be read. */
  readonly code: string;
  /** What was asked, for the message: `add 192.0.2.10/24 to link 3`. */
  readonly request: string;
  /** The kernel's own words (NLMSGERR_ATTR_MSG), or ours where the errno does not say enough. */
  readonly detail?: string;
};

export type NetlinkResult<Value> =
  | { readonly ok: true; readonly value: Value }
  | { readonly ok: false; readonly error: NetlinkError };

export type {
  AddressAddition,
  AddressLease,
  AddressRequest,
  Link,
  LinkAddress,
  MacvlanRequest,
  Neighbour,
  Route,
};

export type NetlinkChange =
  /** `isRerouted`: it is reached another way, as when a bond has changed its cable, or a virtual machine its host. */
  | { readonly type: "link"; readonly link: Link; readonly isRerouted?: boolean }
  | { readonly type: "link-gone"; readonly index: number; readonly name: string }
  | { readonly type: "address"; readonly address: LinkAddress }
  /** `by`: who asked for it, as far as the kernel tells, for people. */
  | { readonly type: "address-gone"; readonly address: LinkAddress; readonly by?: string }
  /** Messages were lost (ENOBUFS): read everything again. */
  | { readonly type: "overrun" };

export type NetlinkPort = {
  links(): NetlinkResult<readonly Link[]>;
  addresses(): NetlinkResult<readonly LinkAddress[]>;
  /** What the kernel knows of the machines on its links: who answered ARP and NDP, who did not. */
  neighbours(): NetlinkResult<readonly Neighbour[]>;
  /**
   * Adds an address; it is no error when it is already there.
   *
   * IPv6 addresses skip duplicate address detection and are deprecated, so that the host does not choose them as
   * the source of its own connections. One that is there but still being probed, or found duplicate, is replaced.
   *
   * The same address with another prefix length: IPv4 links carry both side by side, and each is removed by its own
   * length. An IPv6 link can carry an address once, so there this fails with `EEXIST` and says the other length.
   *
   * `label` is for IPv4 only: ASCII, at most 15 characters. `unrouted`: no route to its subnet comes with it.
   */
  addAddress(request: AddressAddition): NetlinkResult<"added" | "present">;
  /**
   * Lets an address be on a link for so long from now on, and renews it where it is already, whoever has put it there.
   *
   * Besides that it is as one that is added: not probed, deprecated, without a route; it carries a mark of its own. An IPv6 link that has it
   * with another prefix length keeps that.
   */
  leaseAddress(request: AddressLease): NetlinkResult<undefined>;
  /** Removes an address with exactly this prefix length; it is no error when it, or its link, is not there. */
  removeAddress(request: AddressRequest): NetlinkResult<"removed" | "absent">;
  /**
   * Makes a macvlan, down, with these words as its alias, that makes no IPv6 address by itself; gives its index.
   * `EEXIST` when there is a link of that name.
   */
  addMacvlan(request: MacvlanRequest & { readonly alias: string }): NetlinkResult<number>;
  /** Removes a link that can be removed; it is no error when it is not there. */
  removeLink(index: number): NetlinkResult<"removed" | "absent">;
  /** Takes a link up or down. */
  setUp(index: number, up: boolean): NetlinkResult<undefined>;
  /** How the kernel would send to `destination`: the link and, if not direct, the gateway. */
  routeTo(destination: IpAddress): NetlinkResult<Route>;
  /**
   * Calls back for every change from now on, never inside a call of ours. Gives a function that stops it.
   *
   * A change of carrier is told within a millisecond, but the kernel tells at most one a second for most links: one
   * that follows the last within a second may come up to a second late.
   */
  subscribe(onChange: (change: NetlinkChange) => void): NetlinkResult<() => void>;
  /**
   * Calls back when a setting of an interface may have another value, whoever has set it, also we. The kernel tells of
   * `forwarding`, `force_forwarding`, `rp_filter` and few others below `net.ipv4.conf` and `net.ipv6.conf`; of no others.
   */
  subscribeSettings(onChange: () => void): NetlinkResult<() => void>;
  close(): void;
};
