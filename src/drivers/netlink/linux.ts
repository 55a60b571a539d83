/** The kernel's network configuration through rtnetlink. */

import { familyOf, type IpAddress, isIpv4 } from "#base/address";
import type { InterfaceAddress } from "#base/prefix";
import { formatInterfaceAddress } from "#base/prefix";
import {
  type AddressAddition,
  type AddressLease,
  type AddressRequest,
  decodeAddress,
  encodeAddressAdd,
  encodeAddressDump,
  encodeAddressLease,
  encodeAddressRemove,
  encodeIpv6AddressGet,
  type LinkAddress,
} from "#core/netlink/address";
import { decodeLink, encodeLinkDump } from "#core/netlink/link";
import {
  encodeLinkAlias,
  encodeLinkRemove,
  encodeLinkUp,
  encodeLinkWithoutIpv6,
  encodeMacvlanAdd,
} from "#core/netlink/link-change";
import { decodeNeighbour, encodeNeighbourDump } from "#core/netlink/neighbour";
import { decodeRoute, encodeRouteGet } from "#core/netlink/route";
import { openDoor } from "#native/door";
import { watchChanges, watchSettings } from "./changes.ts";
import { labelProblem } from "./label.ts";
import type { NetlinkError, NetlinkPort, NetlinkResult } from "./port.ts";
import { type NetlinkDoor, openRouteSocket, RouteSocket } from "./socket.ts";

const QUEUE_BYTES = 8 * 1024 * 1024;

const onLink = (address: InterfaceAddress, preposition: string, linkIndex: number): string =>
  `${formatInterfaceAddress(address)} ${preposition} link ${linkIndex}`;

const failed = (error: NetlinkError): { readonly ok: false; readonly error: NetlinkError } => ({
  ok: false,
  error,
});

class LinuxNetlink implements NetlinkPort {
  readonly #door: NetlinkDoor;
  readonly #socket: RouteSocket;
  readonly #queueBytes: number;
  readonly #subscriptions = new Set<() => void>();

  constructor(door: NetlinkDoor, socket: RouteSocket, queueBytes: number) {
    this.#door = door;
    this.#socket = socket;
    this.#queueBytes = queueBytes;
  }

  links(): ReturnType<NetlinkPort["links"]> {
    return this.#socket.collect({ request: "list links", encode: encodeLinkDump }, decodeLink);
  }

  addresses(): ReturnType<NetlinkPort["addresses"]> {
    return this.#socket.collect({ request: "list addresses", encode: encodeAddressDump }, decodeAddress);
  }

  neighbours(): ReturnType<NetlinkPort["neighbours"]> {
    return this.#socket.collect({ request: "list neighbours", encode: encodeNeighbourDump }, decodeNeighbour);
  }

  addAddress(request: AddressAddition): NetlinkResult<"added" | "present"> {
    const { address, linkIndex, label } = request;
    const detail = labelProblem(label);
    if (detail !== undefined) {
      return failed({ code: "EINVAL", request: `add ${onLink(address, "to", linkIndex)}`, detail });
    }
    const error = this.#add(request);
    if (error === undefined) return { ok: true, value: "added" };
    if (error.code !== "EEXIST") return failed(error);
    return isIpv4(address.address) ? { ok: true, value: "present" } : this.#addIpv6Again(request, error);
  }

