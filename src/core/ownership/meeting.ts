/** What a peer that is found alive, or deaf, or gone means for an address that this node holds. */
import type { StandingChange } from "#core/liveness/liveness";
import type { Standing } from "#core/liveness/standing";
import { reconsider, unchanged } from "./machine.ts";
import { precedes } from "./plan.ts";
import type { Entry, Step, Surroundings } from "./state.ts";

/** A peer's new standing, and the one that it had. */
export type Meeting = StandingChange & { readonly was: Standing | undefined };

/** What follows for an address that is held. */
export const meet = (around: Surroundings, entry: Entry, { node, standing, was }: Meeting): Step => {
  const { address, candidates, state } = entry;
  if (state.name === "yielding") return reconsider(around, entry);
  if (standing.name !== "alive") return unchanged(entry);
  if (standing.hearsUs === "no") {
    // It may take what it believes abandoned, and this node must know; of one that often goes and comes it hears when that one is back.
    return candidates.includes(node) && !around.isUnsteady(node)
      ? { entry, effects: [{ type: "ask", address, of: node }] }
      : unchanged(entry);
  }
  const heardUs = was?.name === "alive" && was.hearsUs === "yes";
  // It may hold the address, too, and has the better right, or does not know who holds it.
  return heardUs || !precedes(entry, node, around.self)
    ? unchanged(entry)
    : {
        entry,
        effects: [
          { type: "announce", address, cause: around.isUnsteady(node) ? "defence" : "peer-returned" },
        ],
      };
};
