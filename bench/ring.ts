/**
 * What each way to spread connections over backends costs when one fails and when one is added: what decision 5 rests
 * on. Pure counting: no network, the same figures on every machine.
 */
import { hashName, mix32 } from "#core/balance/name-hash";
import { buildRing } from "#core/balance/ring";
import { figure, type Result } from "./report.ts";

const SLOTS = 1021;
const BACKENDS = 10;
/** Points of each backend on the circle. */
const POINTS = 100;
const POINT_SEED = 1;
const BID_SEED = 2;

type Owners = readonly (string | undefined)[];

/** Who owns each slot, given all configured backends and the one that is out. */
type Way = {
  readonly name: string;
  readonly owners: (configured: readonly string[], out?: string) => Owners;
};

const slots = (ownerOf: (slot: number) => string | undefined): Owners =>
  Array.from({ length: SLOTS }, (_, slot) => ownerOf(slot));

const without = (configured: readonly string[], out: string | undefined): readonly string[] =>
  configured.filter((name) => name !== out);

const circle = (names: readonly string[]): Owners => {
  const points = names
    .flatMap((name) =>
      Array.from({ length: POINTS }, (_, point) => ({ name, at: hashName(`${name} ${point}`, POINT_SEED) })),
    )
    .sort((left, right) => left.at - right.at);
  return slots((slot) => (points.find(({ at }) => at >= mix32(slot)) ?? points[0])?.name);
};

const highestBid = (names: readonly string[]): Owners => {
  const bidders = names.map((name) => ({ name, bits: hashName(name, BID_SEED) }));
  return slots((slot) => {
    const bids = bidders.map(({ name, bits }) => ({ name, bid: mix32(bits ^ mix32(slot)) }));
    return bids.reduce((best, each) => (each.bid > best.bid ? each : best), bids[0] ?? { name: "", bid: 0 })
      .name;
  });
};

const ring = (names: readonly string[], out?: string): Owners =>
  buildRing(
    names.map((name) => ({ name, weight: 1, available: name !== out })),
    SLOTS,
  );

const WAYS: readonly Way[] = [
  {
    name: "hash modulo N",
    owners: (all, out) => {
      const names = without(all, out);
      return slots((slot) => names[mix32(slot) % names.length]);
    },
  },
  { name: `${POINTS} points each on a circle`, owners: (all, out) => circle(without(all, out)) },
  { name: "Maglev over the healthy", owners: (all, out) => ring(without(all, out)) },
  { name: "rendezvous for every slot", owners: (all, out) => highestBid(without(all, out)) },
  { name: "**Maglev over the configured, rendezvous for those that are out**", owners: ring },
];

type Count = {
  readonly name: string;
  /** Slots that changed owner although their owner was well, when one failed: the worst of all backends. */
  readonly disturbed: number;
  /** Slots that changed owner when one was added, and among them those that it did not get. */
  readonly moved: number;
  readonly movedAmongOthers: number;
  /** The smallest and the largest number of slots of one backend. */
  readonly least: number;
  readonly most: number;
};

const count = ({ name, owners }: Way): Count => {
  const names = Array.from({ length: BACKENDS }, (_, index) => `worker-${index + 1}`);
  const before = owners(names);
  const disturbed = names.map((out) => {
    const after = owners(names, out);
    return before.filter((owner, slot) => owner !== out && after[slot] !== owner).length;
  });
  const added = "worker-new";
  const after = owners([...names, added]);
  const moved = after.filter((owner, slot) => owner !== before[slot]);
  const shares = names.map((each) => before.filter((owner) => owner === each).length);
  return {
    name,
    disturbed: Math.max(...disturbed),
    moved: moved.length,
    movedAmongOthers: moved.filter((owner) => owner !== added).length,
    least: Math.min(...shares),
    most: Math.max(...shares),
  };
};

const percent = (part: number): string => `${figure((100 * part) / SLOTS)} %`;

/** Counts every way, and holds ours to what it promises: a failure moves the failed one's slots only. */
export const reportRing = (): Result => {
  const counts = WAYS.map(count);
  const ours = counts.at(-1);
  return {
    bench: "ring",
    tables: [
      {
        title: `**${BACKENDS} backends, ${SLOTS} slots**`,
        header: [
          "way",
          "one fails: slots of others that move",
          "one is added: slots that move",
          "of these, between others",
          "fewest and most slots of a backend",
        ],
        rows: counts.map(({ name, disturbed, moved, movedAmongOthers, least, most }) => [
          name,
          percent(disturbed),
          percent(moved),
          percent(movedAmongOthers),
          `${least}, ${most}`,
        ]),
        notes: [`A new backend's fair share is ${percent(SLOTS / (BACKENDS + 1))}.`],
      },
    ],
    bars: [
      {
        what: "one fails: slots of others that move",
        limit: "0",
        measured: `${ours?.disturbed}`,
        met: ours?.disturbed === 0,
      },
    ],
    measurements: counts,
  };
};
