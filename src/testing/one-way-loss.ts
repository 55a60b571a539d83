/** A cable of which one direction loses some of what it carries, in a world of simulated speakers. */
import assert from "node:assert/strict";
import { millis, seconds } from "#base/time";
import { pick } from "./random.ts";
import { atMost, type Fault, measure, mend, passAMoment, someHolder } from "./speaker-history.ts";

/** Shares that are lost. At the first no session goes down in such a time; at the last nearly all of them do. */
const SHARES = [0.02, 0.1, 0.3] as const;

/**
 * What a holder sends, or what it hears, is lost in part for a while: each address is answered for all the time, by two for no longer than
 * they need to notice it, and by one in the end.
 */
export const losesOneWay: Fault = (world) => {
  const holder = someHolder(world);
  const share = pick(world.random, SHARES);
  const direction = pick(world.random, ["sending", "receiving"] as const);
  passAMoment(world);
  world.watch();
  world.say(`leak ${holder.name} ${direction} ${share}`);
  world.leak(holder.name, direction, share);
  world.run(seconds(10));
  world.heal();
  for (const { address: each } of world.placements) {
    const { none, several } = world.account(each);
    measure(`nobody while ${share} is lost in ${direction}`, none);
    measure(`several while ${share} is lost in ${direction}`, several);
    assert.equal(none, 0, "somebody answers while one direction loses");
    atMost(several, millis(150), "several answer while one direction loses");
  }
  mend(world);
};
