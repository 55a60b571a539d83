/**
 * A kernel in memory: links, addresses and routes that obey the rules that roles depend on.
 *
 * Changes reach subscribers in a microtask, as the real ones come from the event loop: never inside the call that
 * caused them. What an operator, a cable or another program would do is on the object besides the port.
 */
import { familyOf, type IpAddress, isIpv4 } from "#base/address";
import { contains, formatInterfaceAddress, type InterfaceAddress } from "#base/prefix";
import { LEASED_ADDRESS_PROTOCOL, STEELYARD_ADDRESS_PROTOCOL } from "#core/netlink/address";
import { labelProblem } from "./label.ts";
import type {
  AddressAddition,
  AddressLease,
  AddressRequest,
  Link,
  LinkAddress,
  Neighbour,
  NetlinkChange,
  NetlinkError,
  NetlinkPort,
  NetlinkResult,
  Route,
} from "./port.ts";

const succeeded = <Value>(value: Value): NetlinkResult<Value> => ({ ok: true, value });
const failed = (error: NetlinkError): { readonly ok: false; readonly error: NetlinkError } => ({
  ok: false,
  error,
});

const isSame = (left: LinkAddress, { linkIndex, address }: AddressRequest): boolean =>
  left.linkIndex === linkIndex &&
  left.address === address.address &&
  left.prefixLength === address.prefixLength;

export class FakeNetlink implements NetlinkPort {
  readonly #linkByIndex = new Map<number, Link>();
  #addresses: LinkAddress[] = [];
  #neighbours: readonly Neighbour[] = [];
  readonly #routes: { readonly network: InterfaceAddress; readonly route: Route }[] = [];
  readonly #subscribers = new Set<(change: NetlinkChange) => void>();
  readonly #settingsSubscribers = new Set<() => void>();
  #refusal: string | undefined;

  constructor(links: readonly Link[] = []) {
    for (const link of links) this.#linkByIndex.set(link.index, link);
  }

