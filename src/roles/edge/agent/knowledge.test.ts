import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { seconds, wallTime } from "#base/time";
import type { VirtualServer } from "#core/balance/model";
import { onePort } from "#core/balance/ports";
import { type Desired, NOTHING_DESIRED } from "#core/config/desired";
import type { HealthCheckConfig } from "#core/health/config";
import type { Event } from "#core/observation/event";
import { EXAMPLES } from "#core/observation/examples";
import { emptyView, project } from "#core/observation/view";
import type { BgpPeerFacts } from "#core/speaker/bgp-facts";
import { peerWord, routeWord } from "#testing/bgp-words";
import { address, virtualAddress, virtualRouter } from "#testing/values";
import { metricFamilies, metricsText } from "./metrics.ts";
import { type Knowledge, statusOf } from "./status.ts";

const HEALTH: HealthCheckConfig = {
  probe: { type: "tcp" },
  ...{ interval: seconds(2), timeout: seconds(3), retries: 2, retryDelay: seconds(2), rise: 1, fall: 1 },
};

const DESIRED: Desired = {
  ...{ syncs: [], peers: [], routes: [] },
  routers: [
    virtualRouter({
      ...{ name: "front", priority: 100 },
      addresses: [virtualAddress("192.0.2.100/24"), virtualAddress("192.0.2.101/24")],
    }),
  ],
  checks: [{ name: "app", health: HEALTH }],
  servers: [
    {
      ...{ name: "web", address: address("192.0.2.100"), protocol: "tcp", ports: onePort(80), mode: "dsr" },
      scheduler: { type: "consistent-hash", tableSize: 4_093 },
      backends: [
        { name: "node1", address: address("192.0.2.11"), port: 80, weight: 1 },
        { name: "node2", address: address("192.0.2.12"), port: 80, weight: 1 },
      ],
      health: HEALTH,
    },
    {
      ...{
        name: "raw",
        address: address("192.0.2.101"),
        protocol: "udp",
        ports: onePort(53),
        mode: "masquerade",
      },
      ...{ scheduler: { type: "round-robin" }, backends: [] },
    },
  ],
};

const PEER: BgpPeerFacts = {
  ...{ name: "tor-1", address: "192.0.2.1", link: undefined, state: "established", since: wallTime(7_000) },
  session: undefined,
  ...{ wanted: 2, announced: 1, pending: 1, bfd: "up", failure: undefined, ignoredRoutes: 0, ups: 1 },
  leftOut: [{ reason: "over-limit", family: "IPv4", count: 1 }],
  ...{ sent: { open: 1 }, received: { open: 1 } },
};

const known = (desired: Desired, ...events: readonly Event[]): Knowledge => {
  const view = emptyView();
  for (const [index, event] of events.entries()) {
    project(view, { sequence: index + 1, at: wallTime(1_000 * (index + 1)), event });
  }
  return {
    ...{ program: "edge", view, desired },
    wire: { pid: 1, startedAt: wallTime(500), version: "test" },
    agent: { pid: 2, startedAt: 600 },
    bgp: [PEER],
    counts: {
      "kept-out web connections": 3,
      "nftables-connections shop": 9,
      "nftables-packets web a": 6,
      "nftables-bytes web a": 600,
      "xdp-packets web a": 7,
      "xdp-bytes web a": 700,
      "xdp-passed fragment": 2,
      "vrrp-dropped front checksum": 4,
      "vrrp-unsent front ENETDOWN": 1,
      "announcement-unsent front ENETDOWN": 2,
      "vrrp-socket front ENETDOWN": 3,
      "neighbour-socket front ENETDOWN": 5,
    },
  };
};

/** The new configuration first: it removes what others are about. */
const EVERYTHING = known(
  {
    ...DESIRED,
    peers: [peerWord("tor-1", { password: "correct-horse" })],
    routes: [
      { name: "192.0.2.100/32", servers: ["web"], route: routeWord("192.0.2.100/32", "tor-1") },
      { name: "192.0.2.10/32", servers: ["web"], route: routeWord("192.0.2.10/32", "tor-1") },
    ],
  },
  EXAMPLES["config-applied"],
  ...Object.values(EXAMPLES).filter(({ type }) => type !== "config-applied"),
);