  leaseAddress(request: AddressLease): NetlinkResult<undefined> {
    const error = this.#socket.change({
      request: `lease ${onLink(request.address, "on", request.linkIndex)}`,
      encode: (builder, sequence) => encodeAddressLease(builder, sequence, request),
    });
    return error === undefined ? { ok: true, value: undefined } : failed(error);
  }

  removeAddress(request: AddressRequest): NetlinkResult<"removed" | "absent"> {
    const error = this.#remove(request);
    if (error === undefined) return { ok: true, value: "removed" };
    const absent = error.code === "EADDRNOTAVAIL" || error.code === "ENODEV";
    return absent ? { ok: true, value: "absent" } : failed(error);
  }

  addMacvlan({ alias, ...request }: Parameters<NetlinkPort["addMacvlan"]>[0]): NetlinkResult<number> {
    const made = this.#socket.change({
      request: `make the macvlan ${request.name}`,
      encode: (builder, sequence) => encodeMacvlanAdd(builder, sequence, request),
    });
    if (made !== undefined) return failed(made);
    const links = this.links();
    if (!links.ok) return links;
    const index = links.value.find(({ name }) => name === request.name)?.index;
    if (index === undefined) return failed({ code: "ENODEV", request: `find the macvlan ${request.name}` });
    const named = this.#socket.change({
      request: `give ${request.name} its alias`,
      encode: (builder, sequence) => encodeLinkAlias(builder, sequence, { index, alias }),
    });
    // Without the alias nobody would know that it is ours.
    if (named !== undefined) {
      this.removeLink(index);
      return failed(named);
    }
    // A kernel without IPv6 refuses, and has no need of it.
    this.#socket.change({
      request: `let ${request.name} make no IPv6 address`,
      encode: (builder, sequence) => encodeLinkWithoutIpv6(builder, sequence, index),
    });
    return { ok: true, value: index };
  }

  removeLink(index: number): NetlinkResult<"removed" | "absent"> {
    const error = this.#socket.change({
      request: `remove link ${index}`,
      encode: (builder, sequence) => encodeLinkRemove(builder, sequence, index),
    });
    if (error === undefined) return { ok: true, value: "removed" };
    return error.code === "ENODEV" ? { ok: true, value: "absent" } : failed(error);
  }

  setUp(index: number, up: boolean): NetlinkResult<undefined> {
    const error = this.#socket.change({
      request: `take link ${index} ${up ? "up" : "down"}`,
      encode: (builder, sequence) => encodeLinkUp(builder, sequence, { index, up }),
    });
    return error === undefined ? { ok: true, value: undefined } : failed(error);
  }

  routeTo(destination: IpAddress): ReturnType<NetlinkPort["routeTo"]> {
    const request = `find the route to ${destination}`;
    const routes = this.#socket.collect(
      { request, encode: (builder, sequence) => encodeRouteGet(builder, sequence, destination) },
      decodeRoute,
    );
    if (!routes.ok) return routes;
    const [route] = routes.value;
    return route === undefined
      ? failed({ code: "malformed", request, detail: `no ${familyOf(destination)} route in the answer` })
      : { ok: true, value: route };
  }

  subscribe(onChange: Parameters<NetlinkPort["subscribe"]>[0]): NetlinkResult<() => void> {
    return this.#kept(watchChanges(this.#door, this.#queueBytes, onChange));
  }

  subscribeSettings(onChange: () => void): NetlinkResult<() => void> {
    return this.#kept(watchSettings(this.#door, this.#queueBytes, onChange));
  }

  /** Stopped at the latest when the driver is closed. */
  #kept(watching: NetlinkResult<() => void>): NetlinkResult<() => void> {
    if (!watching.ok) return watching;
    const stop = (): void => {
      this.#subscriptions.delete(stop);
      watching.value();
    };
    this.#subscriptions.add(stop);
    return { ok: true, value: stop };
  }

  close(): void {
    for (const stop of [...this.#subscriptions]) stop();
    this.#socket.close();
  }

  #add(request: AddressAddition): NetlinkError | undefined {
    return this.#socket.change({
      request: `add ${onLink(request.address, "to", request.linkIndex)}`,
      encode: (builder, sequence) => encodeAddressAdd(builder, sequence, request),
    });
  }

  #remove(request: AddressRequest): NetlinkError | undefined {
    return this.#socket.change({
      request: `remove ${onLink(request.address, "from", request.linkIndex)}`,
      encode: (builder, sequence) => encodeAddressRemove(builder, sequence, request),
    });
  }

  /** The link has this IPv6 address in some form: with another length, or not usable, or just as we want it. */
  #addIpv6Again(request: AddressAddition, exists: NetlinkError): NetlinkResult<"added" | "present"> {
    const found = this.#socket.collect(
      {
        request: `look up ${onLink(request.address, "on", request.linkIndex)}`,
        encode: (builder, sequence) => encodeIpv6AddressGet(builder, sequence, request),
      },
      decodeAddress,
    );
    if (!found.ok) return found;
    const there: LinkAddress | undefined = found.value[0];
    if (there !== undefined && there.prefixLength !== request.address.prefixLength) {
      return failed({ ...exists, detail: `the link has it with prefix length ${there.prefixLength}` });
    }
    if (there !== undefined && !there.tentative && !there.duplicate) return { ok: true, value: "present" };
    // Probed by somebody else's rules, or already given up: ours must answer now.
    const error = this.#remove(request) ?? this.#add(request);
    return error === undefined ? { ok: true, value: "added" } : failed(error);
  }
}

export type NetlinkOptions = {
  /** How many bytes of unread changes the kernel keeps for a subscriber before it loses some; 8 MiB if not said. */
  readonly queueBytes?: number;
};

/** Opens the driver in the network namespace of the calling thread. Changing addresses needs CAP_NET_ADMIN. */
export const openNetlink = (
  door: NetlinkDoor = openDoor(),
  { queueBytes = QUEUE_BYTES }: NetlinkOptions = {},
): NetlinkResult<NetlinkPort> => {
  const opened = openRouteSocket(door, QUEUE_BYTES);
  if (!opened.ok) return opened;
  return { ok: true, value: new LinuxNetlink(door, new RouteSocket(door, opened.value), queueBytes) };
};
