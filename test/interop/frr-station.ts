/**
 * The program under test: our engine on the FRR of its host, as the speaker puts it together.
 *
 * `node frr-station.ts FOLDER` with the folder of FRR's sockets. It prints one line of JSON for each observation, and takes orders on its
 * input, one line of JSON each; to each it answers with one line.
 */
import { createInterface } from "node:readline";
import { assert } from "#base/assert";
import type { BgpSettings, PeerWord } from "#core/bgp/desired";
import type { Wanted } from "#core/frr/section";
import { openClock } from "#drivers/clock/linux";
import { FRR_CONTRACT } from "#drivers/frr/contract";
import { openFrr } from "#drivers/frr/linux";
import type { RouteChanges } from "#runtime/bgp/route-queue";
import { createDeadlines } from "#runtime/deadlines";
import { FrrEngine } from "#runtime/frr/engine";
import { removeFromFrr } from "#runtime/frr/removing";
import { runRound } from "#runtime/frr/round";

/** What the station is told to do. */
export type FrrOrder =
  | { readonly order: "settings"; readonly settings: BgpSettings }
  | { readonly order: "peers"; readonly peers: readonly PeerWord[] }
  | { readonly order: "route"; readonly changes: RouteChanges }
  | { readonly order: "complete" }
  | { readonly order: "snapshot" }
  | { readonly order: "leave"; readonly reason: "shutdown" | "restart" }
  /** Brings FRR to this without the engine. */
  | { readonly order: "round"; readonly wanted: Wanted }
  | { readonly order: "remove" }
  | { readonly order: "contract" };

const say = (value: object): void => console.log(JSON.stringify(value));

const runStation = (folder: string): void => {
  const frr = openFrr({ shell: ["vtysh", "--vty_socket", folder, "--config_dir", folder] });
  const opened = openClock({ onWake: () => deadlines.runDue() });
  assert(opened.ok, "no clock", opened);
  const clock = opened.value;
  const deadlines = createDeadlines(clock);
  const engine = new FrrEngine({
    ...{ frr, deadlines, now: clock.now },
    tell: (observation) => say({ observation }),
  });
  const obey = async (order: FrrOrder): Promise<object> => {
    switch (order.order) {
      case "settings":
        engine.setSettings(order.settings);
        return {};
      case "peers":
        engine.setPeers(order.peers);
        return {};
      case "route":
        engine.route(order.changes);
        return {};
      case "complete":
        engine.routesComplete();
        return {};
      case "snapshot":
        return { peers: engine.peers(), trouble: engine.trouble };
      case "leave":
        await new Promise<void>((resolve) => engine.leave({ reason: order.reason }, resolve));
        return {};
      case "round": {
        const outcome = await runRound(frr, order.wanted);
        return outcome.type === "failed"
          ? { outcome: outcome.type, detail: outcome.failure.message }
          : {
              outcome: outcome.type,
              detail:
                outcome.type === "unsettled" ? outcome.line : outcome.type === "settled" ? outcome.lines : 0,
            };
      }
      case "remove":
        return await removeFromFrr(frr);
      default: {
        for (const test of FRR_CONTRACT.values()) await test(frr);
        return { done: FRR_CONTRACT.size };
      }
    }
  };
  let last: Promise<void> = Promise.resolve();
  createInterface({ input: process.stdin }).on("line", (line) => {
    last = last.then(async () => {
      try {
        say({ answer: await obey(JSON.parse(line)) });
      } catch (error) {
        say({ answer: { error: String(error) } });
      }
    });
  });
  say({ answer: "ready" });
};

const [, , folder] = process.argv;
assert(folder !== undefined, "the folder of FRR's sockets is missing");
runStation(folder);
