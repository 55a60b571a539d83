/**
 * What servers have been sent since this program started: from the kernel's named counters, which outlive a program, and from the
 * slots that count, which begin anew with each move.
 */
import type { LimitKey } from "#core/balance/limits";
import type { ForwardingPlan, ServerPlan } from "#core/balance/plan-model";
import type { NamedCount } from "#core/nftables/counters";
import { countingSets, type SlotCount, SlotCounts } from "#core/nftables/slot-counts";
import { goesShort, keptOutBy, mannerOf, trafficOf } from "#core/nftables/traffic";
import type { NetfilterSocket } from "./socket.ts";

/** Slots that are read at one time, which takes about ten milliseconds. */
const SLOTS_AT_ONCE = 4_096;

export class Counts {
  readonly #socket: NetfilterSocket | undefined;
  readonly #slots = new SlotCounts();
  /** What was counted under each name before we came. */
  readonly #before: Map<string, NamedCount>;

  constructor(socket: NetfilterSocket | undefined) {
    this.#socket = socket;
    this.#before = new Map(socket?.counters().map((count) => [count.name, count]));
  }

  /** What another run of the program left is ours now. */
  adopt(plan: ForwardingPlan): void {
    this.#slots.adopt(plan);
  }

  /** The whole ruleset is another one. */
  ringsAnew(): void {
    this.#slots.ringsAnew();
  }

  /** Reads slots that are to change, but no more of them than may hold up the change. */
  beforeChange(running: ForwardingPlan, next: ForwardingPlan): void {
    const kept = new Set(next.servers);
    let slots = 0;
    for (const server of running.servers) {
      if (kept.has(server) || !goesShort(server, mannerOf(running))) continue;
      slots += server.slots.length;
      if (slots > SLOTS_AT_ONCE) return;
      this.#readSlots(server);
    }
  }

  traffic(plan: ForwardingPlan): Readonly<Record<string, number>> {
    const manner = mannerOf(plan);
    if (!manner.counted) return {};
    if (manner.short) for (const server of this.#slots.turn(plan, SLOTS_AT_ONCE)) this.#readSlots(server);
    return trafficOf(plan, this.#named(), this.#slots);
  }

  keptOut(plan: ForwardingPlan | undefined): ReadonlyMap<LimitKey, number> {
    return keptOutBy(plan, this.#socket?.counters() ?? []);
  }

  /** What cannot be read to its end is no count. */
  #readSlots(server: ServerPlan): void {
    const counts: SlotCount[] = [];
    for (const set of countingSets(server)) {
      const some = this.#socket?.slotCounts(set);
      if (some === undefined) return;
      counts.push(...some);
    }
    this.#slots.note(server, counts);
  }

  #named(): readonly NamedCount[] {
    return (this.#socket?.counters() ?? []).map((count) => {
      const before = this.#before.get(count.name);
      if (before === undefined) return count;
      // It was made anew meanwhile.
      if (before.packets > count.packets) {
        this.#before.delete(count.name);
        return count;
      }
      const { name, packets, bytes } = count;
      return { name, packets: packets - before.packets, bytes: bytes - before.bytes };
    });
  }
}
