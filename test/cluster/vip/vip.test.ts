/**
 * Three control-plane hosts with real API servers: who has their address while these die, stand still, are slow, or are all gone, and
 * what users have of it.
 *
 * The tests go on from each other, as a day in the life of a cluster: it takes fifteen seconds to start it, once.
 */
import assert from "node:assert/strict";
import { after, before, describe, it, type TestContext } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import type { Instant } from "#base/time";
import { monotonicNow } from "#lab/probe/clock";
import { eventually } from "../eventually.ts";
import { type Masters, openMasters } from "./bed.ts";
import { type Holders, watchHolders } from "./holders.ts";
import { type Ledger, openLedger, overstays } from "./ledger.ts";
import { MASTERS, type MasterName, VIRTUAL_ADDRESS, VIRTUAL_ADDRESS_6 } from "./plan.ts";
import type { ApiRecord } from "./records.ts";
import { answering, failed, missedByWatch, outageMs, startLoad, startWatches } from "./traffic.ts";
import { openVips, type Vips } from "./vip.ts";

/** Until a dead API server is known to be dead: it refuses three questions, the first of which comes after a second at most. */
const REFUSED_MS = 1_400;
/** And until a frozen one is: three questions that it does not answer for two seconds each. */
const FROZEN_MS = 7_400;
/** Until two answers in a row are good, a second apart. */
const RISEN_MS = 2_000;
/** Added to every one of them, where three API servers and all of CI share two processors. */
const MARGIN_MS = 8_000;

/**
 * Between two requests. Where a second of a machine is a tenth of one, more users than this are themselves what keeps an API server from
 * answering: handshakes that nobody waits for any more cost as much as others.
 */
const SPACING_MS = 100;

/** Where nothing may fail, nothing is given up either. */
const PATIENT_MS = 15_000;

const ADDRESSES = [VIRTUAL_ADDRESS, VIRTUAL_ADDRESS_6];

type Bed = {
  readonly masters: Masters;
  readonly ledger: Ledger;
  readonly holders: Holders;
  readonly vips: Vips;
};

const inBed = (): ((
  test: (bed: Bed, context: TestContext) => Promise<void>,
) => (context: TestContext) => Promise<void>) => {
  let bed: Bed | undefined;
  let hasFailed = false;
  before(async () => {
    const masters = await openMasters();
    bed = {
      masters,
      ledger: openLedger(masters),
      holders: await watchHolders(masters, VIRTUAL_ADDRESS),
      vips: openVips(masters, { addresses: ADDRESSES }),
    };
  });
  after(() => bed?.masters.close());
  return (test) => async (context) => {
    assert(bed !== undefined, "there is no bed");
    try {
      await test(bed, context);
    } catch (error) {
      // The tests after it fail with it: the first one tells.
      if (!hasFailed) {
        context.diagnostic(JSON.stringify(bed.holders.holdings()));
        context.diagnostic(`${bed.masters.lastWords()}\n${bed.vips.lastWords(30)}`);
      }
      hasFailed = true;
      throw error;
    }
  };
};

/** The one host that has the address. */
const holderOf = ({ holders }: Bed): MasterName => {
  const [holder, ...others] = holders.now();
  assert(holder !== undefined && others.length === 0, `held by ${holders.now()}`);
  return holder;
};

/** When the last run of a program, by its log, was there, and when it had the address first, if it has: milliseconds since 1970. */
const beginningOf = (log: string): { readonly ready: number; readonly active: number | undefined } => {
  const lines = log.split("\n");
  const begin = lines.findLastIndex((line) => / fast: ready /.test(line));
  const active = lines.slice(begin).find((line) => / router api-ipv4: .*-> active/.test(line));
  const timeOf = (line: string): number => Date.parse(line.split(" ")[0] ?? "");
  assert(begin >= 0, `it was started: ${log}`);
  return { ready: timeOf(lines[begin] ?? ""), active: active === undefined ? undefined : timeOf(active) };
};

const other = (...names: readonly MasterName[]): MasterName => {
  const found = MASTERS.find((name) => !names.includes(name));
  assert(found !== undefined);
  return found;
};

/**
 * What users had of something, and a second before and after it, while they could reach the API server of `by`; `from` is when it
 * began. A request has failed after so many milliseconds of patience.
 */
