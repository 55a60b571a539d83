/**
 * Puts a router's addresses on their interfaces and takes them off again, and puts back what somebody removed.
 *
 * The owner (priority 255) is the router whose interface has the addresses for good (RFC 9568 §6.1): one that was
 * there without us is not ours to remove. Any other router's addresses must be where it is active and nowhere else, so
 * they are removed whoever put them there.
 */
import { after, between, type Instant, millis, seconds } from "#base/time";
import { STEELYARD_ADDRESS_PROTOCOL } from "#core/netlink/address";
import { isEnslaved } from "#core/netlink/link";
import type { Event } from "#core/observation/event";
import type { VirtualAddress, VirtualRouterConfig } from "#core/vrrp/config";
import { PRIORITY_OWNER } from "#core/vrrp/constants";
import type { Link, LinkAddress, NetlinkError, NetlinkPort } from "#drivers/netlink/port";
import type { Deadlines } from "#runtime/deadlines";
import type { Links } from "#runtime/links";

/** What is removed together is put back together. */
const MEND_DELAY = millis(10);
/** Pause before what failed is tried again, and between mends when the quick ones are used up. */
const MEND_INTERVAL = seconds(1);
/** Another program that keeps removing an address is answered at once so often; one more every MEND_INTERVAL. */
const QUICK_MENDS = 100;

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
  readonly deadlines: Deadlines;
  readonly emit: (event: Event) => void;
};

type Change = Extract<Event, { type: "address" }>["change"];

const wordsOf = ({ code, detail }: NetlinkError): string =>
  detail === undefined ? code : `${code}: ${detail}`;

