/** Puts a router's addresses on their interfaces and takes them off again, and puts back what somebody removed. */
import type { Event } from "#core/observation/event";
import type { VirtualAddress, VirtualRouterConfig } from "#core/vrrp/config";
import type { LinkAddress, NetlinkPort } from "#drivers/netlink/port";
import type { Links } from "./links.ts";

/** All addresses that move with a router. */
export const allAddresses = (config: VirtualRouterConfig): readonly VirtualAddress[] => [
  ...config.addresses,
  ...config.unadvertisedAddresses,
];

type Parts = {
  /** Asked each time: a reload may change it. */
  readonly config: () => VirtualRouterConfig;
  readonly netlink: NetlinkPort;
  readonly links: Links;
  readonly emit: (event: Event) => void;
};

type Change = Extract<Event, { type: "address" }>["change"];

export class Addresses {
  readonly #parts: Parts;
  /** What has been put on and not been taken off again; `undefined` while the router holds nothing. */
  #held: readonly VirtualAddress[] | undefined;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /** Holds exactly the configured addresses; those that are there already stay untouched. */
  take(): void {
    const wanted = allAddresses(this.#parts.config());
    const held = this.#held ?? [];
    this.#held = wanted;
    for (const address of held) if (!wanted.some(this.#isSameAs(address))) this.#remove(address);
    for (const address of wanted) if (!held.some(this.#isSameAs(address))) this.#add(address, "added");
  }

  /** Removes every address that may be ours, also what a killed predecessor left. */
  release(): void {
    const configured = allAddresses(this.#parts.config());
    const former = (this.#held ?? []).filter((old) => !configured.some(this.#isSameAs(old)));
    this.#held = undefined;
    for (const address of [...former, ...configured]) this.#remove(address);
  }

  /** Whether a configured address is on an interface although nobody here took it: left by a killed predecessor. */
  leftBehind(): boolean {
    const present = this.#parts.netlink.addresses();
    return (
      this.#held === undefined &&
      present.ok &&
      present.value.some((address) => this.#find(address) !== undefined)
    );
  }

  /** Somebody removed an address: puts it back if it is held. */
  removed(gone: LinkAddress): void {
    const wanted = this.#find(gone);
    if (wanted !== undefined && this.#held !== undefined) this.#add(wanted, "restored");
  }

  /** A link came back: its addresses are put on again. */
  linkReturned(name: string): void {
    for (const address of this.#held ?? [])
      if (this.#deviceOf(address) === name) this.#add(address, "restored");
  }

  #deviceOf({ device }: VirtualAddress): string {
    return device ?? this.#parts.config().interface;
  }

  #isSameAs(left: VirtualAddress): (right: VirtualAddress) => boolean {
    return (right) =>
      left.address === right.address &&
      left.prefixLength === right.prefixLength &&
      this.#deviceOf(left) === this.#deviceOf(right);
  }

  #find(gone: LinkAddress): VirtualAddress | undefined {
    return allAddresses(this.#parts.config()).find(
      (wanted) =>
        wanted.address === gone.address &&
        wanted.prefixLength === gone.prefixLength &&
        this.#parts.links.byName(this.#deviceOf(wanted))?.index === gone.linkIndex,
    );
  }

  #report(address: VirtualAddress, change: Change, detail?: string): void {
    this.#parts.emit({
      type: "address",
      router: this.#parts.config().name,
      address: address.address,
      device: this.#deviceOf(address),
      change,
      ...(detail === undefined ? {} : { detail }),
    });
  }

  #add(wanted: VirtualAddress, change: Change): void {
    const link = this.#parts.links.byName(this.#deviceOf(wanted));
    if (link === undefined) {
      this.#report(wanted, "failed", "the interface does not exist");
      return;
    }
    const { address, prefixLength, label } = wanted;
    const result = this.#parts.netlink.addAddress({
      linkIndex: link.index,
      address: { address, prefixLength },
      ...(label === undefined ? {} : { label }),
    });
    if (result.ok) this.#report(wanted, change);
    else this.#report(wanted, "failed", [result.error.code, result.error.detail].filter(Boolean).join(": "));
  }

  #remove(wanted: VirtualAddress): void {
    const link = this.#parts.links.byName(this.#deviceOf(wanted));
    if (link === undefined) return;
    const { address, prefixLength } = wanted;
    const result = this.#parts.netlink.removeAddress({
      linkIndex: link.index,
      address: { address, prefixLength },
    });
    if (!result.ok) this.#report(wanted, "failed", `remove: ${result.error.code}`);
    else if (result.value === "removed") this.#report(wanted, "removed");
  }
}
