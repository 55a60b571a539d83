import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { millis } from "#base/time";
import { sessionProfile } from "./profile.ts";

describe("a BFDProfile", () => {
  it("has MetalLB's defaults", () => {
    assert.deepEqual(sessionProfile({}), {
      times: {
        desiredMinTxInterval: millis(300),
        requiredMinRxInterval: millis(300),
        detectMultiplier: 3,
        role: "active",
      },
      minimumHopLimit: 254,
      warnings: [],
    });
  });

  it("gives each of its fields to the session, and says which it does not", () => {
    const { warnings, ...profile } = sessionProfile({
      ...{ receiveInterval: 50, transmitInterval: 60, detectMultiplier: 5 },
      ...{ passiveMode: true, minimumTtl: 60, echoMode: true, echoInterval: 10 },
    });
    assert.deepEqual(profile, {
      times: {
        desiredMinTxInterval: millis(60),
        requiredMinRxInterval: millis(50),
        detectMultiplier: 5,
        role: "passive",
      },
      minimumHopLimit: 60,
    });
    assert.deepEqual(warnings.length, 1);
    assert.match(warnings.join(), /^echoMode: .* none are sent from here/);
  });
});
