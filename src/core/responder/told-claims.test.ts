import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { instant } from "#base/time";
import { macOf } from "#testing/responder";
import { address } from "#testing/values";
import type { Claim } from "./reading.ts";
import { ToldClaims } from "./told-claims.ts";

const CLAIM: Claim = { address: address("192.0.2.100"), mac: macOf(7), evidence: "use" };
const OTHER: Claim = { ...CLAIM, address: address("192.0.2.101") };

describe("a claim that was told of", () => {
  it("is no news for a tenth of a second, to the microsecond", () => {
    for (const [at, isNews] of [[99_999, false] as const, [100_000, true] as const]) {
      const told = new ToldClaims();
      assert.ok(told.note(CLAIM, instant(0)) && told.note(OTHER, instant(50_000)));
      assert.equal(told.note(CLAIM, instant(at)), isNews);
      assert.equal(told.note(OTHER, instant(149_999)), false);
    }
  });

  it("is news from somebody else, in another way, and once it was forgotten", () => {
    const told = new ToldClaims();
    for (const claim of [
      CLAIM,
      { ...CLAIM, mac: macOf(8) },
      { ...CLAIM, evidence: "answer" as const },
      CLAIM,
    ])
      assert.ok(told.note(claim, instant(0)));
    assert.ok(!told.note(CLAIM, instant(0)));
    told.forget(CLAIM.address);
    assert.ok(told.note(CLAIM, instant(0)));
  });
});
