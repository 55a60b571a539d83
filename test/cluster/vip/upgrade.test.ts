/**
 * Control planes that are upgraded as kubeadm and k3s do it, one API server after the other, while people use them over `steelyard vip
 * --balance`: SIGTERM, and another one in its place. The host with the address comes last, as docs/vip.md says.
 */
import assert from "node:assert/strict";
import { describe, it, type TestContext } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import type { Instant } from "#base/time";
import { monotonicNow } from "#lab/probe/clock";
import { eventually } from "../eventually.ts";
import { openMasters } from "./bed.ts";
import { watchHolders } from "./holders.ts";
import { MASTERS, type MasterName, VIRTUAL_ADDRESS } from "./plan.ts";
import type { ApiRecord, ApiRequest, LongWatch } from "./records.ts";
import { startLoad, startWatches } from "./traffic.ts";
import { openVips } from "./vip.ts";

/** Between two requests, each of which is a connection of its own; and how long each may take. */
const SPACING_MS = 50;
const PATIENT_MS = 30_000;
const WATCHES = 24;

/** One API server that was stopped and started again. */
type Turn = {
  readonly name: MasterName;
  /** Whether its host had the address, and which has it now. */
  readonly held: boolean;
  readonly next: MasterName;
  readonly from: Instant;
  readonly to: Instant;
  readonly watches: readonly LongWatch[];
};

type Roll = { readonly turns: readonly Turn[]; readonly seen: ApiRecord };

/** Upgrades all three with users on them. */
const roll = async (flags: readonly string[]): Promise<Roll> => {
  const masters = await openMasters(flags);
  const vips = openVips(masters, { flags: ["--balance"] });
  try {
    const holders = await watchHolders(masters, VIRTUAL_ADDRESS);
    await masters.start();
    await vips.start();
    const holder = await holders.leaves(undefined, 30_000);
    const allWell = (): Promise<unknown> =>
      eventually("all are well for all", 60_000, async () => {
        const said = await Promise.all(MASTERS.map((name) => vips.status(name)));
        return said.every((text) => text.split(" healthy ").length > MASTERS.length + 1) ? true : undefined;
      });
    await allWell();
    const load = await startLoad(masters, masters.master(holder).apiServer.admin, {
      ...{ interval: SPACING_MS, timeout: PATIENT_MS },
    });
    const turns: Turn[] = [];
    for (const name of [...MASTERS.filter((each) => each !== holder), holder]) {
      const { apiServer } = masters.master(name);
      const bystander = masters.master(MASTERS.find((each) => each !== name) ?? name).apiServer.admin;
      const watches = await startWatches(masters, bystander, WATCHES);
      const from = monotonicNow();
      await apiServer.stop("SIGTERM");
      // What was to be cut is cut by now, and its client has asked whether the connection is still one.
      for (let second = 0; second < 4; second += 1) {
        await watches.change();
        await pause(1_000);
      }
      const to = monotonicNow();
      const next = name === holder ? await holders.leaves(name) : holder;
      const last = await watches.change();
      await pause(500);
      const ended = await watches.finish();
      assert.deepEqual(
        ended.filter((each) => each.ended === undefined && !each.told.includes(last)),
        [],
        "no watch hangs",
      );
      turns.push({ ...{ name, held: name === holder, next, from, to }, watches: ended });
      await apiServer.start();
      await allWell();
    }
    assert.equal(holders.holdings().length, 2, "the address moved once in all");
    await pause(1_000);
    return { turns, seen: await load.finish() };
  } catch (error) {
    throw new Error(`${String(error)}\n${masters.lastWords()}\n${vips.lastWords(30)}`, { cause: error });
  } finally {
    await masters.close();
  }
};

const failures = ({ seen }: Roll, turn?: Turn): readonly ApiRequest[] =>
  seen.requests.filter(
    ({ error, at }) => error !== undefined && (turn === undefined || (at >= turn.from && at <= turn.to)),
  );

const counted = (words: readonly string[]): string =>
  [...new Set(words)]
    .map((word) => `${words.filter((each) => each === word).length} ${word}`)
    .sort()
    .join(", ") || "none";

const endsOf = ({ watches }: Turn, by: (name: string) => boolean): readonly string[] =>
  watches.flatMap((watch) => (by(watch.by) ? [watch.ended ?? "goes on"] : []));

const tell = (context: TestContext, seen: Roll): void => {
  context.diagnostic(`${failures(seen).length} of ${seen.seen.requests.length} requests failed`);
  for (const turn of seen.turns) {
    const lost = counted(failures(seen, turn).map(({ error }) => String(error)));
    const watches = MASTERS.map(
      (name) => `those of ${name}: ${counted(endsOf(turn, (by) => by === name))}`,
    ).join("; ");
    context.diagnostic(
      `${turn.name}${turn.held ? `, which held the address (${turn.next} has it now)` : ""}: requests lost: ${lost}; watches: ${watches}`,
    );
  }
};

/** Watches of the one that is stopped are ended by it, and not by us; others are not touched. */
const endsInOrder = ({ turns }: Roll): void => {
  for (const turn of turns) {
    const its = endsOf(turn, (by) => by === turn.name);
    assert(its.length > 0, `${turn.name} served watches`);
    // It closes them with its process, in the middle of an answer without end.
    assert.deepEqual([...new Set(its)], ["aborted"], `watches of ${turn.name} end as it ends them`);
    // The move breaks those of the new holder: it knows them as from the address that it has itself now.
    const spared = endsOf(turn, (by) => by !== turn.name && !(turn.held && by === turn.next));
    assert.deepEqual([...new Set(spared)], ["goes on"], `while ${turn.name} was upgraded`);
  }
};

describe("an upgrade of three API servers over steelyard vip --balance", () => {
  it("that announce their end for five seconds costs no request and no watch but their own", async (context) => {
    const seen = await roll(["--shutdown-delay-duration=5s"]);
    tell(context, seen);
    endsInOrder(seen);
    const moves = seen.turns.filter(({ held }) => held).flatMap((turn) => failures(seen, turn));
    assert.deepEqual(
      failures(seen).filter((request) => !moves.includes(request)),
      [],
    );
    // The move cuts what is under way to the new holder's own at that moment, of one request in 50 ms.
    assert(moves.length <= 2 && moves.every(({ error }) => error === "ECONNRESET"), JSON.stringify(moves));
  });

  it("that end at once costs the requests that they refuse until that is known", async (context) => {
    const seen = await roll([]);
    tell(context, seen);
    endsInOrder(seen);
    const reasons = new Set(failures(seen).map(({ error }) => error));
    assert.deepEqual(
      [...reasons].filter((reason) => reason !== "ECONNREFUSED" && reason !== "ECONNRESET"),
      [],
    );
    for (const turn of seen.turns) {
      const all = seen.seen.requests.filter(({ at }) => at >= turn.from && at <= turn.to);
      const lost = failures(seen, turn);
      assert(lost.length < all.length / 2, `${lost.length} of ${all.length}`);
    }
  });
});
