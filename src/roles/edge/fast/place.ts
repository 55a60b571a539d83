/** Where a router sits: the link it speaks on, its socket there, and what keeps it from speaking. */
import type { IpAddress } from "#base/address";
import type { Event } from "#core/observation/event";
import type { VirtualRouterConfig } from "#core/vrrp/config";
import type { Link } from "#drivers/netlink/port";
import type { PacketError, VrrpSocket } from "#drivers/packet/port";
import type { Listener, Seat, Stations } from "./stations.ts";

type Parts = {
  /** Asked each time: a reload may change it. */
  readonly config: () => VirtualRouterConfig;
  readonly stations: Stations;
  readonly emit: (event: Event) => void;
};

export class Place {
  readonly #parts: Parts;
  readonly #listener: Listener;
  #seat: Seat | undefined;
  #socket: VrrpSocket | undefined;
  /** Why there is no seat although the link is there. */
  #refusal: PacketError | undefined;
  /** What people were told that it waits for. */
  #waiting: string | undefined;

  constructor(parts: Parts, listener: Listener) {
    this.#parts = parts;
    this.#listener = listener;
  }

  /** What to send with; `undefined` without a seat. */
  get socket(): VrrpSocket | undefined {
    return this.#socket;
  }

  /** The kernel's number of the link; `undefined` without a seat. */
  get linkIndex(): number | undefined {
    return this.#seat?.link.index;
  }

  /** Whether it could not be taken on a link that is there, so that trying again may help. */
  get refused(): boolean {
    return this.#refusal !== undefined;
  }

  /** Takes its place on the link as it is now; gives the address to speak from when it can speak. */
  take(link: Link | undefined, address: IpAddress | undefined): IpAddress | undefined {
    this.#sit(link);
    this.#wait(this.#lacks(link, address));
    return this.#socket === undefined ? undefined : address;
  }

  /** Leaves for good. */
  leave(): void {
    this.#wait(undefined);
    this.#stand();
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
  #lacks(link: Link | undefined, address: IpAddress | undefined): string | undefined {
    const { interface: name, family, sourceAddress } = this.#parts.config();
    if (link === undefined) return `interface ${name} does not exist; it starts when it appears`;
    if (this.#refusal !== undefined) return `cannot ${this.#refusal.operation}: ${this.#refusal.code}`;
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
