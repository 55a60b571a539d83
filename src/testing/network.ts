/**
 * A simulated link: packets are delayed, lost, doubled and overtaken, and the link can fall apart.
 *
 * Everything random comes from the seed, everything timed from the clock. Delays are drawn for each receiver, so
 * packets overtake one another whenever the range of delays is wider than the gap between them.
 */
import { after, type Duration, micros } from "#base/time";
import type { Clock } from "./clock.ts";
import { integerBetween, type Random, seededRandom } from "./random.ts";

/** How bad the link is. */
export type LinkQuality = {
  /** Probability that a receiver misses a packet, 0..1. */
  readonly loss: number;
  /** Probability that a receiver gets a packet twice, 0..1. */
  readonly duplication: number;
  readonly minimumDelay: Duration;
  readonly maximumDelay: Duration;
};

/** A link that loses nothing and takes 100 us. */
export const PERFECT_LINK: LinkQuality = {
  loss: 0,
  duplication: 0,
  minimumDelay: micros(100),
  maximumDelay: micros(100),
};

/** What a node does with a packet from another one. */
export type Receive<Packet> = (packet: Packet, from: number) => void;

/** A multicast link between numbered nodes. */
export class Network<Packet> {
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #receiveByNode = new Map<number, Receive<Packet>>();
  /** The island a node is on; nodes hear only those on the same one. */
  readonly #islandByNode = new Map<number, number>();
  /** How bad the link is from now on. */
  quality: LinkQuality = PERFECT_LINK;

  constructor(clock: Clock, seed: number) {
    this.#clock = clock;
    this.#random = seededRandom(seed);
  }

  /** Plugs a node in. */
  attach(node: number, receive: Receive<Packet>): void {
    this.#receiveByNode.set(node, receive);
    this.#islandByNode.set(node, 0);
  }

  /** Cuts the link: nodes with different island numbers do not hear each other. Packets on the way still arrive. */
  partition(islandOf: (node: number) => number): void {
    for (const node of this.#receiveByNode.keys()) this.#islandByNode.set(node, islandOf(node));
  }

  /** Makes the link whole again. */
  heal(): void {
    this.partition(() => 0);
  }

  /** Sends to every other node on the sender's island. */
  multicast(from: number, packet: Packet): void {
    const island = this.#islandByNode.get(from);
    for (const node of this.#receiveByNode.keys()) {
      if (node !== from && this.#islandByNode.get(node) === island) this.#carry(from, node, packet);
    }
  }

  #carry(from: number, node: number, packet: Packet): void {
    const { loss, duplication, minimumDelay, maximumDelay } = this.quality;
    if (this.#random() < loss) return;
    const copies = this.#random() < duplication ? 2 : 1;
    for (let copy = 0; copy < copies; copy += 1) {
      const delay = micros(integerBetween(this.#random, minimumDelay, maximumDelay));
      this.#clock.schedule(after(this.#clock.now, delay), () =>
        this.#receiveByNode.get(node)?.(packet, from),
      );
    }
  }
}
