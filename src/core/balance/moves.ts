/**
 * Keeping established flows where they are while slots change owner (`dsr` by hash alone).
 *
 * In `dsr` we see half of every connection and normally keep no state: the ring alone decides. When a slot changes
 * owner while the old one still serves, a flow that is already open must stay with the old owner, and a new flow
 * must go to the new one. A transition does both:
 *
 * - a recorded flow goes where its record says;
 * - a TCP packet that opens a flow goes to the slot's owner and is recorded;
 * - any other packet goes to the slot's former owner and is recorded.
 *
 * After one idle time every flow that is still alive has been recorded, so the transition ends and unknown packets
 * go to the owner again. Records are looked up in that slot from then on.
 */
import { after, type Instant } from "#base/time";
import { type BackendId, decidesByHash, flowIdle, type ServerPlan, type SlotMove } from "./plan-model.ts";
import { samePorts } from "./ports.ts";
import { ownerOf, ownersOf } from "./slots.ts";

export type Tracking = Pick<ServerPlan, "moves" | "tracked">;

const NO_TRACKING: Tracking = { moves: [], tracked: [] };

/** Whether transitions are begun and kept, only kept, or neither. */
export type Memory = "learns" | "keeps" | "none";

/** The transitions of `next`, of which only `moves` and `tracked` are still to be filled, given what ran before. */
export const trackMoves = (
  next: Omit<ServerPlan, "moves" | "tracked">,
  {
    previous,
    memory,
    now,
  }: { readonly previous: ServerPlan | undefined; readonly memory: Memory; readonly now: Instant },
): Tracking => {
  if (next.mode !== "dsr" || !decidesByHash(next)) return NO_TRACKING;
  if (memory === "none" || previous === undefined || !continues(next, previous)) return NO_TRACKING;
  const serving = new Set(
    next.backends.filter((backend) => backend.availability !== "unavailable").map((backend) => backend.id),
  );
  const until = after(now, flowIdle(next.protocol));
  const moveBySlot = new Map(previous.moves.map((move) => [move.slot, move]));
  const wasTracked = new Set(previous.tracked);
  const moves: SlotMove[] = [];
  const tracked: number[] = [];
  for (const [slot, owner] of ownersOf(next).entries()) {
    const formerOwner = memory === "learns" ? ownerOf(previous, slot) : owner;
    const move = nextMove({ slot, owner, formerOwner, running: moveBySlot.get(slot), serving, now, until });
    if (move !== undefined) moves.push(move);
    if (move !== undefined || wasTracked.has(slot)) tracked.push(slot);
  }
  return { moves, tracked };
};

/** Whether slots and flows of `previous` mean the same in `next`: only then is there anything to keep. */
const continues = (next: Omit<ServerPlan, "moves" | "tracked">, previous: ServerPlan): boolean =>
  previous.mode === next.mode &&
  previous.scheduler.type === next.scheduler.type &&
  decidesByHash(previous) &&
  previous.address === next.address &&
  previous.protocol === next.protocol &&
  samePorts(previous.ports, next.ports) &&
  previous.slots.length === next.slots.length;

type SlotSituation = {
  readonly slot: number;
  readonly owner: BackendId;
  readonly formerOwner: BackendId;
  readonly running: SlotMove | undefined;
  readonly serving: ReadonlySet<BackendId>;
  readonly now: Instant;
  readonly until: Instant;
};

/**
 * The transition of one slot. While one runs its `from` holds the unrecorded flows and all later owners' flows are
 * recorded, so it goes on as it is whoever owns the slot now; it ends early when `from` owns the slot again or dies.
 */
const nextMove = ({
  slot,
  owner,
  formerOwner,
  running,
  serving,
  now,
  until,
}: SlotSituation): SlotMove | undefined => {
  if (running !== undefined && running.until > now) {
    return running.from !== owner && serving.has(running.from) ? running : undefined;
  }
  return formerOwner !== owner && serving.has(formerOwner) ? { slot, from: formerOwner, until } : undefined;
};
