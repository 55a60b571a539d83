/**
 * The consistent-hash ring: a Maglev table that says which backend owns each slot.
 *
 * Maglev (Eisenbud et al., NSDI 2016, §3.4): every backend walks the slots in an order of its own and takes the next
 * free one when it is its turn, as often as its weight asks. Shares are even to a slot, and a new backend takes
 * slots from all others while few slots move between those.
 *
 * The table is filled over all *configured* backends. One that cannot take flows keeps its place, and each of its
 * slots is lent to the available backend that wins that slot's rendezvous (highest random weight). So losing a
 * backend moves only its own slots, regaining it moves only those back, in whatever order things fail.
 * Nothing depends on the order of the backends in the configuration, on addresses, or on history.
 */
import { assert, at } from "#base/assert";
import { hashName, mix32 } from "./name-hash.ts";

/** A backend as the ring sees it. */
export type RingMember = {
  /** Unique in the ring; the only thing that the member's place depends on. */
  readonly name: string;
  /** 0..256; 0 takes no new flows. */
  readonly weight: number;
  /** Whether it may own slots now. */
  readonly available: boolean;
};

const OFFSET_SEED = 0x6f66_6673;
const SKIP_SEED = 0x736b_6970;
const RENDEZVOUS_SEED = 0x7265_6e64;
const TWO_POW_32 = 0x1_0000_0000;

/** Nobody owns the slot. */
const NOBODY = -1;

const byName = (left: RingMember, right: RingMember): number =>
  left.name < right.name ? -1 : left.name > right.name ? 1 : 0;

const isPrime = (value: number): boolean => {
  if (value < 2) return false;
  for (let divisor = 2; divisor * divisor <= value; divisor += 1) if (value % divisor === 0) return false;
  return true;
};

/**
 * The weight a member is placed with. One that is being drained (weight 0) keeps the place of the lightest member,
 * so that with equal weights draining it moves its own slots only.
 */
const placedWeight = (member: RingMember, lightest: number): number =>
  member.weight > 0 ? member.weight : lightest;

/** Whose slot each is (an index into `members`) when all are available: the Maglev table itself. */
const populate = (members: readonly RingMember[], size: number): Int32Array => {
  const positive = members.map((member) => member.weight).filter((weight) => weight > 0);
  const lightest = positive.length === 0 ? 1 : Math.min(...positive);
  const heaviest = positive.length === 0 ? 1 : Math.max(...positive);
  const walks = members.map((member) => ({
    position: hashName(member.name, OFFSET_SEED) % size,
    skip: (hashName(member.name, SKIP_SEED) % (size - 1)) + 1,
    weight: placedWeight(member, lightest),
    credit: 0,
  }));
  const owners = new Int32Array(size).fill(NOBODY);
  for (let filled = 0; ; ) {
    for (const [index, walk] of walks.entries()) {
      walk.credit += walk.weight;
      if (walk.credit < heaviest) continue;
      walk.credit -= heaviest;
      while (owners[walk.position] !== NOBODY) walk.position = (walk.position + walk.skip) % size;
      owners[walk.position] = index;
      filled += 1;
      if (filled === size) return owners;
    }
  }
};

/**
 * A member's bid for a slot, of which the highest wins: weight / -ln(u), u uniform in (0, 1) from the hash of both,
 * so that members win in proportion to their weights. `Math.log` is the same fdlibm routine on every CPU in V8.
 */
const bid = (member: RingMember, nameBits: number, slot: number): number =>
  member.weight / -Math.log((mix32(nameBits ^ mix32(slot)) + 0.5) / TWO_POW_32);

/** The table of slots: entry i names the owner of slot i; `undefined` when nobody is available. */
export type Ring = readonly (string | undefined)[];

/** Builds the ring. `size` is a prime above the number of members; 1021 keeps shares within 1 % for 10 members. */
export const buildRing = (members: readonly RingMember[], size: number): Ring => {
  assert(isPrime(size), "the size of a ring is a prime number", { size });
  if (members.length === 0) return new Array<undefined>(size).fill(undefined);
  const sorted = [...members].sort(byName);
  const takers = sorted
    .filter((member) => member.available && member.weight > 0)
    .map((member) => ({ member, nameBits: hashName(member.name, RENDEZVOUS_SEED) }));
  return Array.from(populate(sorted, size), (index, slot) => {
    const owner = at(sorted, index);
    if (owner.available && owner.weight > 0) return owner.name;
    let winner: string | undefined;
    let highest = -1;
    for (const { member, nameBits } of takers) {
      const offer = bid(member, nameBits, slot);
      if (offer > highest) [winner, highest] = [member.name, offer];
    }
    return winner;
  });
};
