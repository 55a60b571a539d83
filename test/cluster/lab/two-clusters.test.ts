/** Two clusters with one pool on one network: no address is used by both, unless both had used it before they met. */
import assert from "node:assert/strict";
import { after, before, describe, it, type TestContext } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { pool } from "../controller.ts";
import { eventually } from "../eventually.ts";
import type { Frame } from "./capture.ts";
import { conflictsOf } from "./foreign.ts";
import type { LabService } from "./services.ts";
import { announcedBy, conditioned } from "./speaker-status.ts";
import { type Half, openTwoClusters, type TwoClusters } from "./two-clusters.ts";

const POOLS = ["late", "race", "old"] as const;
type Pool = (typeof POOLS)[number];
const rangeOf = (name: Pool): readonly string[] =>
  Array.from({ length: 45 }, (_, index) => `10.2.0.${100 + 50 * POOLS.indexOf(name) + index}`);

/** Services of each side in a round of the race. */
const NUMBERS = [1, 2, 3];

/** How long clients may be answered by two machines, in microseconds, where both begin in one instant. */
const LONGEST_DOUBT = 1_000_000;

let bed: TwoClusters | undefined;
before(async () => {
  bed = await openTwoClusters(
    POOLS.map((name) => {
      const range = rangeOf(name);
      return pool(name, [`${range[0]}-${range.at(-1)}`], { autoAssign: false });
    }),
  );
});
after(() => bed?.close());

const inBed =
  (test: (bed: TwoClusters) => Promise<void>) =>
  async (context: TestContext): Promise<void> => {
    if (bed === undefined) throw new Error("there is no bed");
    try {
      await test(bed);
    } catch (error) {
      context.diagnostic(bed.lastWords());
      throw error;
    }
  };

const serviceOf = ({ cluster }: Half, name: string, from: Pool): Promise<LabService> =>
  cluster.service({ name, app: "web", annotations: { "metallb.io/address-pool": from } });

const addressOf = async (service: LabService): Promise<string> =>
  String((await service.addresses())[0] ?? "");

const hasAddress = (service: LabService, isFine = (address: string) => address !== ""): Promise<string> =>
  eventually(`an address of ${service.name}`, 30_000, async () => {
    const address = await addressOf(service);
    return isFine(address) ? address : undefined;
  });

/** The node that answers for a Service, once one does. */
const holderOf = async ({ cluster }: Half, service: string): Promise<string> => {
  const { message } = await conditioned(cluster, { service, type: "Announced", status: "True" });
  const name = cluster.nodes.map((node) => node.name).find((each) => message.includes(each));
  return name ?? assert.fail(message);
};

/** Frames that say that their sender has the address. */
const claims = (frames: readonly Frame[], address: string): readonly Frame[] =>
  frames.filter(({ message }) => message.protocol === "arp" && message.senderAddress === address);

/** By whom an address was claimed, when first and when last. */
const spansOf = (
  frames: readonly Frame[],
  address: string,
): ReadonlyMap<string, { first: number; last: number }> => {
  const spans = new Map<string, { first: number; last: number }>();
  for (const { at, source } of claims(frames, address)) {
    const span = spans.get(source) ?? { first: at, last: at };
    spans.set(source, { first: span.first, last: at });
  }
  return spans;
};

/** How long two sides have claimed an address, in microseconds; 0 or less if one was silent before the other began. */
const together = (
  frames: readonly Frame[],
  { address, sides }: { readonly address: string; readonly sides: readonly ReadonlySet<string>[] },
): number => {
  const spans = sides.map((macs) =>
    [...spansOf(frames, address)].filter(([mac]) => macs.has(mac)).map(([, span]) => span),
  );
  if (spans.some(({ length }) => length === 0)) return 0;
  const first = Math.max(...spans.map((each) => Math.min(...each.map((span) => span.first))));
  const last = Math.min(...spans.map((each) => Math.max(...each.map((span) => span.last))));
  return last - first;
};

