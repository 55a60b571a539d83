import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { createCounts } from "./counts.ts";

describe("counts for the agent", () => {
  it("are told all at once, the last of each, without what the engines no longer count", () => {
    const told: Readonly<Record<string, number>>[] = [];
    const counts = createCounts((all) => void told.push(all));
    counts.tell({ "vrrp-dropped front checksum": 1 });
    counts.tellEngines({ "nftables-packets web w1": 5, "xdp-packets web w1": 9 });
    counts.tellEngines({ "nftables-packets web w2": 1 });
    counts.tell({ "vrrp-dropped front checksum": 2 });
    assert.deepEqual(told.at(-1), { "vrrp-dropped front checksum": 2, "nftables-packets web w2": 1 });
  });
});
