import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { parseTableListing } from "./contents.ts";
import { runNft } from "./nft.ts";
import { explainUnavailable } from "./probe.ts";

describe("the listing of a table", () => {
  it("gives the names in it, which sets packets write to, and the number of rules", () => {
    const listing = {
      nftables: [
        { metainfo: { version: "1.0.6" } },
        { table: { family: "inet", name: "steelyard" } },
        { map: { name: "ring/web/7", type: "integer", map: "verdict" } },
        { map: { name: "flows/web", type: "integer", map: "mark", flags: ["timeout"], timeout: 900 } },
        { set: { name: "listeners4", type: "ipv4_addr" } },
        { set: { name: "connections/web", type: "ipv4_addr" } },
        { counter: { name: "limited/web/connections", packets: 1, bytes: 60 } },
        { chain: { name: "input" } },
        { rule: { chain: "input", expr: [] } },
        { rule: { chain: "input", expr: [] } },
      ],
    };
    const reading = parseTableListing(JSON.stringify(listing));
    assert.deepEqual(reading, {
      chains: new Set(["input"]),
      counters: new Set(["limited/web/connections"]),
      sets: new Map([
        ["ring/web/7", { kind: "map", dynamic: false }],
        ["flows/web", { kind: "map", dynamic: true }],
        ["listeners4", { kind: "set", dynamic: false }],
        ["connections/web", { kind: "set", dynamic: true }],
      ]),
      rules: 2,
    });
  });

  it("is refused, not thrown over, when it is something else", () => {
    for (const text of ["", "{", "null", "[]", '{"nftables":3}'])
      assert.equal(parseTableListing(text), undefined);
    fc.assert(
      fc.property(fc.json(), (json) => {
        parseTableListing(json);
        parseTableListing(`{"nftables":[${json}]}`);
      }),
    );
  });
});

describe("the nft program", () => {
  it("is told apart from one that is not there and one that fails", async () => {
    assert.deepEqual(await runNft("/bin/echo", ["hello"]), { ok: true, output: "hello\n" });
    const missing = await runNft("/nowhere/nft", []);
    assert.ok(!missing.ok && missing.code === "not-found");
    const failed = await runNft("/bin/sh", ["-c", "echo 'x:1:1: Error: bad' >&2; echo '   ^^^' >&2; exit 1"]);
    assert.deepEqual(failed, { ok: false, code: "failed", output: "x:1:1: Error: bad" });
  });
});

describe("why forwarding is not available", () => {
  const version = { ok: true, output: "nftables v1.0.6" } as const;
  const broken = { ok: false, code: "failed", output: "Error: syntax error" } as const;

  it("is the permission, the kernel, the program or a feature, in this order, each with a remedy", () => {
    const reasons = [
      explainUnavailable({ code: "EPERM" }, version, undefined),
      explainUnavailable({ code: "EINVAL" }, broken, undefined),
      explainUnavailable(3, { ok: false, code: "not-found", output: "spawn nft ENOENT" }, undefined),
      explainUnavailable(3, version, broken),
    ];
    assert.deepEqual(
      reasons.map((reason) => reason?.code),
      ["no-permission", "no-nf-tables", "no-nft", "missing-feature"],
    );
    for (const reason of reasons) assert.ok(reason !== undefined && reason.remedy.length > 20);
  });

  it("is undefined when all is well", () => {
    assert.equal(explainUnavailable(3, version, { ok: true, output: "" }), undefined);
  });
});