describe("two clusters with one pool", () => {
  it(
    "share it: whichever comes to an address second finds it in use, says of which machine, and its Service gets another one",
    inBed(async ({ first, second, capture, ask }) => {
      const [early] = rangeOf("late");
      const stop = await ask(rangeOf("late").slice(0, 3));
      const mine = await serviceOf(first, "mine", "late");
      assert.equal(await hasAddress(mine), early);
      const holder = await holderOf(first, "mine");
      const { mac } = first.cluster.node(holder);
      const theirs = await serviceOf(second, "theirs", "late");
      const other = await hasAddress(theirs, (address) => address !== "" && address !== early);
      const theirHolder = await holderOf(second, "theirs");
      assert.deepEqual(await conflictsOf(second.cluster, early ?? ""), [mac]);
      const said = await second.events("theirs");
      assert.ok(
        said.some((line) => line.startsWith("DuplicateAddress") && line.includes(mac)),
        said.join("\n"),
      );
      await pause(1_000);
      await stop();
      const frames = capture.frames();
      assert.deepEqual([...spansOf(frames, early ?? "").keys()], [mac]);
      assert.deepEqual([...spansOf(frames, other).keys()], [second.cluster.node(theirHolder).mac]);
      await Promise.all([mine.delete(), theirs.delete()]);
    }),
  );

  it(
    "find another address for one of them, or for both, where both begin with the same one in the same instant",
    inBed(async ({ first, second, capture, ask }) => {
      const stop = await ask(rangeOf("race").slice(0, 40));
      for (const round of [1, 2, 3]) {
        const began = Date.now() * 1_000;
        const halves = [first, second];
        // In the first round both controllers choose; in the others it is the speakers that begin with the same ones, within milliseconds.
        const isAimed = round > 1;
        if (isAimed) await Promise.all(halves.map(({ controller }) => controller.freeze()));
        const services = await Promise.all(
          NUMBERS.flatMap((number) =>
            halves.map(async (half) => ({
              ...{ half, address: rangeOf("race")[9 * round + number] ?? "" },
              service: await serviceOf(half, `race-${round}-${number}`, "race"),
            })),
          ),
        );
        if (isAimed) {
          await Promise.all(services.map(({ service, address }) => service.setAddresses([address])));
          await pause(200);
          await Promise.all(halves.map(({ controller }) => controller.thaw()));
          // They had not seen these, and may choose others.
          await pause(3_000);
        }
        const settled = await eventually("six addresses, each of one Service", 60_000, async () => {
          const all = await Promise.all(services.map(({ service }) => addressOf(service)));
          return !all.includes("") && new Set(all).size === services.length ? all : undefined;
        });
        for (const { half, service } of services) await holderOf(half, service.name);
        await pause(2_000);
        const kept = await Promise.all(services.map(({ service }) => addressOf(service)));
        assert.deepEqual(kept, settled);
        const frames = capture.frames().filter(({ at }) => at >= began);
        for (const address of rangeOf("race")) {
          const both = together(frames, { address, sides: [first.macs, second.macs] });
          assert.ok(both < LONGEST_DOUBT, `${address} was answered for by two for ${both} us`);
        }
        await Promise.all(services.map(({ service }) => service.delete()));
      }
      await stop();
    }),
  );

  it(
    "both go on with an address that both had used before they met, say so on both sides, and nothing moves",
    inBed(async ({ first, second, capture, plug, ask }) => {
      await plug("out");
      const [address = ""] = rangeOf("old");
      const [mine, theirs] = await Promise.all([
        serviceOf(first, "old", "old"),
        serviceOf(second, "old", "old"),
      ]);
      assert.deepEqual([await hasAddress(mine), await hasAddress(theirs)], [address, address]);
      const holders = [await holderOf(first, "old"), await holderOf(second, "old")] as const;
      const [mac, theirMac] = [first.cluster.node(holders[0]).mac, second.cluster.node(holders[1]).mac];
      await announcedBy(first.cluster, { service: "old", nodes: [holders[0]] });
      await announcedBy(second.cluster, { service: "old", nodes: [holders[1]] });
      // It is no address that is used for the first time any more.
      await pause(8_000);
      const met = Date.now() * 1_000;
      await plug("in");
      const stop = await ask([address]);
      for (const [half, other] of [
        [first, theirMac],
        [second, mac],
      ] as const) {
        const wish = {
          service: "old",
          type: "Announced",
          status: "True",
          reason: "DuplicateAddress",
        } as const;
        const { message } = await conditioned(half.cluster, wish);
        assert.ok(message.includes(other), message);
        await eventually("an event", 10_000, async () => {
          const said = await half.events("old");
          return said.some((line) => line.startsWith("DuplicateAddress") && line.includes(other))
            ? true
            : undefined;
        });
        assert.ok((await half.metric("steelyard_address_conflicts")) >= 1);
      }
      await pause(20_000);
      await stop();
      assert.deepEqual([await addressOf(mine), await addressOf(theirs)], [address, address]);
      await announcedBy(first.cluster, { service: "old", nodes: [holders[0]] });
      await announcedBy(second.cluster, { service: "old", nodes: [holders[1]] });
      const since = claims(capture.frames(), address).filter(({ at }) => at >= met);
      assert.deepEqual([...new Set(since.map(({ source }) => source))].sort(), [mac, theirMac].sort());
      const toAll = since.filter(({ destination }) => destination === "ff:ff:ff:ff:ff:ff");
      const seconds = (Date.now() * 1_000 - met) / 1_000_000;
      assert.ok(toAll.length <= 2 * seconds, `${toAll.length} announcements in ${seconds} s`);

      // Taken out of one cluster, it is the other's alone.
      await theirs.delete();
      await conditioned(first.cluster, { service: "old", type: "Reachable", status: "True" });
      await mine.delete();
    }),
  );
});