const seenDuring = async (
  { masters }: Bed,
  by: MasterName,
  act: (begin: () => void) => Promise<void>,
  patience = 2_000,
): Promise<ApiRecord & { readonly from: Instant; readonly to: Instant }> => {
  const { admin } = masters.master(by).apiServer;
  const load = await startLoad(masters, admin, { timeout: patience, interval: SPACING_MS });
  try {
    await pause(1_000);
    let from = monotonicNow();
    await act(() => {
      from = monotonicNow();
    });
    await pause(1_000);
    const to = monotonicNow();
    return { ...(await load.finish()), from, to };
  } catch (error) {
    // Its users are not to be those of the next test as well.
    await load.finish().catch(() => {});
    throw error;
  }
};

/** When the first request began. */
const began = ({ requests }: ApiRecord): Instant => {
  const [first] = requests;
  assert(first !== undefined, "there were requests");
  return first.at;
};

/** Nothing that was written and acknowledged is lost, and the watch has told of all of it, over whomever it went. */
const losesNothing = (record: ApiRecord): void => {
  assert(
    record.requests.some(({ count }) => count !== undefined),
    "there were PATCHes",
  );
  assert(record.watched.filter(({ count }) => count !== undefined).length >= 3, "there was a watch");
  assert.deepEqual(missedByWatch(record), []);
};

const test = inBed();

