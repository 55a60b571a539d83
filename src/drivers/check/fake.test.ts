import assert from "node:assert/strict";
import { it } from "node:test";
import { parseAddress } from "#base/address";
import { seconds } from "#base/time";
import { checkContract } from "./contract.ts";
import { createFakeChecks, failedWith, passed } from "./fake.ts";

const address = parseAddress("192.0.2.1") ?? assert.fail();

checkContract("the fake", async () => {
  const checks = createFakeChecks();
  checks.answerWith(({ target }) =>
    target?.port === 1 ? passed() : target?.port === 2 ? failedWith("refused") : undefined,
  );
  return {
    checks,
    answering: { address, port: 1 },
    refusing: { address, port: 2 },
    silent: { address, port: 3 },
    close: async () => undefined,
  };
});

it("remembers what it was asked", async () => {
  const checks = createFakeChecks();
  const request = { probe: { type: "script", command: ["/bin/true"] }, timeout: seconds(1) } as const;
  await checks.probe(request);
  assert.deepEqual(checks.asked, [request]);
});
