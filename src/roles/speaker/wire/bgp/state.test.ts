import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { instant } from "#base/time";
import { peerWord, routeWord } from "#testing/bgp-words";
import { bgpStateStamp, bgpStateText, LONGEST_BGP_STATE, lifeIn, readBgpState } from "./state.ts";

const BOOT = "00000000-0000-4000-8000-000000000001";
const LIFE = { at: instant(1_764_511_111_000), bootId: BOOT };
const PEERS = [
  peerWord("tor"),
  peerWord("plain", {
    ...{ neighbor: { type: "interface", name: "eth1" }, peerAsn: { type: "external" }, hiddenAsn: undefined },
    ...{ password: undefined, bfd: undefined, gracefulRestart: undefined, sourceAddress: undefined },
    vrf: undefined,
  }),
];
const ROUTES = [routeWord("192.0.2.10/32", "tor"), routeWord("2001:db8::/64", "tor", "plain")];
const TEXT = bgpStateText("node-a", { peers: PEERS, routes: ROUTES }, LIFE);

const refusal = (text: string, node = "node-a"): string => {
  const reading = readBgpState(node, text);
  return reading.ok ? "" : reading.reason;
};

describe("the state of BGP on disk", () => {
  it("is read as it was written", () => {
    assert.deepEqual(readBgpState("node-a", TEXT), { ok: true, value: { peers: PEERS, routes: ROUTES } });
  });

  it("has what many routes share turned into text once", () => {
    let made = 0;
    const { targets } = routeWord("192.0.2.10/32", "tor");
    const shared = Object.assign([...targets], {
      toJSON: () => {
        made += 1;
        return targets;
      },
    });
    const routes = [1, 2, 3].map((last) => ({ ...routeWord(`192.0.2.${last}/32`), targets: shared }));
    const reading = readBgpState("node-a", bgpStateText("node-a", { peers: PEERS, routes }, LIFE));
    assert.ok(reading.ok);
    assert.deepEqual(
      reading.value.routes,
      [1, 2, 3].map((last) => routeWord(`192.0.2.${last}/32`, "tor")),
    );
    assert.equal(made, 1);
  });

  it("says when its run was alive last, which can be written over in place", () => {
    assert.deepEqual(lifeIn(TEXT), LIFE);
    const stamp = bgpStateStamp(instant(7_999));
    const later = `${stamp}${TEXT.slice(stamp.length)}`;
    assert.deepEqual([lifeIn(later)?.at, later.length], [instant(7_000), TEXT.length]);
    assert.ok(readBgpState("node-a", later).ok);
    assert.equal(lifeIn("{}"), undefined);
  });

  it("is refused when it is another node's, of another version, cut off, or too long", () => {
    assert.match(refusal(TEXT, "node-b"), /another node/);
    assert.match(refusal(TEXT.replace('"version":1', '"version":2')), /another version/);
    assert.match(refusal(TEXT.slice(0, -10)), /no JSON/);
    assert.match(refusal(" ".repeat(LONGEST_BGP_STATE + 1)), /more than/);
  });

  it("is refused when any field of a peer or a route is not as it was written", () => {
    const { peers, routes } = JSON.parse(TEXT.replace(/^\{"up":[0-9]{13},/, "{")) as {
      peers: Record<string, unknown>[];
      routes: Record<string, unknown>[];
    };
    const said = (change: { readonly peers?: unknown; readonly routes?: unknown }): string =>
      refusal(JSON.stringify({ version: 1, node: "node-a", peers, routes, ...change }));
    assert.equal(said({}), "");
    for (const key of Object.keys(peers[0] ?? {}))
      assert.match(
        said({ peers: [{ ...peers[0], [key]: { odd: true } }] }),
        /peers that cannot be read/,
        key,
      );
    for (const [key, value] of Object.entries({
      port: 0,
      localAsn: 2 ** 32,
      role: "both",
      families: ["IPv5"],
      routerId: "::1",
    }))
      assert.match(said({ peers: [{ ...peers[0], [key]: value }] }), /peers that cannot be read/, key);
    for (const prefix of [
      { address: "192.0.2.1", prefixLength: 24 },
      { address: "x", prefixLength: 1 },
      { address: "192.0.2.1", prefixLength: 33 },
    ])
      assert.match(said({ routes: [{ ...routes[0], prefix }] }), /routes that cannot be read/);
    assert.match(said({ routes: [{ ...routes[0], targets: [{ peers: ["a"], attributes: {} }] }] }), /routes/);
  });

  it("never makes reading throw, whatever is in the file", () => {
    fc.assert(fc.property(fc.string(), (text) => void readBgpState("node-a", text)));
    fc.assert(
      fc.property(fc.anything(), fc.anything(), (peer, route) => {
        const state = { version: 1, node: "node-a", peers: [peer], routes: [route] };
        let text = "";
        try {
          text = JSON.stringify(state);
        } catch {
          return;
        }
        readBgpState("node-a", text);
      }),
    );
  });
});
