/**
 * The addresses that interfaces of this machine have of their own, for configurations that depend on them, and word of it when
 * they change.
 *
 * Nothing is opened before somebody asks: most configurations do not depend on them.
 */
import type { IpAddress } from "#base/address";
import { isMarkedAsOurs } from "#core/netlink/address";
import type { NetlinkPort, NetlinkResult } from "#drivers/netlink/port";

export type OwnAddresses = {
  /**
   * Those of this interface. While it has none the ones that it had last, as a cable that is out or a lease that is renewed makes this
   * machine no other.
   */
  of(interfaceName: string): readonly IpAddress[];
};

type Parts = {
  readonly open: () => NetlinkResult<Pick<NetlinkPort, "links" | "addresses" | "subscribe">>;
  /** An interface that was asked for has other addresses than it had then. */
  readonly onChange: () => void;
};

/** Pause between a change and the look at it: a machine that starts containers has many of them, about other interfaces. */
const SETTLE = 50;

class Watched implements OwnAddresses {
  readonly #parts: Parts;
  readonly #lastByInterface = new Map<string, readonly IpAddress[]>();
  #netlink: ReturnType<Parts["open"]> | undefined;
  #isLooking = false;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  of(interfaceName: string): readonly IpAddress[] {
    this.#listen();
    const addresses = this.#read(interfaceName);
    this.#lastByInterface.set(interfaceName, addresses);
    return addresses;
  }

  #read(interfaceName: string): readonly IpAddress[] {
    const last = this.#lastByInterface.get(interfaceName) ?? [];
    if (this.#netlink?.ok !== true) return last;
    const links = this.#netlink.value.links();
    const addresses = this.#netlink.value.addresses();
    if (!links.ok || !addresses.ok) return last;
    const index = links.value.find(({ name }) => name === interfaceName)?.index;
    const found = addresses.value
      .filter((own) => own.linkIndex === index && !own.tentative && !own.duplicate && !isMarkedAsOurs(own))
      .map(({ address }) => address);
    return found.length > 0 ? found : last;
  }

  #listen(): void {
    if (this.#netlink !== undefined) return;
    this.#netlink = this.#parts.open();
    if (this.#netlink.ok) this.#netlink.value.subscribe(() => this.#lookSoon());
  }

  #lookSoon(): void {
    if (this.#isLooking) return;
    this.#isLooking = true;
    setTimeout(() => {
      this.#isLooking = false;
      const isOther = [...this.#lastByInterface].some(
        ([name, before]) => this.#read(name).join() !== before.join(),
      );
      if (isOther) this.#parts.onChange();
    }, SETTLE);
  }
}

/** Opens nothing until it is asked. */
export const createOwnAddresses = (parts: Parts): OwnAddresses => new Watched(parts);