describe("steelyard vip on three control-plane hosts", () => {
  it(
    "started on all of them at the same moment, before there is any API server, gives the address to nobody",
    test(async ({ vips, holders }) => {
      await vips.start();
      await pause(2_000);
      assert.deepEqual(holders.holdings(), []);
    }),
  );

  it(
    "gives it to the first API server that there is, and leaves it there when the others come",
    test(async ({ masters, ledger, holders }) => {
      await masters.etcd.start();
      await ledger.start("m3");
      await holders.are(["m3"], RISEN_MS + MARGIN_MS);
      await ledger.start("m2");
      await ledger.start("m1");
      await pause(RISEN_MS + 500);
      assert.deepEqual(
        holders.holdings().map(({ host, to }) => [host, to]),
        [["m3", undefined]],
      );
      assert.deepEqual(holders.now(VIRTUAL_ADDRESS_6), ["m3"]);
    }),
  );

  it(
    "moves it from a killed API server within the time that is stated, and not back when that one is well again",
    test(async (bed) => {
      const { ledger, holders } = bed;
      const old = holderOf(bed);
      let next: MasterName = old;
      const seen = await seenDuring(bed, other(old), async (begin) => {
        begin();
        await ledger.kill(old);
        next = await holders.leaves(old);
        await holders.are([next], MARGIN_MS, VIRTUAL_ADDRESS_6);
        await ledger.start(old);
        await pause(RISEN_MS + 500);
        assert.equal(holderOf(bed), next);
      });
      const outage = outageMs(seen, seen);
      assert(outage < REFUSED_MS + MARGIN_MS, `${outage} ms without an answer`);
      assert.deepEqual(answering(seen, { from: began(seen), to: seen.to }), [old, next].sort());
      losesNothing(seen);
    }),
  );

  it(
    "moves it from an API server that stands still, and not back when that one goes on",
    test(async (bed) => {
      const { ledger, holders } = bed;
      const old = holderOf(bed);
      const seen = await seenDuring(bed, other(old), async (begin) => {
        begin();
        await ledger.freeze(old);
        const next = await holders.leaves(old, FROZEN_MS + MARGIN_MS);
        await ledger.thaw(old);
        await pause(RISEN_MS + 500);
        assert.equal(holderOf(bed), next);
      });
      const outage = outageMs(seen, seen);
      assert(outage < FROZEN_MS + MARGIN_MS, `${outage} ms without an answer`);
      losesNothing(seen);
    }),
  );

  it(
    "leaves it with an API server that is slow: a store far away, and no processor for most of the time",
    test(async (bed) => {
      const { masters, holders } = bed;
      const holder = holderOf(bed);
      const { slowStore, apiServer } = masters.master(holder);
      const before = holders.holdings().length;
      const seen = await seenDuring(
        bed,
        holder,
        async (begin) => {
          begin();
          await slowStore(150);
          await pause(3_000);
          for (let turn = 0; turn < 6; turn += 1) {
            await apiServer.freeze();
            await pause(400);
            await apiServer.thaw();
            await pause(200);
          }
          await slowStore(0);
          await pause(1_000);
        },
        PATIENT_MS,
      );
      assert.equal(holders.holdings().length, before, "it never moved");
      // What the API server itself says of its store is an answer.
      const unanswered = failed(seen, seen).filter(({ error }) => error?.startsWith("HTTP ") !== true);
      assert.deepEqual(unanswered, []);
      assert.deepEqual(answering(seen, seen), [holder]);
      losesNothing(seen);
    }),
  );

  it(
    "moves it from a host whose cable is pulled, which gives it up itself, and not back when the cable is",
    test(async (bed) => {
      const { masters, holders } = bed;
      const old = holderOf(bed);
      const { linkDown, linkUp } = masters.master(old);
      const seen = await seenDuring(bed, other(old), async (begin) => {
        begin();
        await linkDown();
        const next = await holders.leaves(old);
        await pause(500);
        await linkUp();
        await pause(1_500);
        assert.equal(holderOf(bed), next);
      });
      const outage = outageMs(seen, seen);
      assert(outage < MARGIN_MS, `${outage} ms without an answer`);
      losesNothing(seen);
    }),
  );

  it(
    "moves it from a host that nobody hears any more, and has it with one host again when all do",
    test(async (bed) => {
      const { masters, holders } = bed;
      const old = holderOf(bed);
      const rest = ["cl", ...MASTERS.filter((name) => name !== old)];
      const seen = await seenDuring(bed, other(old), async (begin) => {
        begin();
        await masters.lab.fault({ type: "partition", sides: [[old], rest] });
        // It cannot know, and its own API server is well: it keeps the address, and another one takes it.
        await eventually("two holders", 15_000, () => (holders.now().length === 2 ? true : undefined));
        await pause(500);
        await masters.lab.fault({ type: "restore" });
        await eventually("one holder", 15_000, () => (holders.now().length === 1 ? true : undefined));
        await pause(1_000);
      });
      holderOf(bed);
      const outage = outageMs(seen, seen);
      assert(outage < MARGIN_MS, `${outage} ms without an answer`);
      losesNothing(seen);
    }),
  );

  it(
    "goes on while all of Kubernetes is stopped, and has the address up as soon as one API server is started again",
    test(async ({ masters, ledger, holders, vips }) => {
      await Promise.all(MASTERS.map(ledger.kill));
      await masters.etcd.stop("SIGKILL");
      await holders.are([], REFUSED_MS + MARGIN_MS);
      // One of them is started anew meanwhile, as after a power cut.
      await vips.on("m2").stop("SIGKILL");
      await vips.start(["m2"]);
      await masters.etcd.start();
      await ledger.start("m2");
      await holders.are(["m2"], RISEN_MS + MARGIN_MS);
      for (const name of ["m1", "m3"] as const) await ledger.start(name);
      await pause(RISEN_MS + 500);
      assert.deepEqual(holders.now(), ["m2"]);
    }),
  );

  it(
    "is held by one of two that are started at the same moment, and by the same one when the third returns",
    test(async (bed) => {
      const { vips, holders } = bed;
      await vips.stop();
      await holders.are([]);
      const before = holders.holdings().length;
      const pair = ["m2", "m3"] as const;
      await vips.start(pair);
      await eventually("a holder", 15_000, () => (holders.now().length === 1 ? true : undefined));
      await pause(1_000);
      const holder = holderOf(bed);
      const lives = pair.map((name) => beginningOf(vips.on(name).lastWords(200)));
      const announced = Math.min(...lives.flatMap(({ active }) => active ?? []));
      assert(
        lives.every(({ ready }) => ready < announced),
        `both are there before one of them has it: ${JSON.stringify(lives)}`,
      );
      await vips.start(["m1"]);
      await pause(RISEN_MS + 500);
      assert.equal(holderOf(bed), holder);
      const since = holders.holdings().slice(before);
      assert(since.length <= 2, JSON.stringify(since));
    }),
  );

  it(
    "with --balance lets all API servers serve, and of one that dies nothing but what went to it is lost",
    test(async (bed, context) => {
      const { masters, ledger, holders, vips } = bed;
      await vips.stop();
      await holders.are([]);
      const balanced = openVips(masters, { addresses: ADDRESSES, flags: ["--balance"] });
      await balanced.start();
      await eventually("a holder", 15_000, () => (holders.now().length === 1 ? true : undefined));
      const holder = holderOf(bed);
      const killed = other(holder);
      // All are known to be well, and are in the ring.
      await pause(RISEN_MS + 500);
      let noticed = monotonicNow();
      const seen = await seenDuring(
        bed,
        holder,
        async (begin) => {
          await pause(1_000);
          begin();
          await ledger.kill(killed);
          await pause(REFUSED_MS + MARGIN_MS);
          noticed = monotonicNow();
          await pause(1_000);
        },
        PATIENT_MS,
      );
      await ledger.start(killed);
      assert.equal(holderOf(bed), holder, "the holder's own API server was well all the time");
      assert.deepEqual(answering(seen, { from: began(seen), to: seen.from }), [...MASTERS]);
      const later = { from: noticed, to: seen.to };
      assert.deepEqual(
        answering(seen, later),
        MASTERS.filter((name) => name !== killed),
      );
      assert.deepEqual(failed(seen, later), []);
      const all = seen.requests.filter(({ at }) => at >= seen.from && at < noticed);
      const lost = failed(seen, { from: seen.from, to: noticed });
      const reasons = [...new Set(lost.map(({ error }) => error))].join();
      context.diagnostic(`${lost.length} of ${all.length} requests failed, by ${reasons || "nothing"}`);
      assert(
        lost.length < all.length / 2,
        `${lost.length} of ${all.length} failed until it was known to be dead`,
      );
      const outage = outageMs(seen, seen);
      assert(outage < 5_000, `${outage} ms without an answer`);
      losesNothing(seen);
      await balanced.stop();
    }),
  );

  it(
    "with --balance keeps long watches over a restart in place, and over an orderly stop those that a third host serves",
    test(async (bed, context) => {
      const { masters, holders } = bed;
      const balanced = openVips(masters, { addresses: ADDRESSES, flags: ["--balance"] });
      await balanced.start();
      await eventually("a holder", 15_000, () => (holders.now().length === 1 ? true : undefined));
      const holder = holderOf(bed);
      await pause(RISEN_MS + 500);
      const watches = await startWatches(masters, masters.master("m1").apiServer.admin, 24);

      await balanced.on(holder).stop("SIGUSR2");
      await balanced.start([holder]);
      assert.equal(holderOf(bed), holder, "an upgrade moves nothing");
      const afterRestart = await watches.change();
      await pause(1_000);

      await balanced.on(holder).stop();
      const next = await holders.leaves(holder);
      // A silent client speaks within a second; events come all the while.
      let last = "";
      for (let turn = 0; turn < 12; turn += 1) {
        last = await watches.change();
        await pause(500);
      }
      const seen = await watches.finish();
      assert.deepEqual(
        seen.map(({ by }) => by).filter((by) => !MASTERS.some((name) => name === by)),
        [],
      );
      assert(
        seen.every(({ told }) => told.includes(afterRestart)),
        "all of them lived through the restart",
      );
      const lives = seen.filter(({ ended, told }) => ended === undefined && told.includes(last));
      const words = MASTERS.map((name) => {
        const its = seen.filter(({ by }) => by === name);
        const role = name === holder ? "held it" : name === next ? "holds it" : "never held it";
        const reasons = [...new Set(its.flatMap(({ ended }) => ended ?? []))].join();
        return `${name} (${role}): ${lives.filter(({ by }) => by === name).length} of ${its.length} watches live (${reasons})`;
      });
      context.diagnostic(words.join("; "));
      const third = other(holder, next);
      assert.deepEqual(
        seen.filter((each) => each.by === third && !lives.includes(each)),
        [],
        "no watch of the third host is lost",
      );
      assert.deepEqual(
        seen.filter((each) => each.ended === undefined && !lives.includes(each)),
        [],
        "what breaks is told to its client at once",
      );
      await balanced.stop();
    }),
  );

  it(
    "never left it with a host whose API server was dead for longer than is stated, while another one was well",
    test(async ({ holders, ledger }) => {
      const all = overstays(holders.holdings(), ledger.deaths(), Date.now());
      assert(all.length >= 2, "there were deaths");
      const stated = { killed: REFUSED_MS, frozen: FROZEN_MS };
      const long = all.filter(({ how, ms }) => ms > stated[how] + MARGIN_MS);
      assert.deepEqual(long, []);
    }),
  );
});
