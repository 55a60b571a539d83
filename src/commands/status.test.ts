import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { stripVTControlCharacters } from "node:util";
import type { Status } from "#api/status";
import { seconds } from "#base/time";
import { statusLines } from "./status.ts";

const NOW = 1_000_000;

const STATUS: Status = {
  ...{ role: "edge", version: "1.2.3", now: NOW },
  wire: { pid: 1, startedAt: NOW - 90_000 },
  agent: { pid: 2, startedAt: NOW - 90_000 },
  config: { generation: 3, since: NOW },
  forwarding: { state: "applied", since: NOW },
  routers: [
    {
      ...{ name: "front", interface: "eth0", vrid: 51, version: 3, family: "IPv4", state: "active" },
      ...{
        since: NOW - 61_000,
        reason: "active-down-timer",
        priority: 150,
        effectivePriority: 150,
        failed: [],
      },
      ...{ advertisementInterval: seconds(1), conflicts: [], takeovers: 1 },
      addresses: [
        { address: "192.0.2.100/24", held: true },
        { address: "192.0.2.101/24", held: false },
      ],
    },
  ],
  servers: [
    {
      ...{ name: "web", address: "192.0.2.100", protocol: "tcp", ports: "80", mode: "dsr" },
      ...{ scheduler: "consistent-hash (4093 slots)", worstCaseRemoval: seconds(13) },
      ...{ engine: "nftables", engineReason: "xdp: it carries dsr only" },
      drains: [
        { backend: "node2", state: "draining", since: NOW, until: NOW + 30_000, openFlows: 12 },
        { backend: "old", state: "drained", since: NOW },
        { backend: "older", state: "draining", since: NOW },
      ],
      backends: [
        { name: "node1", address: "192.0.2.11", port: 80, weight: 1, health: "healthy", since: NOW - 5_000 },
        {
          ...{
            name: "node2",
            address: "192.0.2.12",
            port: 80,
            weight: 0,
            health: "failed",
            since: NOW - 2_000,
          },
          reason: "refused: connection refused",
        },
      ],
    },
  ],
  checks: [{ name: "app", health: "unknown", since: 0, asks: "tcp 127.0.0.1:80", worstCase: 4_400_000 }],
};

const plain = (status: Status): readonly string[] =>
  statusLines(status).map((line) => stripVTControlCharacters(line));

describe("steelyard status", () => {
  it("shows routers, servers and checks as tables", () => {
    assert.deepEqual(plain(STATUS), [
      "steelyard 1.2.3 edge, running for 1m30s, configuration 3, forwarding applied",
      "",
      "ROUTER  STATE   PRIORITY  WHERE            SINCE  BECAUSE            ADDRESSES (* held)",
      "front   active  150       eth0 vrid 51 v3  1m1s   active-down-timer  *192.0.2.100/24 192.0.2.101/24",
      "",
      "web  tcp://192.0.2.100:80  dsr, consistent-hash (4093 slots), nftables; a dead backend is out after 13s at worst",
      "! web: xdp: it carries dsr only",
      "! node2: draining, 30s left, 12 open flows",
      "! old: drained",
      "! older: draining until its flows end",
      "  BACKEND  ADDRESS        WEIGHT  HEALTH   SINCE  REASON",
      "  node1    192.0.2.11:80  1       healthy  5s",
      "  node2    192.0.2.12:80  0       failed   2s     refused: connection refused",
      "",
      "CHECK  HEALTH   SINCE  ASKS              NOTICED WITHIN  REASON",
      "app    unknown  -      tcp 127.0.0.1:80  4.4s",
    ]);
  });

  it("says where new connections go while no backend can take them", () => {
    const [server] = STATUS.servers;
    assert.ok(server !== undefined);
    const remark = (more: Partial<typeof server>) =>
      plain({ ...STATUS, servers: [{ ...server, ...more }] })[7];
    assert.equal(
      remark({ whenNone: "failed-backends" }),
      "! every backend has failed: new connections go to all of them as if they were healthy",
    );
    assert.equal(remark({ whenNone: "refused" }), "! no backend takes connections: new ones are refused");
    assert.equal(
      remark({ whenNone: "sorry-server", sorryServer: { address: "2001:db8::1", port: 80 } }),
      "! no backend takes connections: new ones go to the sorry server, [2001:db8::1]:80",
    );
  });

  it("says below the routers what is wrong with them", () => {
    const [router] = STATUS.routers;
    assert.ok(router !== undefined);
    const lines = plain({
      ...STATUS,
      config: { ...STATUS.config, refused: ["edge.yaml:1:1 is empty."] },
      forwarding: { state: "failed", since: NOW, detail: "nft refused the ruleset" },
      routers: [
        {
          ...{ ...router, state: "fault", effectivePriority: "fault", since: 0, peer: "192.0.2.2" },
          waiting: "eth0 has no IPv4 address to speak from",
          ...{ failed: ["check app failed"], conflicts: ["owner-conflict with 192.0.2.2"] },
        },
      ],
    });
    assert.match(lines[0] ?? "", /forwarding failed: nft refused the ruleset$/);
    assert.equal(lines[1], "! refused: edge.yaml:1:1 is empty.");
    assert.match(
      lines[4] ?? "",
      /^front {3}fault {2}fault \(of 150\) .* - {6}active-down-timer 192\.0\.2\.2 /,
    );
    assert.deepEqual(lines.slice(5, 8), [
      "! front: waiting: eth0 has no IPv4 address to speak from",
      "! front: check app failed counts against it",
      "! front: conflict: owner-conflict with 192.0.2.2",
    ]);
  });

  it("lets no backend's words command the terminal", () => {
    const [server] = STATUS.servers;
    const [backend] = server?.backends ?? [];
    assert.ok(server !== undefined && backend !== undefined);
    const evil = { ...backend, reason: "status: \u001b]0;owned\u0007\r\n" };
    const lines = statusLines({ ...STATUS, servers: [{ ...server, backends: [evil] }] });
    const line = lines.find((text) => text.includes("owned")) ?? assert.fail();
    assert.ok(line.endsWith("status: \ufffd]0;owned\ufffd\ufffd\ufffd"), JSON.stringify(line));
  });
});
