/** Forwarding rules that are still in the kernel, of whichever engine. */
import type { Balancer } from "#drivers/balance/port";
import type { Finder } from "./leftover.ts";

/** What the engines have there; with it goes what they keep in the runtime directory. */
export const findForwarding =
  (engine: Pick<Balancer, "observe" | "remove">): Finder =>
  async () => {
    const { tables } = await engine.observe();
    if (tables === "absent") return [];
    const remove = async (): Promise<string | undefined> => {
      const removed = await engine.remove();
      return removed.ok ? undefined : removed.error.message;
    };
    return [
      { what: tables === "partial" ? "forwarding rules, not all of them" : "forwarding rules", remove },
    ];
  };
