import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { stripVTControlCharacters } from "node:util";
import type { Status } from "#api/status";
import { wallTime } from "#base/time";
import { edgeBgpLines, edgeBgpPage } from "./edge-bgp-status.ts";

const NOW = 1_000_000;

const BGP: NonNullable<Status["bgp"]> = {
  peers: [
    {
      ...{ name: "router", address: "10.0.0.1", link: undefined, state: "active", bfd: undefined },
      ...{ since: wallTime(NOW - 5_000), session: undefined, wanted: 2, announced: 0, pending: 0 },
      ...{ leftOut: [], failure: undefined, sent: {}, received: {}, ignoredRoutes: 0, ups: 0 },
      obstacle: "connection refused",
    },
  ],
  routes: [
    { prefix: "192.0.2.10/32", servers: ["web", "shop"], peers: ["router"], state: "announced" },
    { prefix: "192.0.2.11/32", servers: ["mail"], peers: ["router"], state: "withheld" },
    { prefix: "192.0.2.12/32", servers: ["dns"], peers: ["router"], state: "last-resort" },
  ],
  troubles: ["192.0.2.10/32 on the loopback interface: EPERM"],
};

const plain = (lines: readonly string[]): readonly string[] =>
  lines.map((line) => stripVTControlCharacters(line).trimEnd());

describe("what an edge tells routers", () => {
  it("is not shown where no router is meant", () => {
    assert.deepEqual(edgeBgpLines({ now: NOW }), []);
    assert.match(edgeBgpPage({ now: NOW }).join(), /no BGPPeer/);
  });

  it("is a line for each session and each route, with why something is not as wanted", () => {
    assert.deepEqual(plain(edgeBgpLines({ bgp: BGP, now: NOW })), [
      "PEER    ADDRESS   AS  STATE   SINCE  ROUTES  BFD  LAST FAILURE",
      "router  10.0.0.1  -   active  5s     0 of 2  -    connection refused",
      "! BGP: 192.0.2.10/32 on the loopback interface: EPERM",
      "",
      "ROUTE          SERVERS   PEERS   STATE",
      "192.0.2.10/32  web shop  router  announced",
      "192.0.2.11/32  mail      router  withheld: nobody behind it takes connections",
      "192.0.2.12/32  dns       router  last resort: every backend has failed its check here",
      "",
    ]);
  });

  it("is shown in full when it is asked for alone", () => {
    const page = plain(edgeBgpPage({ bgp: BGP, now: NOW })).join("\n");
    assert.match(page, /^3 routes, 1 BGP peer$/m);
    assert.match(page, /sent: nothing; received: nothing; up 0 times/);
    assert.match(page, /^192\.0\.2\.11\/32 .*withheld/m);
  });
});
