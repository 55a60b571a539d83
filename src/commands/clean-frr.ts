/** What a speaker that was killed left in the FRR of its machine. */
import { parseRunning } from "#core/frr/running";
import type { FrrPort } from "#drivers/frr/port";
import { type Finder, unseen } from "#roles/edge/leftovers/leftover";
import { removeFromFrr } from "#runtime/frr/removing";

const WHAT = "our part of the configuration of FRR";

/** Finds our part in an FRR, unless a speaker runs that would enter it again. `lock` is the speaker's. */
export const findInFrr =
  (frr: FrrPort, lock: () => { readonly taken: boolean }): Finder =>
  async () => {
    const running = await frr.running();
    if (!running.ok) {
      const { reason, message } = running.failure;
      // What is in no running program and in no file of ours is nowhere.
      return reason === "no-shell" || reason === "no-daemon" ? [] : [unseen(WHAT, message)];
    }
    const blocks = parseRunning(running.value).own.size;
    if (blocks === 0) return [];
    // Held until this process ends, so that no speaker starts meanwhile.
    if (!lock().taken) return [unseen(WHAT, "a speaker runs: stop it, which removes it")];
    return [
      {
        what: `${WHAT}: ${blocks} blocks`,
        remove: async () => {
          const removed = await removeFromFrr(frr);
          return removed.ok ? undefined : removed.failure.message;
        },
      },
    ];
  };
