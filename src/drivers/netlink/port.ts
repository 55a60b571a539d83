/**
 * What we ask of the kernel's network configuration: links, addresses, routes, and word of every change.
 *
 * All calls are synchronous: one request and its answer cost about 20 microseconds.
 */
import type { IpAddress } from "#base/address";
import type { MacAddress } from "#base/mac";
import type { InterfaceAddress } from "#base/prefix";

/** A request that the kernel refused, with the values involved. */
export type NetlinkError = {
  /** Symbolic errno such as `EPERM`, or `timeout`. */
  readonly code: string;
  /** What was asked, for the message: `add 192.0.2.10/24 to eth0`. */
  readonly request: string;
  /** The kernel's own words (NLMSGERR_ATTR_MSG), if it gave any. */
  readonly detail?: string;
};

export type NetlinkResult<Value> =
  | { readonly ok: true; readonly value: Value }
  | { readonly ok: false; readonly error: NetlinkError };

export type Link = {
  readonly index: number;
  readonly name: string;
  /** Ethernet address; `undefined` on links that have none. */
  readonly mac?: MacAddress;
  readonly mtu: number;
  /** Administratively up (IFF_UP). */
  readonly up: boolean;
  /** IFF_LOWER_UP: the cable is in and the other side is there. */
  readonly carrier: boolean;
  readonly loopback: boolean;
  /** Index of the bridge or bond it belongs to. */
  readonly master?: number;
};

export type LinkAddress = InterfaceAddress & {
  readonly linkIndex: number;
  readonly label?: string;
  /** IFA_F_TENTATIVE: duplicate address detection is still running. */
  readonly tentative: boolean;
  /** IFA_F_DADFAILED: somebody else has it. */
  readonly duplicate: boolean;
  /** IFA_PROTO, which tells our addresses from others'; `undefined` on kernels before 5.18. */
  readonly protocol?: number;
};

export type NetlinkChange =
  | { readonly type: "link"; readonly link: Link }
  | { readonly type: "link-gone"; readonly index: number; readonly name: string }
  | { readonly type: "address"; readonly address: LinkAddress }
  | { readonly type: "address-gone"; readonly address: LinkAddress }
  /** Messages were lost (ENOBUFS): read everything again. */
  | { readonly type: "overrun" };

export type NetlinkPort = {
  links(): NetlinkResult<readonly Link[]>;
  addresses(): NetlinkResult<readonly LinkAddress[]>;
  /** Adds an address (IPv6 without duplicate address detection); it is no error when it is already there. */
  addAddress(request: {
    readonly linkIndex: number;
    readonly address: InterfaceAddress;
    readonly label?: string;
  }): NetlinkResult<"added" | "present">;
  /** Removes an address; it is no error when it is not there. */
  removeAddress(request: {
    readonly linkIndex: number;
    readonly address: InterfaceAddress;
  }): NetlinkResult<"removed" | "absent">;
  /** How the kernel would send to `destination`: the link and, if not direct, the gateway. */
  routeTo(destination: IpAddress): NetlinkResult<{
    readonly linkIndex: number;
    readonly gateway?: IpAddress;
    readonly source?: IpAddress;
  }>;
  /** Calls back for every change from now on. Gives a function that stops it. */
  subscribe(onChange: (change: NetlinkChange) => void): NetlinkResult<() => void>;
  close(): void;
};
