/**
 * What is heard on the link: that another machine announces an address, or answers for it.
 *
 * Of two members that hold one address, the less preferred one gives way at once, and the other says once more where the
 * address is. If the rival goes on after that, it has not heard the defence, or it goes by another placement. In the first
 * case giving way is the only way to be one again. In the second case either would give way to the other, so their names
 * decide which does, until the placement reaches both.
 */
import type { MacAddress } from "#base/mac";
import { after, type Instant, instant, micros, seconds } from "#base/time";
import { used } from "./first-use.ts";
import { givenWayTo } from "./given-way.ts";
import { andThen, giveUp, reconsider, unchanged } from "./machine.ts";
import { choose, precedes } from "./plan.ts";
import type { Contest, Dispute, Effect, Entry, HoldingState, Memory, Step, Surroundings } from "./state.ts";
import { noteSign, noteStranger } from "./strangers.ts";

/** Who spoke: a member by its name, or a machine that no member has. */
export type Speaker =
  | { readonly type: "member"; readonly node: string }
  | { readonly type: "stranger"; readonly mac: MacAddress };

/** A dispute that has been quiet for so long is over. */
const DISPUTE_MEMORY = seconds(5);

/** Takes note that `speaker` was heard to hold the address. */
export const hear = (around: Surroundings, entry: Entry, speaker: Speaker): Step => {
  if (speaker.type === "stranger") return hearStranger(around, entry, speaker.mac);
  const { node } = speaker;
  const { state } = entry;
  const mute = entry.memory.mute === node ? undefined : entry.memory.mute;
  const memory = { ...used(entry.memory), holder: node, holderAt: around.now, mute };
  const known: Entry = { ...entry, memory };
  switch (state.name) {
    case "standby":
      return entry.memory.holder === node && mute === entry.memory.mute
        ? unchanged(known)
        : reconsider(around, known);
    case "claiming":
      return around.standingOf(node).name === "dead"
        ? putOff(around, known, node)
        : reconsider(around, known);
    case "holding":
      return hearRival(around, { ...entry, memory: { ...entry.memory, mute } }, state, node);
    case "yielding":
      return giveUp(around, known, { cause: "handed-over", holder: node });
  }
};

/**
 * Nobody answered for the address, as a probe found. Whoever should hold it lives but cannot, and has no way to say so: it is
 * passed over until it is heard again. As with every claim others are asked first, so a probe that was wrong does no harm.
 */
export const miss = (around: Surroundings, entry: Entry): Step => {
  const choice = choose(around, entry);
  if (entry.state.name !== "standby" || choice.type !== "peer") return unchanged(entry);
  const memory = { ...entry.memory, mute: choice.node, holder: undefined };
  return reconsider(around, { ...entry, memory });
};

const contestBy = ({ now, config }: Surroundings, by: string | undefined): Contest => ({
  ...{ by, at: now },
  until: after(now, config.contestRetry),
});

/** Who is not expected to answers: nothing is claimed for a while, and then they are asked again. */
const putOff = (around: Surroundings, entry: Entry, by: string | undefined): Step => {
  const contest = contestBy(around, by);
  const { address, state } = entry;
  const standby = {
    name: "standby" as const,
    since: around.now,
    waitsFor: [],
    until: contest.until,
    isFirst: true,
  };
  const peer = by ?? entry.memory.holder;
  return {
    entry: { ...entry, state: standby, memory: { ...entry.memory, contest } },
    effects: [{ type: "transition", address, from: state.name, to: "standby", cause: "contested", peer }],
  };
};

const hearRival = (around: Surroundings, entry: Entry, state: HoldingState, rival: string): Step => {
  const { now, self, config } = around;
  const standing = around.standingOf(rival);
  // It answers until it has heard this node, which is about to happen.
  if (standing.name === "leaving") return unchanged(entry);
  if (precedes(entry, rival, self)) {
    // If this node believes it dead, it must not claim what it has just heard the other hold.
    const contest = standing.name === "dead" ? contestBy(around, rival) : entry.memory.contest;
    const wary = { ...entry, memory: { ...entry.memory, contest } };
    return giveUp(around, wary, { cause: "preferred-announced", holder: rival });
  }
  const dispute = state.disputes.find((each) => each.rival === rival);
  if (dispute === undefined || isOver(dispute, now)) return defend(around, entry, state, rival);
  // Announcements come in bursts, and the rival needs a moment to hear.
  if (now < after(dispute.defendedAt, micros(config.defenceTime / 2))) return unchanged(entry);
  const hears = standing.name === "alive" && standing.hearsUs !== "no";
  if (!hears) return giveWay(around, entry, rival, "unheard");
  return self > rival ? giveWay(around, entry, rival, "insisted") : defend(around, entry, state, rival);
};

const isOver = ({ defendedAt }: Dispute, now: Instant): boolean => now >= after(defendedAt, DISPUTE_MEMORY);

/**
 * Says once more where the address is, once to each rival and then only as often as that is heard to go on: of several that defend it
 * against one another each hears all the others at once.
 */
const defend = (around: Surroundings, entry: Entry, state: HoldingState, rival: string): Step => {
  const { now, config } = around;
  const others = state.disputes.filter((each) => each.rival !== rival && !isOver(each, now));
  const disputes = [...others, { rival, defendedAt: now, askAt: after(now, config.defenceTime) }];
  const { address } = entry;
  const isNew = state.disputes.every((each) => each.rival !== rival);
  const effects: Effect[] = [{ type: "announce", address, cause: "defence" }];
  if (isNew) effects.push({ type: "rival", address, peer: rival });
  return { entry: { ...entry, state: { ...state, disputes } }, effects };
};

/** Gives way against the order, and takes nothing back for a time that doubles. */
const giveWay = (around: Surroundings, entry: Entry, rival: string, cause: "unheard" | "insisted"): Step => {
  const { now, config } = around;
  const { first, longest } = config.restraint;
  const restraint = micros(Math.min(Math.max(entry.memory.restraint * 2, first), longest));
  const isDead = around.standingOf(rival).name === "dead";
  const memory: Memory = {
    ...entry.memory,
    restraint,
    restrainedUntil: instant(Math.max(entry.memory.restrainedUntil, after(now, restraint))),
    contest: isDead ? contestBy(around, rival) : entry.memory.contest,
    givenWay: givenWayTo(around, rival),
  };
  return giveUp(around, { ...entry, memory }, { cause, holder: rival });
};

/**
 * A stranger does not make a node give an address up: whatever it is, one of the two must go on. But nothing is taken that a
 * stranger answers for, which may be another cluster, or a speaker of another program that is being replaced.
 */
const hearStranger = (around: Surroundings, entry: Entry, mac: MacAddress): Step => {
  if (entry.state.name === "standby") return unchanged(noteSign(entry, mac, around.now));
  const noted = noteStranger(around, entry, mac);
  return entry.state.name === "claiming" ? andThen(noted, (next) => putOff(around, next, undefined)) : noted;
};
