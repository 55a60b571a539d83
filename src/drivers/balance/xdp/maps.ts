/** The maps that all copies of the program share. */
import type { Capacities } from "#core/xdp/capacity";
import {
  encodeIndex,
  MAPS,
  type MapName,
  PASS_REASONS,
  type PassReason,
  readCounter,
} from "#core/xdp/layout";
import type { Write } from "#core/xdp/writes";
import type { Bpf } from "./bpf.ts";

/** Maps without the one that each copy of the program has for itself. */
export type SharedMap = Exclude<MapName, "settings">;

/** What was sent to a backend. */
export type Sent = { readonly packets: number; readonly bytes: number };

const NOTHING_SENT: Sent = { packets: 0, bytes: 0 };

const add = (one: Sent, other: Sent): Sent => ({
  packets: one.packets + other.packets,
  bytes: one.bytes + other.bytes,
});

/** Maps of certain capacities; larger ones take their place, and go on with what packets wrote. */
export class MapSet {
  readonly #bpf: Bpf;
  /** How many CPUs there can ever be. */
  readonly #cpus: number;
  readonly #capacities: Capacities;
  readonly #descriptors = new Map<SharedMap, number>();
  /** What earlier sets counted, by place. */
  readonly #sentBefore: Map<number, Sent>;

  /** Takes over what `previous` counted and, where they are as large, its records of flows; that one is then closed. */
  constructor(bpf: Bpf, cpus: number, capacities: Capacities, previous: MapSet | undefined) {
    this.#bpf = bpf;
    this.#cpus = cpus;
    this.#capacities = capacities;
    this.#sentBefore = previous === undefined ? new Map() : previous.#sentByPlace();
    const sizes: Readonly<Record<SharedMap, number>> = {
      ...{ servers4: capacities.servers4, servers6: capacities.servers6, slots: capacities.slots },
      ...{ backends: capacities.places, flows: capacities.flows },
      ...{ counters: capacities.places * cpus, passed: PASS_REASONS.length * cpus },
    };
    const kept: readonly SharedMap[] = [
      "passed",
      ...(previous !== undefined && previous.#capacities.flows === capacities.flows
        ? (["flows"] as const)
        : []),
    ];
    try {
      for (const name of SHARED) {
        const old = kept.includes(name) ? previous?.descriptor(name) : undefined;
        if (old === undefined) this.#descriptors.set(name, bpf.createMap(name, sizes[name]));
      }
    } catch (error) {
      this.close();
      throw error;
    }
    for (const name of kept) previous?.hand(name, this.#descriptors);
  }

  /** Gives a map to its successor, which closes it from now on. */
  hand(name: SharedMap, to: Map<SharedMap, number>): void {
    const descriptor = this.#descriptors.get(name);
    if (descriptor === undefined) return;
    to.set(name, descriptor);
    this.#descriptors.delete(name);
  }

  descriptor(name: SharedMap): number | undefined {
    return this.#descriptors.get(name);
  }

  /** All of them, for a program to be bound to. */
  descriptors(): Readonly<Record<SharedMap, number>> {
    const of = (name: SharedMap): number => this.#descriptors.get(name) ?? -1;
    return {
      ...{ servers4: of("servers4"), servers6: of("servers6"), slots: of("slots") },
      ...{ backends: of("backends"), flows: of("flows"), counters: of("counters"), passed: of("passed") },
    };
  }

  get places(): number {
    return this.#capacities.places;
  }

  /** Makes the changes; gives how many there were. */
  write(writes: Iterable<Write>): number {
    const descriptors = this.descriptors();
    let count = 0;
    for (const change of writes) {
      if (change.map === "settings") continue;
      const descriptor = descriptors[change.map];
      if ("remove" in change) this.#bpf.remove(change.map, descriptor, change.remove);
      else this.#bpf.write(change.map, descriptor, change.keys, change.values);
      count += 1;
    }
    return count;
  }

  /** Forgets what was sent to backends at places that somebody else may get. */
  forget(places: readonly number[]): void {
    const nothing = new Uint8Array(MAPS.counters.valueSize);
    for (const place of places) {
      this.#sentBefore.delete(place);
      for (let cpu = 0; cpu < this.#cpus; cpu += 1) {
        const key = encodeIndex(cpu * this.#capacities.places + place);
        this.#bpf.write("counters", this.descriptors().counters, key, nothing);
      }
    }
  }

  /** What was sent to the backend at each place. */
  sent(): (place: number) => Sent {
    const byPlace = this.#sentByPlace();
    return (place) => byPlace.get(place) ?? NOTHING_SENT;
  }

  /** How many packets for our servers were passed on, by reason. */
  passed(): Readonly<Record<PassReason, number>> {
    const bytes = this.#bpf.readArray("passed", this.descriptors().passed, PASS_REASONS.length * this.#cpus);
    const of = (reason: PassReason): number => {
      let sum = 0;
      for (let cpu = 0; cpu < this.#cpus; cpu += 1)
        sum += readCounter(bytes, (cpu * PASS_REASONS.length + PASS_REASONS.indexOf(reason)) * 8);
      return sum;
    };
    return {
      ...{ "no-owner": of("no-owner"), "no-neighbour": of("no-neighbour"), "too-long": of("too-long") },
      ...{ "other-interface": of("other-interface"), fragment: of("fragment"), hops: of("hops") },
      ...{ recording: of("recording"), left: of("left") },
    };
  }

  #sentByPlace(): Map<number, Sent> {
    const { places } = this.#capacities;
    const { valueSize } = MAPS.counters;
    const bytes = this.#bpf.readArray("counters", this.descriptors().counters, places * this.#cpus);
    const byPlace = new Map(this.#sentBefore);
    for (let index = 0; index < places * this.#cpus; index += 1) {
      const packets = readCounter(bytes, index * valueSize);
      if (packets === 0) continue;
      const sent = { packets, bytes: readCounter(bytes, index * valueSize + 8) };
      const place = index % places;
      byPlace.set(place, add(byPlace.get(place) ?? NOTHING_SENT, sent));
    }
    return byPlace;
  }

  close(): void {
    for (const descriptor of this.#descriptors.values()) this.#bpf.close(descriptor);
    this.#descriptors.clear();
  }
}

const SHARED: readonly SharedMap[] = [
  ...(["servers4", "servers6", "slots", "backends", "flows", "counters", "passed"] as const),
];
