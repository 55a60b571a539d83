import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { instant } from "#base/time";
import { planForwarding } from "#core/balance/plan";
import { onePort } from "#core/balance/ports";
import { address } from "#testing/values";
import { fillingOf } from "./filling.ts";
import { formatKey, TABLES } from "./ruleset.ts";
import { rulesetOf } from "./skeleton.ts";

const backends = [1, 2].map((host) => ({
  ...{ name: `w${host}`, address: address(`192.0.2.2${host}`), port: 80, weight: 1 },
}));
const servers = (["masquerade", "dsr"] as const).map((mode, index) => ({
  ...{ name: mode, address: address(`192.0.2.${100 + index}`), protocol: "tcp" as const, ports: onePort(80) },
  ...{ mode, backends, scheduler: { type: "consistent-hash", tableSize: 11 } as const },
}));

describe("a large ruleset in steps", () => {
  const ruleset = rulesetOf(
    planForwarding({
      ...{ servers, availability: () => "available", previous: undefined, now: instant(0) },
      links: { ingress: () => ["eth0"], egress: () => "eth0" },
    }),
  );
  const { frame, contents, entrances } = fillingOf(ruleset);
  const steps = [...contents];

  it("has all chains and sets first, without any element", () => {
    for (const family of TABLES) {
      assert.equal(frame[family].chains, ruleset[family].chains);
      assert.equal(frame[family].sets, ruleset[family].sets);
      assert.equal(frame[family].elementsBySet.size, 0);
    }
  });

  it("brings in every element once, and those that packets are found by last", () => {
    const spelt = (family: string, set: string, keys: readonly string[]) =>
      keys.map((key) => `${family} ${set} ${key}`);
    const all = TABLES.flatMap((family) =>
      [...ruleset[family].elementsBySet].flatMap(([set, make]) =>
        spelt(
          family,
          set,
          make().map(({ key }) => formatKey(key, false)),
        ),
      ),
    );
    const first = steps.flatMap(({ family, set, add }) =>
      spelt(
        family,
        set,
        add.map(({ key }) => formatKey(key, false)),
      ),
    );
    const last = TABLES.flatMap((family) =>
      [...entrances[family].elementsBySet].flatMap(([set, make]) =>
        spelt(
          family,
          set,
          make().map(({ key }) => formatKey(key, false)),
        ),
      ),
    );
    assert.deepEqual([...first, ...last].sort(), all.sort());
    assert.ok(first.some((text) => text.startsWith("inet ring/masquerade/11 ")));
    assert.ok(last.some((text) => text.startsWith("inet servers4 ")));
    assert.equal(
      first.some((text) => text.includes("192.0.2.10")),
      false,
    );
  });
});
