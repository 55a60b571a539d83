/** What every FRR has to do, the real one and the fake: run by `fake.test.ts` and by `test/interop/frr-engine.test.ts`. */
import assert from "node:assert/strict";
import { parseRunning } from "#core/frr/running";
import type { FrrPort } from "./port.ts";

/** Each thing by its title. An FRR begins with nothing of ours. */
export const FRR_CONTRACT: ReadonlyMap<string, (frr: FrrPort) => Promise<void>> = new Map([
  [
    "says which of its daemons run",
    async (frr) => {
      const running = await frr.running();
      assert.ok(running.ok);
      assert.match(running.value, /^end\n ?(?:\w+ )*bfdd/m);
    },
  ],
  [
    "prints what was entered, and nothing that was taken back",
    async (frr) => {
      const map = "route-map steelyard-node:in deny 10";
      assert.deepEqual(await frr.configure([map, "exit"]), { ok: true, value: undefined });
      const running = await frr.running();
      assert.ok(running.ok);
      assert.deepEqual([...parseRunning(running.value).own.keys()], [map]);
      assert.ok((await frr.configure([`no ${map}`])).ok);
      const after = await frr.running();
      assert.ok(after.ok);
      assert.equal(parseRunning(after.value).own.size, 0);
    },
  ],
  [
    "keeps lines of others as they are",
    async (frr) => {
      await frr.configure(["router bgp 65001", " neighbor 192.0.2.77 remote-as 65002", "exit"]);
      await frr.configure(["route-map steelyard-node:in deny 10", "exit"]);
      const running = await frr.running();
      assert.ok(running.ok);
      assert.ok(parseRunning(running.value).neighbours.has("192.0.2.77"));
      await frr.configure(["no route-map steelyard-node:in deny 10", "no router bgp 65001"]);
    },
  ],
  [
    "says how sessions are, as JSON",
    async (frr) => {
      const sessions = await frr.sessions();
      assert.ok(sessions.ok);
      assert.equal(typeof JSON.parse(sessions.value), "object");
    },
  ],
]);
