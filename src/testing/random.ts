/** Random numbers from a seed: the same seed gives the same sequence on every machine. */

/** Gives a number in [0, 1) at every call. */
export type Random = () => number;

/** A generator of 32-bit quality (mulberry32): enough to shuffle faults, useless for secrets. */
export const seededRandom = (seed: number): Random => {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 0x1_0000_0000;
  };
};

/** A whole number in `from`..`to`, both included. */
export const integerBetween = (random: Random, from: number, to: number): number =>
  from + Math.floor(random() * (to - from + 1));

/** One of `choices`. */
export const pick = <T>(random: Random, choices: readonly [T, ...T[]]): T =>
  choices[integerBetween(random, 0, choices.length - 1)] ?? choices[0];