describe("status", () => {
  it("shows what is wanted before anything is known", () => {
    const { routers, servers, checks, config, forwarding } = statusOf(known(DESIRED), 9_000);
    assert.deepEqual(
      routers.map(({ name, state, reason, effectivePriority, since }) => [
        name,
        state,
        reason,
        effectivePriority,
        since,
      ]),
      [["front", "initialize", "not-started", 100, 0]],
    );
    assert.deepEqual(routers[0]?.addresses, [
      { address: "192.0.2.100/24", held: false },
      { address: "192.0.2.101/24", held: false },
    ]);
    assert.deepEqual(
      servers.map(({ name, scheduler, worstCaseRemoval }) => [name, scheduler, worstCaseRemoval]),
      [
        ["web", "consistent-hash (4093 slots)", seconds(13)],
        ["raw", "round-robin", undefined],
      ],
    );
    assert.deepEqual(
      servers[0]?.backends.map(({ health }) => health),
      ["unknown", "unknown"],
    );
    assert.deepEqual(checks, [
      { name: "app", health: "unknown", since: 0, asks: "tcp", worstCase: 15_000_000 },
    ]);
    assert.deepEqual([config.generation, forwarding.state], [0, "idle"]);
  });

  it("says where new connections go once no backend can take them", () => {
    const whenNone = (
      spec: Partial<VirtualServer>,
      verdicts: Readonly<Record<string, "healthy" | "failed">>,
    ) => {
      const [web] = DESIRED.servers;
      assert.ok(web !== undefined);
      const events = Object.entries(verdicts).map(
        ([backend, to]): Event => ({
          ...{ type: "backend-health", server: "web", backend, from: "unknown", to, reason: "first-failure" },
        }),
      );
      return statusOf(known({ ...DESIRED, servers: [{ ...web, ...spec }] }, ...events), 9_000).servers[0]
        ?.whenNone;
    };
    const dead = { node1: "failed", node2: "failed" } as const;
    const sorryServer = { address: address("192.0.2.99") };
    assert.equal(whenNone({}, { node1: "failed" }), undefined);
    assert.equal(whenNone({}, { node1: "failed", node2: "healthy" }), undefined);
    assert.equal(whenNone({}, dead), "failed-backends");
    assert.equal(whenNone({ whenAllFail: "reject" }, dead), "refused");
    assert.equal(whenNone({ sorryServer }, dead), "sorry-server");
    assert.equal(whenNone({ backends: [] }, {}), "refused");
    const resting = DESIRED.servers[0]?.backends.map((each) =>
      each.name === "node2" ? { ...each, weight: 0 } : each,
    );
    assert.equal(whenNone({ backends: resting ?? [] }, { ...dead, node2: "healthy" }), "refused");
  });

  it("says who drains, until when, and how many flows are left", () => {
    const { view, ...rest } = known(DESIRED, EXAMPLES["backend-drain"]);
    const counts = { "open-flows web/node1": 12, "open-flows web/node2": 3 };
    const [server] = statusOf({ ...rest, view, counts }, 9_000).servers;
    const [drain, ...others] = server?.drains ?? [];
    assert.deepEqual([drain?.backend, drain?.state, drain?.openFlows, others], ["node1", "draining", 12, []]);
    assert.equal(drain?.until, Date.UTC(2026, 0, 2, 3, 4, 5));
  });

  it("shows what is true, since when and why", () => {
    const held: Event = { ...EXAMPLES.address, change: "added" };
    const status = statusOf(
      known(DESIRED, EXAMPLES["router-state"], EXAMPLES["router-priority"], held),
      9_000,
    );
    const [router] = status.routers;
    assert.deepEqual(
      [
        router?.state,
        router?.since,
        router?.reason,
        router?.peer,
        router?.effectivePriority,
        router?.takeovers,
      ],
      ["active", 1_000, "active-down-timer", "192.0.2.2", 80, 1],
    );
    assert.deepEqual(router?.failed, ["check app failed"]);
    assert.deepEqual(
      router?.addresses.map((one) => one.held),
      [true, false],
    );
    const failed = statusOf(known(DESIRED, EXAMPLES["backend-health"], EXAMPLES["check-health"]), 9_000);
    const [node1] = failed.servers[0]?.backends ?? [];
    assert.deepEqual(
      [node1?.health, node1?.since, node1?.reason],
      ["failed", 1_000, "refused: connection refused"],
    );
    assert.equal(failed.checks[0]?.reason, "exit-status: status 1");
    const mute = { type: "check-health", check: "app", from: "unknown", to: "healthy" } as const;
    const noted = statusOf(
      known(DESIRED, { ...mute, detail: "status 401: it tells nobody how it is" }),
      9_000,
    );
    assert.equal(noted.checks[0]?.reason, "status 401: it tells nobody how it is");
  });

  it("shows nothing that is not configured, whatever was heard of it", () => {
    const { routers, servers, checks } = statusOf(known(NOTHING_DESIRED, ...Object.values(EXAMPLES)), 9_000);
    assert.deepEqual([routers, servers, checks], [[], [], []]);
  });

  it("calls backends without a check unchecked", () => {
    const [web] = DESIRED.servers;
    assert.ok(web !== undefined);
    const { health: _health, ...unchecked } = web;
    const { servers } = statusOf(known({ ...DESIRED, servers: [unchecked] }), 9_000);
    assert.equal(servers[0]?.backends[0]?.health, "unchecked");
  });
});