export class Addresses {
  readonly #parts: Parts;
  /** What is to be there; `undefined` while the router holds nothing. */
  #held: readonly VirtualAddress[] | undefined;
  /** Keys of those that this run of the program has put there. */
  readonly #added = new Set<string>();
  /** On which link each was seen last, by key: an interface that is renamed keeps its addresses. */
  readonly #indexByKey = new Map<string, number>();
  /** Keys of those that could not be put there: said once. */
  readonly #failing = new Set<string>();
  /** Those that could not be removed: said once, tried again. */
  readonly #stuckByKey = new Map<string, VirtualAddress>();
  /** Who removed them, as far as is known, until they are back. */
  readonly #removerByKey = new Map<string, string>();
  /** When the next mend is due. */
  #mendAt: Instant | undefined;
  /** Quick mends that were left at `#countedAt`. */
  #quickMends: number = QUICK_MENDS;
  #countedAt: Instant | undefined;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /** Holds exactly the configured addresses; those that are there already stay untouched. */
  take(now: Instant): void {
    const wanted = allAddresses(this.#parts.config());
    const held = this.#held ?? [];
    const wantedKeys = new Set(wanted.map(this.#keyOf));
    const heldKeys = new Set(held.map(this.#keyOf));
    this.#held = wanted;
    for (const key of wantedKeys) this.#stuckByKey.delete(key);
    this.#raise();
    for (const address of held) if (!wantedKeys.has(this.#keyOf(address))) this.#remove(address, true);
    for (const address of wanted) if (!heldKeys.has(this.#keyOf(address))) this.#add(address, "added");
    this.#schedule(now);
  }

  /** Removes every address that may be ours, also what a killed predecessor left. */
  release(now: Instant): void {
    const held = this.#held ?? [];
    const heldKeys = new Set(held.map(this.#keyOf));
    this.#held = undefined;
    this.#failing.clear();
    for (const address of held) this.#remove(address, true);
    for (const address of allAddresses(this.#parts.config())) {
      if (!heldKeys.has(this.#keyOf(address))) this.#remove(address, false);
    }
    this.lower();
    this.#schedule(now);
  }

  /** Takes the interface with the virtual MAC address down: nothing is to be heard or said there. */
  lower(): void {
    const index = this.#virtualLink()?.index;
    if (index !== undefined) this.#parts.netlink.setUp(index, false);
  }

  /** Whether a configured address is on an interface although nobody here took it: left by a killed predecessor. */
  leftBehind(): boolean {
    if (this.#held !== undefined) return false;
    const present = this.#parts.netlink.addresses();
    if (!present.ok) return false;
    const ours = present.value.filter((address) => this.#mayRemove(address));
    return allAddresses(this.#parts.config()).some((wanted) => ours.some(this.#isAt(wanted)));
  }

  /** Somebody removed an address: it is put back soon if it is held. */
  removed(gone: LinkAddress, now: Instant, by?: string): void {
    const held = this.#held?.find((wanted) => this.#isAt(wanted)(gone));
    if (held === undefined) return;
    if (by !== undefined) this.#removerByKey.set(this.#keyOf(held), by);
    this.#mendSoon(now);
  }

  /** Puts back what is missing, soon: a link came back, or word of changes was lost. */
  check(now: Instant): void {
    if (this.#held !== undefined) this.#mendSoon(now);
  }

  #mendSoon(now: Instant): void {
    const elapsed = this.#countedAt === undefined ? 0 : between(this.#countedAt, now);
    this.#quickMends = Math.min(QUICK_MENDS, this.#quickMends + elapsed / MEND_INTERVAL);
    this.#countedAt = now;
    const at = after(now, this.#quickMends >= 1 ? MEND_DELAY : MEND_INTERVAL);
    // Never later than planned: one removal after another must not keep the first one waiting.
    if (this.#mendAt === undefined || at < this.#mendAt) this.#wake(at);
  }

  readonly #onTimer = (now: Instant): void => {
    this.#quickMends = Math.max(0, this.#quickMends - 1);
    if (this.#held !== undefined) this.#raise();
    for (const address of this.#held ?? []) this.#add(address, "restored");
    for (const address of [...this.#stuckByKey.values()]) this.#remove(address, false);
    this.#schedule(now);
  };

  /** Tries again what has failed; else there is nothing to wait for. */
  #schedule(now: Instant): void {
    const failed = this.#failing.size > 0 || this.#stuckByKey.size > 0;
    this.#wake(failed ? after(now, MEND_INTERVAL) : undefined);
  }

  #wake(at: Instant | undefined): void {
    this.#mendAt = at;
    this.#parts.deadlines.set(`addresses ${this.#parts.config().name}`, at, this.#onTimer);
  }

  #virtualLink(): Link | undefined {
    const { virtualMacInterface } = this.#parts.config();
    return virtualMacInterface === undefined ? undefined : this.#parts.links.byName(virtualMacInterface);
  }

  /** Before the addresses, which would be of no use without; what is up already stays untouched. */
  #raise(): void {
    const index = this.#virtualLink()?.index;
    if (index !== undefined) this.#parts.netlink.setUp(index, true);
  }

  /** Whether the subnet of an address is reached through the router's own interface, and not through this one. */
  #isUnrouted(wanted: VirtualAddress): boolean {
    const { interface: name, virtualMacInterface } = this.#parts.config();
    const lower = this.#parts.links.byName(name);
    if (virtualMacInterface !== this.#deviceOf(wanted) || lower === undefined) return false;
    return this.#parts.links.reaches(lower, wanted.address);
  }

  #deviceOf({ device }: VirtualAddress): string {
    return device ?? this.#parts.config().interface;
  }

  readonly #keyOf = (address: VirtualAddress): string =>
    `${address.address}/${address.prefixLength} ${this.#deviceOf(address)} ${address.label ?? ""}`;

  #isAt(wanted: VirtualAddress): (present: LinkAddress) => boolean {
    const index = this.#parts.links.byName(this.#deviceOf(wanted))?.index;
    return (present) =>
      wanted.address === present.address &&
      wanted.prefixLength === present.prefixLength &&
      index === present.linkIndex;
  }

  #mayRemove({ protocol }: LinkAddress): boolean {
    return this.#parts.config().priority !== PRIORITY_OWNER || protocol === STEELYARD_ADDRESS_PROTOCOL;
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

  #fail(address: VirtualAddress, detail: string): void {
    const key = this.#keyOf(address);
    if (!this.#failing.has(key)) this.#report(address, "failed", detail);
    this.#failing.add(key);
  }

  #add(wanted: VirtualAddress, change: "added" | "restored"): void {
    const link = this.#parts.links.byName(this.#deviceOf(wanted));
    if (link === undefined) {
      this.#fail(wanted, `interface ${this.#deviceOf(wanted)} does not exist`);
      return;
    }
    if (isEnslaved(link)) {
      this.#fail(wanted, `interface ${link.name} belongs to a ${link.masterKind ?? "master"}`);
      return;
    }
    const { address, prefixLength, label } = wanted;
    const result = this.#parts.netlink.addAddress({
      linkIndex: link.index,
      address: { address, prefixLength },
      ...(label === undefined ? {} : { label }),
      ...(this.#isUnrouted(wanted) ? { unrouted: true } : {}),
    });
    if (!result.ok) {
      this.#fail(wanted, wordsOf(result.error));
      return;
    }
    const key = this.#keyOf(wanted);
    this.#indexByKey.set(key, link.index);
    const first = this.#failing.delete(key) || change === "added";
    if (result.value === "added") {
      this.#added.add(key);
      const remover = this.#removerByKey.get(key);
      this.#report(
        wanted,
        first ? "added" : "restored",
        remover === undefined ? undefined : `removed by ${remover}`,
      );
    } else if (first) this.#report(wanted, "adopted");
    this.#removerByKey.delete(key);
  }

  /** `wasHeld`: the operator has been told that it is here, and must hear what became of it. */
  #remove(wanted: VirtualAddress, wasHeld: boolean): void {
    const key = this.#keyOf(wanted);
    if (!this.#added.has(key) && !this.#mayRemoveFrom(wanted)) {
      if (wasHeld) this.#report(wanted, "kept", "the owner's interface had it before");
      return;
    }
    const linkIndex = this.#indexByKey.get(key) ?? this.#parts.links.byName(this.#deviceOf(wanted))?.index;
    const { address, prefixLength } = wanted;
    const result =
      linkIndex === undefined
        ? undefined
        : this.#parts.netlink.removeAddress({ linkIndex, address: { address, prefixLength } });
    if (result?.ok === false) {
      const detail = `it is still on the interface: ${wordsOf(result.error)}`;
      if (!this.#stuckByKey.has(key)) this.#report(wanted, "failed", detail);
      this.#stuckByKey.set(key, wanted);
      return;
    }
    this.#added.delete(key);
    this.#indexByKey.delete(key);
    const wasStuck = this.#stuckByKey.delete(key);
    if (wasHeld || wasStuck || result?.value === "removed") this.#report(wanted, "removed");
  }

  #mayRemoveFrom(wanted: VirtualAddress): boolean {
    if (this.#parts.config().priority !== PRIORITY_OWNER) return true;
    const present = this.#parts.netlink.addresses();
    return (
      !present.ok || present.value.some((address) => this.#isAt(wanted)(address) && this.#mayRemove(address))
    );
  }
}
