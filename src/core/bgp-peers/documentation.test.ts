import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { DEFAULT_MOST_ROUTES, PEER_ANNOTATIONS } from "./extensions.ts";
import { PEER_REASONS, PEER_REMEDIES } from "./reason.ts";

const PAGE = readFileSync(new URL("../../../docs/bgp.md", import.meta.url), "utf8");

const section = (title: string): string => PAGE.split(`## ${title}\n`)[1]?.split("\n## ")[0] ?? "";

describe("docs/bgp.md", () => {
  it("lists every reason for which a peer is refused, with what to do, and no other", () => {
    const rows = [...section("Peers that are refused").matchAll(/^\| `([a-z-]+)` \| (.*) \|$/gm)];
    assert.deepEqual(
      rows.map(([, reason, remedy]) => [reason, remedy]),
      PEER_REASONS.map((reason) => [reason, PEER_REMEDIES[reason]]),
    );
  });

  it("lists every annotation, and no other", () => {
    const rows = [...section("Fields of a BGPPeer").matchAll(/^\| `(steelyard\.dev\/[a-z-]+)` \|/gm)];
    assert.deepEqual(
      rows.map(([, name]) => name),
      PEER_ANNOTATIONS,
    );
    assert.ok(PAGE.includes(`${DEFAULT_MOST_ROUTES} unless given`));
  });
});