  links(): NetlinkResult<readonly Link[]> {
    return succeeded([...this.#linkByIndex.values()]);
  }

  addresses(): NetlinkResult<readonly LinkAddress[]> {
    return succeeded([...this.#addresses]);
  }

  neighbours(): NetlinkResult<readonly Neighbour[]> {
    return succeeded(this.#neighbours);
  }

  addAddress(request: AddressAddition): NetlinkResult<"added" | "present"> {
    const { linkIndex, address } = request;
    const words = `add ${formatInterfaceAddress(address)} to link ${linkIndex}`;
    const problem = labelProblem(request.label);
    if (problem !== undefined) return failed({ code: "EINVAL", request: words, detail: problem });
    if (this.#refusal !== undefined) return failed({ code: this.#refusal, request: words });
    const link = this.#linkByIndex.get(linkIndex);
    if (link === undefined) return failed({ code: "ENODEV", request: words });
    const there = this.#addresses.find((entry) =>
      isIpv4(address.address)
        ? isSame(entry, request)
        : entry.linkIndex === linkIndex && entry.address === address.address,
    );
    if (there !== undefined && there.prefixLength !== address.prefixLength) {
      const detail = `the link has it with prefix length ${there.prefixLength}`;
      return failed({ code: "EEXIST", request: words, detail });
    }
    if (there !== undefined && !there.tentative && !there.duplicate) return succeeded("present");
    if (there !== undefined) this.dropAddress(request);
    this.setAddress({
      ...address,
      linkIndex,
      ...(isIpv4(address.address) ? { label: request.label ?? link.name } : {}),
      tentative: false,
      duplicate: false,
      protocol: STEELYARD_ADDRESS_PROTOCOL,
    });
    return succeeded("added");
  }

  /** Its time does not run out by itself: a test that wants that drops it. */
  leaseAddress({ linkIndex, address }: AddressLease): NetlinkResult<undefined> {
    const request = `lease ${formatInterfaceAddress(address)} on link ${linkIndex}`;
    if (this.#refusal !== undefined) return failed({ code: this.#refusal, request });
    const link = this.#linkByIndex.get(linkIndex);
    if (link === undefined) return failed({ code: "ENODEV", request });
    this.setAddress({
      ...{ ...address, linkIndex, tentative: false, duplicate: false, protocol: LEASED_ADDRESS_PROTOCOL },
      ...(isIpv4(address.address) ? { label: link.name } : {}),
    });
    return succeeded(undefined);
  }

  removeAddress(request: AddressRequest): NetlinkResult<"removed" | "absent"> {
    const words = `remove ${formatInterfaceAddress(request.address)} from link ${request.linkIndex}`;
    if (this.#refusal !== undefined) return failed({ code: this.#refusal, request: words });
    return succeeded(this.dropAddress(request) ? "removed" : "absent");
  }

  routeTo(destination: IpAddress): NetlinkResult<Route> {
    const connected = this.#addresses
      .filter(({ linkIndex }) => this.#linkByIndex.get(linkIndex)?.up === true)
      .map(({ address, prefixLength, linkIndex }) => ({
        network: { address, prefixLength },
        route: { linkIndex, source: address },
      }));
    const [best] = [...this.#routes, ...connected]
      .filter(({ network }) => contains(network, destination))
      .sort((left, right) => right.network.prefixLength - left.network.prefixLength);
    return best === undefined
      ? failed({ code: "ENETUNREACH", request: `find the route to ${destination}` })
      : succeeded(best.route);
  }

  subscribe(onChange: (change: NetlinkChange) => void): NetlinkResult<() => void> {
    // One subscriber may subscribe twice: each subscription is its own.
    const subscriber = (change: NetlinkChange): void => onChange(change);
    this.#subscribers.add(subscriber);
    return succeeded(() => {
      this.#subscribers.delete(subscriber);
    });
  }

  subscribeSettings(onChange: () => void): NetlinkResult<() => void> {
    const subscriber = (): void => onChange();
    this.#settingsSubscribers.add(subscriber);
    return succeeded(() => {
      this.#settingsSubscribers.delete(subscriber);
    });
  }

  close(): void {
    this.#subscribers.clear();
    this.#settingsSubscribers.clear();
  }

  /** Somebody gives a setting of which the kernel tells another value. */
  changeSetting(): void {
    for (const subscriber of this.#settingsSubscribers) queueMicrotask(subscriber);
  }

  /** Creates or changes a link. Taking it down drops its IPv6 addresses, as the kernel does, but not IPv4. */
  setLink(link: Link): void {
    const before = this.#linkByIndex.get(link.index);
    this.#linkByIndex.set(link.index, link);
    if (before?.up === true && !link.up) {
      this.#dropWhere((entry) => entry.linkIndex === link.index && familyOf(entry.address) === "IPv6");
    }
    this.#tell({ type: "link", link });
  }

  /** A link is as it was, and reached another way: a bond has changed its cable. */
  reroute(index: number): void {
    const link = this.#linkByIndex.get(index);
    if (link !== undefined) this.#tell({ type: "link", link, isRerouted: true });
  }

  /** Deletes a link and its addresses. */
  removeLink(index: number): NetlinkResult<"removed" | "absent"> {
    const link = this.#linkByIndex.get(index);
    if (link === undefined) return succeeded("absent");
    // What stands on it goes with it.
    for (const above of [...this.#linkByIndex.values()]) {
      if (above.kind === "macvlan" && above.lower === index) this.removeLink(above.index);
    }
    this.#dropWhere((entry) => entry.linkIndex === index);
    this.#linkByIndex.delete(index);
    this.#tell({ type: "link-gone", index, name: link.name });
    return succeeded("removed");
  }

  addMacvlan(request: Parameters<NetlinkPort["addMacvlan"]>[0]): NetlinkResult<number> {
    const { name, lower, mac, alias } = request;
    const words = `make the macvlan ${name}`;
    if (this.#refusal !== undefined) return failed({ code: this.#refusal, request: words });
    const below = this.#linkByIndex.get(lower);
    if (below === undefined) return failed({ code: "ENODEV", request: words });
    const links = [...this.#linkByIndex.values()];
    if (links.some((link) => link.name === name)) return failed({ code: "EEXIST", request: words });
    const index = Math.max(...links.map((link) => link.index)) + 1;
    const { mtu, carrier } = below;
    this.setLink({
      ...{ index, name, mac, mtu, carrier, alias, lower },
      ...{ kind: "macvlan", up: false, loopback: false },
    });
    return succeeded(index);
  }

  setUp(index: number, up: boolean): NetlinkResult<undefined> {
    const link = this.#linkByIndex.get(index);
    const request = `take link ${index} ${up ? "up" : "down"}`;
    if (link === undefined) return failed({ code: "ENODEV", request });
    if (link.up !== up) this.setLink({ ...link, up });
    return succeeded(undefined);
  }

  /** Puts an address there as another program would, in any state. */
  setAddress(address: LinkAddress): void {
    this.#addresses = [
      ...this.#addresses.filter((entry) => !isSame(entry, { linkIndex: address.linkIndex, address })),
      address,
    ];
    this.#tell({ type: "address", address });
  }

  /** Takes an address away as another program would; whether it was there. */
  dropAddress(request: AddressRequest): boolean {
    return this.#dropWhere((entry) => isSame(entry, request));
  }

  /** Adds a route; destinations on the networks of addresses need none. */
  setRoute(network: InterfaceAddress, route: Route): void {
    this.#routes.push({ network, route });
  }

  /** What `neighbours` gives from now on. */
  setNeighbours(neighbours: readonly Neighbour[]): void {
    this.#neighbours = neighbours;
  }

  /** Refuses every change of an address with this errno until called with `undefined`. */
  refuseChanges(code: string | undefined): void {
    this.#refusal = code;
  }

  /** Tells subscribers that messages were lost. */
  overrun(): void {
    this.#tell({ type: "overrun" });
  }

  #dropWhere(matches: (entry: LinkAddress) => boolean): boolean {
    const gone = this.#addresses.filter(matches);
    this.#addresses = this.#addresses.filter((entry) => !matches(entry));
    for (const address of gone) this.#tell({ type: "address-gone", address });
    return gone.length > 0;
  }

  #tell(change: NetlinkChange): void {
    for (const subscriber of this.#subscribers) {
      queueMicrotask(() => {
        if (this.#subscribers.has(subscriber)) subscriber(change);
      });
    }
  }
}
