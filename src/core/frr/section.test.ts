import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { describe, it } from "node:test";
import { planLines } from "./plan.ts";
import { REFUSAL_TEXTS } from "./refusal.ts";
import { NOTHING_RUNNING, parseRunning } from "./running.ts";
import { sectionOf } from "./section.ts";
import { address, BFD, EVERYTHING, PLAIN, peerWord, routerId, routeWord } from "./test-words.ts";
import type { Tree } from "./tree.ts";

/** Compares with testdata/NAME; UPDATE_GOLDEN=1 writes it instead, and the diff is the review. */
const golden = (name: string, lines: readonly string[]): void => {
  const file = new URL(`./testdata/${name}`, import.meta.url);
  const text = `${lines.join("\n")}\n`;
  if (process.env.UPDATE_GOLDEN === "1") writeFileSync(file, text);
  assert.equal(text, readFileSync(file, "utf8"), `${name}: run with UPDATE_GOLDEN=1 to accept`);
};

const allLines = (tree: Tree): readonly string[] =>
  [...tree].flatMap(([line, children]) => [line, ...allLines(children)]);

describe("our part of FRR's configuration", () => {
  it("is the text that was reviewed, in the order in which it is entered", () => {
    golden("everything.txt", planLines(sectionOf(EVERYTHING, NOTHING_RUNNING).wanted, new Map()));
  });

  it("is what FRR printed when it had been entered", () => {
    const printed = readFileSync(new URL("testdata/running.txt", import.meta.url), "utf8");
    const { wanted } = sectionOf(EVERYTHING, NOTHING_RUNNING);
    assert.deepEqual(planLines(wanted, parseRunning(printed).own), []);
  });

  it("is empty when nothing is wanted", () => {
    assert.equal(sectionOf({ peers: [], routes: [] }, NOTHING_RUNNING).wanted.size, 0);
  });

  it("has a line more for a route more, and no other", () => {
    const peers = [peerWord("tor")];
    const one = sectionOf({ peers, routes: [routeWord("192.0.2.1/32", ["tor"])] }, NOTHING_RUNNING);
    const routes = [routeWord("192.0.2.1/32", ["tor"]), routeWord("192.0.2.2/32", ["tor"])];
    const two = sectionOf({ peers, routes }, NOTHING_RUNNING);
    const lines = planLines(two.wanted, one.wanted).map((line) => line.trim());
    assert.equal(lines.length, 5);
    assert.match(lines[2] ?? "", /^network 192\.0\.2\.2\/32 route-map steelyard-node:class:/);
  });

  it("tells each peer its own attributes of one route", () => {
    const peers = [peerWord("a"), peerWord("b", { at: "10.0.0.2", peerAsn: { type: "internal" } })];
    const target = (name: string, localPref: number) => ({
      peers: [name],
      attributes: { ...PLAIN, localPref, communities: [localPref] },
    });
    const { prefix } = routeWord("192.0.2.1/32", []);
    const routes = [{ prefix, targets: [target("a", 7), target("b", 8)] }];
    const { wanted } = sectionOf({ peers, routes }, NOTHING_RUNNING);
    const entry = (name: string): readonly string[] =>
      [...wanted]
        .filter(([line]) => line.startsWith(`route-map steelyard-node:${name}-out permit `))
        .flatMap(([, children]) => [...children.keys()].slice(1));
    // LOCAL_PREF goes to peers in our own autonomous system only (RFC 4271 §5.1.5).
    assert.deepEqual(entry("a"), ["set community 0:7"]);
    assert.deepEqual(entry("b"), ["set community 0:8", "set local-preference 8"]);
  });

  it("tells a peer no more routes than it may be told, the lowest first, and counts the others", () => {
    const peers = [peerWord("tor", { mostRoutes: 2 }), peerWord("b", { at: "10.0.0.2" })];
    const routes = ["192.0.2.3/32", "192.0.2.1/32", "192.0.2.2/32"].map((prefix) =>
      routeWord(prefix, ["tor", "b"]),
    );
    const { wanted, counts } = sectionOf({ peers, routes }, NOTHING_RUNNING);
    assert.deepEqual(Object.fromEntries(counts), {
      tor: { told: 2, overLimit: { IPv4: 1, IPv6: 0 } },
      b: { told: 3, overLimit: { IPv4: 0, IPv6: 0 } },
    });
    const networks = allLines(wanted).filter((line) => line.startsWith("network "));
    assert.equal(networks.length, 3);
    assert.equal(new Set(networks.map((line) => line.split(" ").at(-1))).size, 2);
  });

  it("refuses what FRR cannot do in a view, each peer with its reason, and keeps the others", () => {
    const neighbours = new Set(["10.0.0.9"]);
    const { refused, peers } = sectionOf(
      {
        peers: [
          peerWord("good"),
          peerWord("link", { neighbor: { type: "interface", name: "eth1" } }),
          peerWord("vrf", { at: "10.0.0.2", vrf: "red" }),
          peerWord("password", { at: "10.0.0.3", password: "a b" }),
          peerWord("newline", { at: "10.0.0.3", password: "a\nno router bgp 1" }),
          peerWord("taken", { at: "10.0.0.9" }),
          peerWord("twice"),
          peerWord("id", { at: "10.0.0.4", routerId: routerId("10.0.0.12") }),
        ],
        routes: [],
      },
      { neighbours, bfd: "runs" },
    );
    assert.deepEqual(
      refused.map(({ peer, reason }) => `${peer}: ${reason}`),
      [
        "link: interface",
        "vrf: vrf",
        "password: password",
        "newline: password",
        "taken: neighbour-taken",
        "twice: neighbour-twice",
        "id: router-id",
      ],
    );
    assert.deepEqual(
      peers.map(({ name }) => name),
      ["good"],
    );
    for (const text of Object.values(REFUSAL_TEXTS)) assert.doesNotMatch(text, /\.$/);
  });

  it("keeps sessions without BFD where bfdd does not run, and says so", () => {
    const peers = [peerWord("tor", { bfd: BFD }), peerWord("plain", { at: "10.0.0.2" })];
    const { wanted, refused } = sectionOf({ peers, routes: [] }, { neighbours: new Set(), bfd: "missing" });
    assert.deepEqual(refused, [{ peer: "tor", reason: "no-bfdd" }]);
    const lines = allLines(wanted);
    assert.ok(lines.includes("neighbor 10.0.0.1 remote-as 64501"));
    assert.ok(!lines.some((line) => line.includes("bfd") || line.startsWith("profile ")));
  });

  it("gives peers with long or odd names words of their own", () => {
    const odd = ["a".repeat(200), `${"a".repeat(199)}b`, "x y", "x-y"];
    const { wanted } = sectionOf(
      { peers: odd.map((name, index) => peerWord(name, { at: `10.0.0.${index + 1}` })), routes: [] },
      NOTHING_RUNNING,
    );
    const maps = [...wanted.keys()].filter((line) => line.includes("-out deny"));
    assert.equal(new Set(maps).size, 4);
    for (const line of allLines(wanted)) {
      assert.match(line, /^[\x21-\x7e ]+$/);
      for (const word of line.split(" ")) assert.ok(word.length < 64, line);
    }
  });

  it("says nothing of a family that a peer does not carry", () => {
    const peers = [peerWord("tor", { families: ["IPv6"] })];
    const routes = [routeWord("192.0.2.1/32", ["tor"]), routeWord("2001:db8::1/128", ["tor", "unknown"])];
    const lines = allLines(sectionOf({ peers, routes }, NOTHING_RUNNING).wanted);
    assert.deepEqual(
      lines.filter((line) => line.startsWith("network ")).map((line) => line.split(" ")[1]),
      ["2001:db8::1/128"],
    );
    assert.ok(!lines.includes("address-family ipv4 unicast"));
    assert.ok(address("10.0.0.1"));
  });
});
