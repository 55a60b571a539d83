/**
 * What the wire is told: members, placements in slices, that these are all, and what to probe. Nothing is said again that was
 * said already on this connection.
 *
 * Of placements that wait for the wire the newest counts: a wire that is behind gets what is true when it has caught up.
 */
import type { IpAddress } from "#base/address";
import type { Changes, Placement } from "#core/layer2/placement";
import type { MemberWord, PlacementWord } from "../fast/desired.ts";
import type { ProbeDuty } from "../messages.ts";
import { isSameWord } from "../words.ts";
import type { ToWire } from "./to-wire.ts";

/** Placements in one message: the wire does nothing else while it goes through them. */
const SLICE = 256;

const NOWHERE: readonly string[] = [];

const isSameDuties = (left: readonly ProbeDuty[], right: readonly ProbeDuty[]): boolean =>
  left.length === right.length &&
  left.every((duty, index) => duty.address === right[index]?.address && duty.port === right[index].port);

/** What this node's wire is told of a placement. */
const wordOf = (self: string, { address, candidates, interfaces }: Placement): PlacementWord => ({
  ...{ address, candidates },
  interfaces: interfaces[candidates.indexOf(self)] ?? NOWHERE,
});

export class Orders {
  readonly #self: string;
  readonly #wire: ToWire;
  readonly #onAllPlaced: () => void;
  /** As they are to be sent, or were. */
  #members = "";
  readonly #sent = new Map<IpAddress, Placement>();
  #duties: readonly ProbeDuty[] | undefined;
  /** To be sent; `undefined`: it is nobody's any more. */
  readonly #waiting = new Map<IpAddress, Placement | undefined>();
  #waitingMembers: readonly MemberWord[] | undefined;
  #waitingDuties: readonly ProbeDuty[] | undefined;
  #decisions: "under-way" | "made" = "under-way";
  #isAllPlaced = false;
  #isPlanned = false;

  /** `onAllPlaced` is called once, when the wire has been told everything for the first time. */
  constructor(options: {
    readonly self: string;
    readonly wire: ToWire;
    readonly onAllPlaced: () => void;
  }) {
    this.#self = options.self;
    this.#wire = options.wire;
    this.#onAllPlaced = options.onAllPlaced;
  }

  /** Whether the wire has been told everything once. */
  get isAllPlaced(): boolean {
    return this.#isAllPlaced;
  }

  /** Addresses that the wire was told of; `undefined` before it was told everything. */
  get placements(): number | undefined {
    return this.#isAllPlaced ? this.#sent.size : undefined;
  }

  /** How many of them some node may answer for, and none. */
  get placementsByCandidates(): ReadonlyMap<"some" | "none", number> | undefined {
    if (!this.#isAllPlaced) return undefined;
    let none = 0;
    for (const { candidates } of this.#sent.values()) if (candidates.length === 0) none += 1;
    return new Map([
      ["some", this.#sent.size - none],
      ["none", none],
    ]);
  }

  setMembers(members: readonly MemberWord[]): void {
    const text = JSON.stringify(members);
    if (text === this.#members) return;
    this.#members = text;
    this.#waitingMembers = members;
    this.pump();
  }

  /** Takes what was decided; with `rest: "none"` it is everything. */
  place({ placed, withdrawn, rest }: Changes): void {
    for (const placement of placed) {
      const { address } = placement;
      const sent = this.#sent.get(address);
      if (sent !== undefined && isSameWord(wordOf(this.#self, sent), wordOf(this.#self, placement))) {
        this.#waiting.delete(address);
        // What others keep as well takes no room here.
        this.#sent.set(address, placement);
      } else this.#waiting.set(address, placement);
    }
    for (const address of withdrawn) {
      if (this.#sent.has(address)) this.#waiting.set(address, undefined);
      else this.#waiting.delete(address);
    }
    this.#decisions = rest === "none" ? "made" : "under-way";
    this.pump();
  }

  /** This node is to probe these from now on. */
  ask(duties: readonly ProbeDuty[]): void {
    const before = this.#waitingDuties ?? this.#duties;
    if (before !== undefined && isSameDuties(before, duties)) return;
    this.#waitingDuties = duties;
    this.pump();
  }

  /** Sends a piece of what waits, and the rest in later turns; to be called again once the wire reads again. */
  pump(): void {
    if (this.#isPlanned || !this.#wire.writable()) return;
    const isEnough = this.#decisions === "made" || this.#waiting.size >= SLICE;
    if (this.#waitingMembers !== undefined) this.#sendMembers(this.#waitingMembers);
    else if (this.#waiting.size > 0 && isEnough) this.#sendSlice();
    else if (this.#waiting.size === 0 && this.#decisions === "made" && !this.#isAllPlaced)
      this.#sendAllPlaced();
    else if (this.#isAllPlaced && this.#waitingDuties !== undefined) this.#sendDuties(this.#waitingDuties);
    else return;
    this.#isPlanned = true;
    setImmediate(() => {
      this.#isPlanned = false;
      this.pump();
    });
  }

  #sendMembers(members: readonly MemberWord[]): void {
    this.#waitingMembers = undefined;
    this.#wire.send({ type: "members", members });
  }

  #sendSlice(): void {
    const changed: PlacementWord[] = [];
    const removed: IpAddress[] = [];
    for (const [address, placement] of this.#waiting) {
      if (changed.length + removed.length === SLICE) break;
      this.#waiting.delete(address);
      if (placement === undefined) {
        this.#sent.delete(address);
        removed.push(address);
      } else {
        this.#sent.set(address, placement);
        changed.push(wordOf(this.#self, placement));
      }
    }
    this.#wire.send({ type: "placements", changed, removed });
  }

  #sendAllPlaced(): void {
    this.#isAllPlaced = true;
    this.#wire.send({ type: "all-placed" });
    this.#onAllPlaced();
  }

  #sendDuties(duties: readonly ProbeDuty[]): void {
    this.#waitingDuties = undefined;
    this.#duties = duties;
    this.#wire.send({ type: "probes", duties });
  }
}