describe("status of BGP", () => {
  it("is not there where no router is meant", () => {
    assert.equal(statusOf(known(DESIRED), 9_000).bgp, undefined);
  });

  it("shows each session, each route and whether it is announced, and what fails", () => {
    const { bgp } = statusOf(EVERYTHING, 9_000);
    assert.deepEqual(
      bgp?.peers.map(({ name, state, announced, limit }) => ({ name, state, announced, limit })),
      [{ name: "tor-1", state: "established", announced: 1, limit: 100 }],
    );
    assert.deepEqual(bgp?.routes, [
      { prefix: "192.0.2.100/32", servers: ["web"], peers: ["tor-1"], state: "announced" },
      { prefix: "192.0.2.10/32", servers: ["web"], peers: ["tor-1"], state: "withheld" },
    ]);
    assert.deepEqual(bgp?.troubles, ["listening on port 179 for IPv4: EADDRINUSE"]);
  });

  it("says no password anywhere", () => {
    const said = `${JSON.stringify(statusOf(EVERYTHING, 9_000))}${metricsText(EVERYTHING)}`;
    assert.ok(!said.includes("correct-horse"));
  });
});

describe("docs/reference/metrics.md", () => {
  const page = readFileSync(new URL("../../../../docs/reference/metrics.md", import.meta.url), "utf8");
  const rows = page
    .split("\n")
    .filter((line) => line.startsWith("| `steelyard_") && line.split("|").length === 6)
    .map((line) => line.split("|").map((cell) => cell.trim().replaceAll("`", "")))
    .map(([, name = "", type = "", labels = "", help = ""]) => ({ name, type, labels, help }));
  const families = metricFamilies(EVERYTHING);

  it("lists every family with its type and meaning, and no other", () => {
    const sorted = <Row extends { readonly name: string }>(list: readonly Row[]): readonly Row[] =>
      list.toSorted((left, right) => (left.name < right.name ? -1 : 1));
    assert.deepEqual(
      sorted(rows.map(({ name, type, help }) => ({ name, type, help }))),
      sorted(families.map(({ name, type, help }) => ({ name, type, help }))),
    );
  });

  it("lists the labels of every sample", () => {
    for (const family of families) {
      assert.ok(family.type !== "histogram" && family.samples.length > 0, `${family.name} has a sample here`);
      const documented = rows.find(({ name }) => name === family.name)?.labels ?? assert.fail(family.name);
      for (const { labels } of family.samples)
        assert.equal(Object.keys(labels).join(", "), documented, family.name);
    }
  });

  it("names nothing in its expressions that does not exist", () => {
    const names = new Set(families.map(({ name }) => name));
    for (const [name] of page.matchAll(/steelyard_[a-z_]+/g)) assert.ok(names.has(name), name);
  });
});

describe("metrics", () => {
  const lines = (knowledge: Knowledge): readonly string[] => metricsText(knowledge).split("\n");

  it("say the state of every router as one of four", () => {
    const found = lines(known(DESIRED, EXAMPLES["router-state"])).filter((line) =>
      line.startsWith("steelyard_router_state{"),
    );
    assert.deepEqual(found, [
      'steelyard_router_state{router="front",state="active"} 1',
      'steelyard_router_state{router="front",state="backup"} 0',
      'steelyard_router_state{router="front",state="fault"} 0',
      'steelyard_router_state{router="front",state="initialize"} 0',
    ]);
  });

  it("count transitions by reason and what the fast thread counted", () => {
    const text = metricsText(known(DESIRED, EXAMPLES["router-state"], EXAMPLES["router-state"]));
    assert.match(
      text,
      /^steelyard_router_transitions_total\{reason="active-down-timer",router="front",to="active"\} 2$/m,
    );
    assert.match(text, /^steelyard_vrrp_dropped_total\{reason="checksum",router="front"\} 4$/m);
    assert.match(
      text,
      /^steelyard_socket_errors_total\{errno="ENETDOWN",router="front",socket="neighbour"\} 5$/m,
    );
  });

  it("say 0 for the priority of a router at fault, and for backends that are not healthy", () => {
    const fault: Event = { ...EXAMPLES["router-priority"], priority: "fault" };
    const text = metricsText(known(DESIRED, fault, EXAMPLES["backend-health"]));
    assert.match(text, /^steelyard_router_priority\{router="front"\} 0$/m);
    assert.match(text, /^steelyard_backend_available\{backend="node1",server="web"\} 0$/m);
  });

  it("are made for every backend of 500 servers", () => {
    const [web] = DESIRED.servers;
    assert.ok(web !== undefined);
    const servers = Array.from({ length: 500 }, (_, index) => ({ ...web, name: `web${index}` }));
    const text = metricsText(known({ ...DESIRED, servers }));
    assert.equal(text.match(/^steelyard_backend_available/gm)?.length, 1_000);
  });
});
