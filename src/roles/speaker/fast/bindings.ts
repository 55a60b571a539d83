/**
 * Addresses that are bound to interfaces, so that the kernel answers for them (`steelyard speaker --bind`).
 *
 * An address is bound to the links on which it is told of and to no others, with its full length: it brings no route, and does not go when
 * the interface's own address does (promote_secondaries). Each is leased: it goes by itself when nobody renews it, so that the kernel of a
 * node whose speaker was killed does not answer for ever. Until then that node goes on, and the next one, which asks, leaves it the address.
 * So what an earlier run has left stays at the start, to be taken up when this node holds the address again; it goes when another one is
 * heard to have it, or when its time is up.
 *
 * What somebody removes is put back at once, and again after a second for as long as that goes on; meanwhile, and where the kernel
 * refuses, `isBound` is false and the responder answers itself.
 */
import type { IpAddress } from "#base/address";
import { addressBits, type InterfaceAddress } from "#base/prefix";
import { after, type Duration, type Instant, millis, seconds } from "#base/time";
import { LEASED_ADDRESS_PROTOCOL } from "#core/netlink/address";
import type { SpeakerEvent } from "#core/speaker/event";
import type { LinkAddress, NetlinkChange, NetlinkError, NetlinkPort } from "#drivers/netlink/port";
import type { Deadlines } from "#runtime/deadlines";

/** How long the kernel keeps an address for a speaker that does not renew it. */
export const LEASE: Duration = seconds(30);
/** Two renewals may fail. */
const RENEW_INTERVAL = seconds(9);
/** Pause before what failed is tried again, and between two repairs of one address. */
const MEND_INTERVAL = seconds(1);
/** Renewed in one turn. */
const SLICE = 256;
const SLICE_PAUSE = millis(1);

export type BindingsParts = {
  readonly netlink: Pick<NetlinkPort, "addresses" | "leaseAddress" | "removeAddress">;
  readonly deadlines: Pick<Deadlines, "set">;
  readonly now: () => Instant;
  readonly nameOf: (linkIndex: number) => string | undefined;
  readonly tell: (event: SpeakerEvent) => void;
  /** `isBound` may say otherwise than before. */
  readonly onChange: (address: IpAddress) => void;
};

/** One address on one link. */
type Binding = {
  /** Whether the kernel has it, as far as is known. */
  isThere: boolean;
  /** When it was put back last. */
  mendedAt: Instant | undefined;
};

const wordsOf = ({ code, detail }: NetlinkError): string =>
  detail === undefined ? code : `${code}: ${detail}`;

const wholeOf = (address: IpAddress): InterfaceAddress => ({ address, prefixLength: addressBits(address) });

export class Bindings {
  readonly #parts: BindingsParts;
  readonly #bindingsByAddress = new Map<IpAddress, Map<number, Binding>>();
  /** What an earlier run has left, and this one has not taken up: the links of each. */
  readonly #leftovers = new Map<IpAddress, Set<number>>();
  /** What the kernel refuses, by link: said once. */
  readonly #refusals = new Set<string>();
  /** Those that are renewed in this round still. */
  #round: IpAddress[] = [];
  #renewAt: Instant | undefined;
  #mendAt: Instant | undefined;

  constructor(parts: BindingsParts) {
    this.#parts = parts;
    this.#findLeftovers();
  }

  /** An address is bound to exactly these links from now on; to none: it is not bound. */
  bind(address: IpAddress, linkIndexes: readonly number[]): void {
    const before = this.#bindingsByAddress.get(address) ?? new Map<number, Binding>();
    for (const linkIndex of before.keys()) {
      if (!linkIndexes.includes(linkIndex)) this.#remove(address, linkIndex, before);
    }
    if (linkIndexes.length === 0) {
      this.#bindingsByAddress.delete(address);
      return;
    }
    this.#bindingsByAddress.set(address, before);
    this.#takeUp(address, linkIndexes);
    for (const linkIndex of linkIndexes) {
      if (before.has(linkIndex)) continue;
      const binding: Binding = { isThere: false, mendedAt: undefined };
      before.set(linkIndex, binding);
      this.#lease(address, linkIndex, binding);
    }
    this.#plan();
  }

