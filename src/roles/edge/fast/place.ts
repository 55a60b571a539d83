/** Where a router sits: the link it speaks on, its socket there, and what keeps it from speaking. */
import type { IpAddress } from "#base/address";
import { isEnslaved } from "#core/netlink/link";
import type { Event } from "#core/observation/event";
import type { VirtualRouterConfig } from "#core/vrrp/config";
import { advertisesVirtually } from "#core/vrrp/virtual-mac";
import type { Link } from "#drivers/netlink/port";
import type { PacketError, PacketPort, VrrpSender, VrrpSocket } from "#drivers/packet/port";
import type { Listener, Seat, Stations } from "./stations.ts";

type Parts = {
  /** Asked each time: a reload may change it. */
  readonly config: () => VirtualRouterConfig;
  readonly stations: Stations;
  readonly packets: Pick<PacketPort, "openVrrpSender">;
  readonly emit: (event: Event) => void;
};

/** The links that a router stands on, as far as they exist. */
export type Ground = {
  readonly link: Link | undefined;
  /** The one with its virtual MAC address. */
  readonly virtual: Link | undefined;
};

export class Place {
  readonly #parts: Parts;
  readonly #listener: Listener;
  #seat: Seat | undefined;
  #socket: VrrpSocket | undefined;
  /** What speaks for it under its virtual MAC address, and from which link. */
  #voice: { readonly sender: VrrpSender; readonly linkIndex: number } | undefined;
  /** Why there is no seat although the link is there. */
  #refusal: PacketError | undefined;
  /** Why there is no voice although its link is there. */
  #muteness: PacketError | undefined;
  /** What people were told that it waits for. */
  #waiting: string | undefined;

  constructor(parts: Parts, listener: Listener) {
    this.#parts = parts;
    this.#listener = listener;
  }

  /** What to send with; `undefined` without a seat. */
  get sender(): VrrpSender | undefined {
    return advertisesVirtually(this.#parts.config()) ? this.#voice?.sender : this.#socket;
  }

  /** The kernel's number of the link; `undefined` without a seat. */
  get linkIndex(): number | undefined {
    return this.#seat?.link.index;
  }

  /** Whether it could not be taken on a link that is there, so that trying again may help. */
  get refused(): boolean {
    return this.#refusal !== undefined || this.#muteness !== undefined;
  }

  /**
   * Takes its place on its link, and on the one with its virtual MAC address if it has one, as they are now; gives the
   * address to speak from when it can speak.
   */
  take({ link, virtual }: Ground, address: IpAddress | undefined): IpAddress | undefined {
    this.#sit(link);
    this.#findVoice(virtual);
    const lack = this.#lacks({ link, virtual }, address);
    this.#wait(lack);
    return lack === undefined ? address : undefined;
  }

  /** Leaves for good. */
  leave(): void {
    this.#wait(undefined);
    this.#stand();
    this.#findVoice(undefined);
  }

  /** Speaks through this link, or with `undefined` through none. */
  #findVoice(virtual: Link | undefined): void {
    const link = advertisesVirtually(this.#parts.config()) ? virtual : undefined;
    if (this.#voice?.linkIndex === link?.index) return;
    this.#voice?.sender.close();
    this.#voice = undefined;
    this.#muteness = undefined;
    if (link === undefined) return;
    const { family } = this.#parts.config();
    const opened = this.#parts.packets.openVrrpSender({ link, family });
    if (opened.ok) this.#voice = { sender: opened.value, linkIndex: link.index };
    else this.#muteness = opened.error;
  }

  #stand(): void {
    if (this.#seat !== undefined) this.#parts.stations.leave(this.#seat);
    this.#seat = undefined;
    this.#socket = undefined;
    this.#refusal = undefined;
  }

  /** Sits down on a link, or with `undefined` loses its seat; a link made anew under the old name is another. */
  #sit(link: Link | undefined): void {
    if (this.#seat !== undefined && this.#seat.link.index === link?.index) return;
    this.#stand();
    if (link === undefined) return;
    const { family, vrid } = this.#parts.config();
    const seat: Seat = { link: { index: link.index, name: link.name }, family, vrid };
    const joined = this.#parts.stations.join(seat, this.#listener);
    if (joined.ok) {
      this.#seat = seat;
      this.#socket = joined.value;
    } else this.#refusal = joined.error;
  }

  /** What keeps it from speaking; `undefined` when nothing does. */
  #lacks({ link, virtual }: Ground, address: IpAddress | undefined): string | undefined {
    const { interface: name, family, sourceAddress, virtualMacInterface } = this.#parts.config();
    if (link === undefined) return `interface ${name} does not exist; it starts when it appears`;
    if (isEnslaved(link))
      return `interface ${name} belongs to a ${link.masterKind ?? "master"}: use that instead`;
    if (virtualMacInterface !== undefined && virtual === undefined)
      return `interface ${virtualMacInterface} with its virtual MAC address does not exist yet`;
    const refusal = this.#refusal ?? this.#muteness;
    if (refusal !== undefined) return `cannot ${refusal.operation}: ${refusal.code}`;
    if (address !== undefined) return undefined;
    if (sourceAddress !== undefined) return `${name} does not have the source address ${sourceAddress}`;
    const what = family === "IPv6" ? "link-local IPv6" : family;
    return `${name} has no ${what} address to speak from`;
  }

  /** Says what it waits for when that is another thing than before. */
  #wait(detail: string | undefined): void {
    const before = this.#waiting;
    if (before === detail) return;
    this.#waiting = detail;
    const state = detail === undefined ? "ended" : "begun";
    const router = this.#parts.config().name;
    this.#parts.emit({ type: "router-waiting", router, state, detail: detail ?? before ?? "" });
  }
}
