/** Makes the interfaces with virtual MAC addresses that routers need, and removes them. */
import type { Event } from "#core/observation/event";
import type { VirtualRouterConfig } from "#core/vrrp/config";
import { isVirtualLink, planVirtualLinks } from "#core/vrrp/virtual-mac";
import type { NetlinkPort } from "#drivers/netlink/port";

export type VirtualLinks = {
  /** Makes the interfaces what these routers need; gives whether anything has changed. */
  apply(routers: readonly VirtualRouterConfig[]): boolean;
  /** Removes all of them. */
  remove(): void;
};

type Parts = {
  readonly netlink: Pick<NetlinkPort, "links" | "addMacvlan" | "removeLink">;
  readonly emit: (event: Event) => void;
};

class MacvlanLinks implements VirtualLinks {
  readonly #parts: Parts;
  /** What failed and was said, by interface: said again only when it is another failure. */
  readonly #complaintByName = new Map<string, string>();
  /** Routers by the names of the interfaces that were made for them. */
  readonly #routerByName = new Map<string, string>();

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  apply(routers: readonly VirtualRouterConfig[]): boolean {
    const links = this.#parts.netlink.links();
    if (!links.ok) return false;
    for (const { name, virtualMacInterface: device } of routers) {
      if (device !== undefined) this.#routerByName.set(device, name);
    }
    const { remove, make, blocked } = planVirtualLinks(routers, links.value);
    for (const { index, name } of remove) this.#remove(index, name);
    for (const { router, ...wanted } of make) {
      const made = this.#parts.netlink.addMacvlan(wanted);
      if (made.ok) this.#say(router, wanted.name, "made", wanted.mac);
      else this.#complain(router, wanted.name, `${made.error.code}, asked to ${made.error.request}`);
    }
    for (const { router, name, detail } of blocked) this.#complain(router, name, detail);
    return remove.length + make.length > 0;
  }

  remove(): void {
    const links = this.#parts.netlink.links();
    if (!links.ok) return;
    for (const link of links.value) if (isVirtualLink(link)) this.#remove(link.index, link.name);
  }

  #remove(index: number, name: string): void {
    const router = this.#routerByName.get(name) ?? "of an earlier run";
    const removed = this.#parts.netlink.removeLink(index);
    if (removed.ok) this.#say(router, name, "removed");
    else this.#complain(router, name, `it is still there: ${removed.error.code}`);
  }

  #say(router: string, device: string, change: "made" | "removed", detail?: string): void {
    this.#complaintByName.delete(device);
    const more = detail === undefined ? {} : { detail };
    this.#parts.emit({ type: "virtual-link", router, device, change, ...more });
  }

  #complain(router: string, device: string, detail: string): void {
    if (this.#complaintByName.get(device) === detail) return;
    this.#complaintByName.set(device, detail);
    this.#parts.emit({ type: "virtual-link", router, device, change: "failed", detail });
  }
}

/** Makes nothing until `apply`. */
export const createVirtualLinks = (parts: Parts): VirtualLinks => new MacvlanLinks(parts);