  /** Another one has an address, or it is none of this node's business any more: what an earlier run has left of it goes. */
  release(address: IpAddress): void {
    for (const linkIndex of this.#leftovers.get(address) ?? []) {
      this.#take(address, linkIndex);
      this.#tell(address, linkIndex, "released");
    }
    this.#leftovers.delete(address);
  }

  /** Whether the kernel has an address on every link where it is to. */
  isBound(address: IpAddress): boolean {
    const bindings = this.#bindingsByAddress.get(address);
    return bindings !== undefined && [...bindings.values()].every(({ isThere }) => isThere);
  }

  /** Whether an address is of our making, which a kernel before Linux 5.18 does not tell by its mark. */
  has({ address, prefixLength, linkIndex }: LinkAddress): boolean {
    return (
      prefixLength === addressBits(address) && this.#bindingsByAddress.get(address)?.has(linkIndex) === true
    );
  }

  /** Takes note of a change; gives whether it was about an address of ours, and so about nothing else. */
  changed(change: NetlinkChange): boolean {
    if (change.type === "overrun") {
      this.#renewAt = this.#parts.now();
      this.#plan();
      return false;
    }
    if (change.type !== "address" && change.type !== "address-gone") return false;
    const isOurs = this.has(change.address) || change.address.protocol === LEASED_ADDRESS_PROTOCOL;
    if (isOurs && change.type === "address-gone") {
      this.#leftovers.get(change.address.address)?.delete(change.address.linkIndex);
      this.#mend(change.address, change.by);
    }
    return isOurs;
  }

  /** Takes all of them off, without a word. */
  close(): void {
    for (const [address, bindings] of this.#bindingsByAddress) {
      for (const linkIndex of [...bindings.keys()]) this.#remove(address, linkIndex, bindings);
    }
    this.#bindingsByAddress.clear();
    for (const [address, links] of this.#leftovers) for (const each of links) this.#take(address, each);
    this.#leftovers.clear();
    this.#plan();
  }

  #findLeftovers(): void {
    const present = this.#parts.netlink.addresses();
    if (!present.ok) return;
    for (const { address, linkIndex, protocol } of present.value) {
      if (protocol !== LEASED_ADDRESS_PROTOCOL) continue;
      const links = this.#leftovers.get(address) ?? new Set();
      this.#leftovers.set(address, links.add(linkIndex));
    }
  }

