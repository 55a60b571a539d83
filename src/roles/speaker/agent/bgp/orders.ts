/**
 * What the wire is told of BGP: all peers whenever they are others, routes in slices, and that these are all. Nothing is said again
 * that was said already on this connection.
 *
 * Of routes that wait for the wire the newest counts, and routes wait for the first peers.
 */
import { formatInterfaceAddress, type InterfaceAddress } from "#base/prefix";
import type { PeerWord, RouteWord } from "#core/bgp/desired";
import type { ToWire } from "../to-wire.ts";

/** Routes in one message: the wire does nothing else while it goes through them. */
const SLICE = 256;

/** What was decided about routes; with `rest: "none"` it is everything. */
export type RouteDecisions = {
  readonly changed: readonly RouteWord[];
  readonly removed: readonly InterfaceAddress[];
  readonly rest: "none" | "some";
};

type Waiting = { readonly prefix: InterfaceAddress; readonly route: RouteWord | undefined };

export class BgpOrders {
  readonly #wire: ToWire;
  readonly #onAllRouted: () => void;
  /** As they are to be sent, or were; never shown to anybody, since passwords are in it. */
  #peers = "";
  #waitingPeers: readonly PeerWord[] | undefined;
  #stance: "stays" | "goes" | undefined;
  #waitingStance: "stays" | "goes" | undefined;
  readonly #sent = new Set<string>();
  readonly #waiting = new Map<string, Waiting>();
  #decisions: "under-way" | "made" = "under-way";
  #isAllRouted = false;
  #isPlanned = false;

  /** `onAllRouted` is called once, when the wire has been told everything for the first time. */
  constructor({ wire, onAllRouted }: { readonly wire: ToWire; readonly onAllRouted: () => void }) {
    this.#wire = wire;
    this.#onAllRouted = onAllRouted;
  }

  /** Whether the wire has been told everything once. */
  get isAllRouted(): boolean {
    return this.#isAllRouted;
  }

  /** Routes that the wire was told of; `undefined` before it was told everything. */
  get routes(): number | undefined {
    return this.#isAllRouted ? this.#sent.size : undefined;
  }

  setPeers(peers: readonly PeerWord[]): void {
    const text = JSON.stringify(peers);
    if (text === this.#peers) return;
    this.#peers = text;
    this.#waitingPeers = peers;
    this.pump();
  }

  /** Whether this node stays, or is about to go. */
  setStance(node: "stays" | "goes"): void {
    if (node === (this.#waitingStance ?? this.#stance)) return;
    this.#waitingStance = node;
    this.pump();
  }

  /** Takes what was decided. */
  route({ changed, removed, rest }: RouteDecisions): void {
    for (const route of changed) {
      const { prefix } = route;
      this.#waiting.set(formatInterfaceAddress(prefix), { prefix, route });
    }
    for (const prefix of removed) {
      const key = formatInterfaceAddress(prefix);
      if (this.#sent.has(key)) this.#waiting.set(key, { prefix, route: undefined });
      else this.#waiting.delete(key);
    }
    this.#decisions = rest === "none" ? "made" : "under-way";
    this.pump();
  }

  /** Sends a piece of what waits, and the rest in later turns; to be called again once the wire reads again. */
  pump(): void {
    if (this.#isPlanned || this.#peers === "" || !this.#wire.writable()) return;
    const isEnough = this.#decisions === "made" || this.#waiting.size >= SLICE;
    if (this.#waitingPeers !== undefined) this.#sendPeers(this.#waitingPeers);
    else if (this.#waitingStance !== undefined) this.#sendStance(this.#waitingStance);
    else if (this.#waiting.size > 0 && isEnough) this.#sendSlice();
    else if (this.#waiting.size === 0 && this.#decisions === "made" && !this.#isAllRouted) this.#sendAll();
    else return;
    this.#isPlanned = true;
    setImmediate(() => {
      this.#isPlanned = false;
      this.pump();
    });
  }

  #sendPeers(peers: readonly PeerWord[]): void {
    this.#waitingPeers = undefined;
    this.#wire.send({ type: "bgp-peers", peers });
  }

  #sendStance(node: "stays" | "goes"): void {
    this.#waitingStance = undefined;
    this.#stance = node;
    this.#wire.send({ type: "bgp-stance", node });
  }

  #sendSlice(): void {
    const changed: RouteWord[] = [];
    const removed: InterfaceAddress[] = [];
    for (const [key, { prefix, route }] of this.#waiting) {
      if (changed.length + removed.length === SLICE) break;
      this.#waiting.delete(key);
      if (route === undefined) {
        this.#sent.delete(key);
        removed.push(prefix);
      } else {
        this.#sent.add(key);
        changed.push(route);
      }
    }
    this.#wire.send({ type: "bgp-routes", changed, removed });
  }

  #sendAll(): void {
    this.#isAllRouted = true;
    this.#wire.send({ type: "bgp-complete" });
    this.#onAllRouted();
  }
}
