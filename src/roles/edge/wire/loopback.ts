/**
 * Puts addresses that packets are routed to on the loopback interface, and takes those away that are no longer wanted there. Nobody
 * but us puts addresses with our mark there: an earlier run's are found by it.
 */

import type { IpAddress } from "#base/address";
import { addressBits, formatInterfaceAddress } from "#base/prefix";
import { STEELYARD_ADDRESS_PROTOCOL } from "#core/netlink/address";
import type { Event } from "#core/observation/event";
import type { Link, LinkAddress, NetlinkPort } from "#drivers/netlink/port";

export type Loopback = {
  /** From now on it has exactly these of ours. */
  apply(addresses: readonly IpAddress[]): void;
};

type Parts = {
  readonly netlink: Pick<NetlinkPort, "links" | "addresses" | "addAddress" | "removeAddress">;
  readonly emit: (event: Event) => void;
};

const wholly = (address: IpAddress) => ({ address, prefixLength: addressBits(address) });

class LoopbackAddresses implements Loopback {
  readonly #parts: Parts;
  /** What failed and was said, by address. */
  readonly #complaints = new Map<IpAddress, string>();
  /** Those that were wanted in this run: kernels before 5.18 do not keep our mark. */
  readonly #known = new Set<IpAddress>();
  /** Whether there may be any of ours. */
  #isUsed: "perhaps" | "no" = "perhaps";

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  apply(addresses: readonly IpAddress[]): void {
    if (addresses.length === 0 && this.#isUsed === "no") return;
    const links = this.#parts.netlink.links();
    const present = this.#parts.netlink.addresses();
    const link = links.ok ? links.value.find(({ loopback }) => loopback) : undefined;
    if (link === undefined || !present.ok) {
      for (const address of addresses) this.#complain(address, "the kernel shows no loopback interface");
      return;
    }
    const held = present.value.filter(({ linkIndex }) => linkIndex === link.index);
    const wanted = new Set(addresses);
    this.#clean(held, wanted);
    const there = new Set(held.map(formatInterfaceAddress));
    for (const address of addresses) {
      this.#known.add(address);
      if (there.has(formatInterfaceAddress(wholly(address)))) this.#recover(address);
      else this.#add(link, address);
    }
    this.#isUsed = addresses.length === 0 ? "no" : "perhaps";
  }

  #clean(held: readonly LinkAddress[], wanted: ReadonlySet<IpAddress>): void {
    for (const { linkIndex, address, prefixLength, protocol } of held) {
      if (wanted.has(address)) continue;
      if (protocol !== STEELYARD_ADDRESS_PROTOCOL && !this.#known.has(address)) continue;
      this.#parts.netlink.removeAddress({ linkIndex, address: { address, prefixLength } });
    }
    for (const address of this.#known) if (!wanted.has(address)) this.#known.delete(address);
    for (const address of this.#complaints.keys()) if (!wanted.has(address)) this.#recover(address);
  }

  #add({ index: linkIndex }: Link, address: IpAddress): void {
    const added = this.#parts.netlink.addAddress({ linkIndex, address: wholly(address) });
    if (added.ok) this.#recover(address);
    else this.#complain(address, added.error.code);
  }

  #subject(address: IpAddress): string {
    return `${formatInterfaceAddress(wholly(address))} on the loopback interface`;
  }

  #complain(address: IpAddress, detail: string): void {
    if (this.#complaints.get(address) === detail) return;
    this.#complaints.set(address, detail);
    this.#parts.emit({ type: "bgp-trouble", subject: this.#subject(address), state: "begun", detail });
  }

  #recover(address: IpAddress): void {
    if (!this.#complaints.delete(address)) return;
    this.#parts.emit({ type: "bgp-trouble", subject: this.#subject(address), state: "ended" });
  }
}

/** Touches nothing until `apply`. */
export const createLoopback = (parts: Parts): Loopback => new LoopbackAddresses(parts);