  /** What is left on these links is this run's from now on; what is left elsewhere goes. */
  #takeUp(address: IpAddress, linkIndexes: readonly number[]): void {
    for (const linkIndex of this.#leftovers.get(address) ?? []) {
      if (!linkIndexes.includes(linkIndex)) this.#take(address, linkIndex);
      else this.#tell(address, linkIndex, "adopted");
    }
    this.#leftovers.delete(address);
  }

  #tell(
    address: IpAddress,
    linkIndex: number,
    change: Extract<SpeakerEvent, { type: "binding" }>["change"],
    detail?: string,
  ): void {
    const link = this.#parts.nameOf(linkIndex) ?? `link ${linkIndex}`;
    this.#parts.tell({
      ...{ type: "binding", address, link, change },
      ...(detail === undefined ? {} : { detail }),
    });
  }

  /** Takes an address off a link. */
  #take(address: IpAddress, linkIndex: number): void {
    const removed = this.#parts.netlink.removeAddress({ linkIndex, address: wholeOf(address) });
    if (!removed.ok) this.#tell(address, linkIndex, "stuck", wordsOf(removed.error));
  }

  #lease(address: IpAddress, linkIndex: number, binding: Binding): boolean {
    const leased = this.#parts.netlink.leaseAddress({
      linkIndex,
      address: wholeOf(address),
      lifetime: LEASE,
    });
    const link = this.#parts.nameOf(linkIndex) ?? `link ${linkIndex}`;
    binding.isThere = leased.ok;
    if (leased.ok) {
      if (this.#refusals.size > 0) {
        for (const each of this.#refusals) if (each.startsWith(`${link} `)) this.#refusals.delete(each);
      }
      return true;
    }
    const detail = wordsOf(leased.error);
    const refusal = `${link} ${detail}`;
    if (!this.#refusals.has(refusal))
      this.#parts.tell({ type: "binding", address, link, change: "refused", detail });
    this.#refusals.add(refusal);
    this.#mendAt ??= after(this.#parts.now(), MEND_INTERVAL);
    return false;
  }

  #remove(address: IpAddress, linkIndex: number, bindings: Map<number, Binding>): void {
    // Before it goes, so that its going is nobody's doing.
    bindings.delete(linkIndex);
    this.#take(address, linkIndex);
  }

  /** Somebody has removed one, or its time was up while this process stood still. */
  #mend({ address, linkIndex }: LinkAddress, by: string | undefined): void {
    const binding = this.#bindingsByAddress.get(address)?.get(linkIndex);
    // One that is not there has been missed already.
    if (binding?.isThere !== true) return;
    const now = this.#parts.now();
    const isEarly = binding.mendedAt !== undefined && now < after(binding.mendedAt, MEND_INTERVAL);
    binding.isThere = false;
    if (isEarly) this.#mendAt ??= after(now, MEND_INTERVAL);
    else this.#restore(address, linkIndex, { binding, by });
    if (!binding.isThere) this.#parts.onChange(address);
    this.#plan();
  }

  #restore(
    address: IpAddress,
    linkIndex: number,
    { binding, by }: { readonly binding: Binding; readonly by?: string | undefined },
  ): void {
    if (!this.#lease(address, linkIndex, binding)) return;
    binding.mendedAt = this.#parts.now();
    this.#tell(address, linkIndex, "restored", by === undefined ? undefined : `removed by ${by}`);
  }

  readonly #onTimer = (now: Instant): void => {
    if (this.#mendAt !== undefined && this.#mendAt <= now) this.#mendAll();
    if (this.#renewAt !== undefined && this.#renewAt <= now) this.#renew(now);
    this.#plan();
  };

  #mendAll(): void {
    this.#mendAt = undefined;
    for (const [address, bindings] of this.#bindingsByAddress) {
      for (const [linkIndex, binding] of bindings) {
        if (binding.isThere) continue;
        this.#restore(address, linkIndex, { binding });
        if (binding.isThere) this.#parts.onChange(address);
      }
    }
  }

  /** Some of a round in each turn: there may be thousands. */
  #renew(now: Instant): void {
    if (this.#round.length === 0) this.#round = [...this.#bindingsByAddress.keys()];
    for (const address of this.#round.splice(-SLICE)) {
      for (const [linkIndex, binding] of this.#bindingsByAddress.get(address) ?? []) {
        const wasThere = binding.isThere;
        this.#lease(address, linkIndex, binding);
        if (binding.isThere !== wasThere) this.#parts.onChange(address);
      }
    }
    this.#renewAt = after(now, this.#round.length > 0 ? SLICE_PAUSE : RENEW_INTERVAL);
  }

  #plan(): void {
    const isAny = this.#bindingsByAddress.size > 0;
    if (!isAny) [this.#renewAt, this.#mendAt, this.#round] = [undefined, undefined, []];
    else this.#renewAt ??= after(this.#parts.now(), RENEW_INTERVAL);
    const { deadlines } = this.#parts;
    const [renewAt, mendAt] = [this.#renewAt, this.#mendAt];
    const at = renewAt !== undefined && mendAt !== undefined && mendAt < renewAt ? mendAt : renewAt;
    deadlines.set("bindings", at, this.#onTimer);
  }
}
