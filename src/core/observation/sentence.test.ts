import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { micros, millis } from "#base/time";
import { address } from "#testing/values";
import type { Event } from "./event.ts";
import { EXAMPLES } from "./examples.ts";
import { sentence } from "./sentence.ts";

const PAGE = readFileSync(new URL("../../../docs/reference/events.md", import.meta.url), "utf8");

/** The cells of the rows of the table whose first heading is `heading`, without the marks of code. */
const tableAfter = (line: string): readonly (readonly string[])[] => {
  const [, rest = ""] = PAGE.split(line);
  const rows: string[][] = [];
  for (const text of rest.trimStart().split("\n").slice(2)) {
    if (!text.startsWith("|")) break;
    const cells = text.split("|").slice(1, -1);
    rows.push(cells.map((cell) => cell.trim().replaceAll("`", "")));
  }
  return rows;
};

const lineOf = (event: Event): string => {
  const { subject, text } = sentence(event);
  return `${subject}: ${text}`;
};

describe("docs/reference/events.md", () => {
  const rows = tableAfter("## Types\n");

  it("lists every type of event, and no other", () => {
    assert.deepEqual(
      rows.map(([type]) => type),
      Object.keys(EXAMPLES),
    );
  });

  it("lists the fields of each type", () => {
    for (const [type = "", fields = ""] of rows) {
      const event = Object.entries(EXAMPLES).find(([name]) => name === type)?.[1] ?? assert.fail(type);
      const documented = fields.split(", ").map((field) => field.replace("?", ""));
      assert.deepEqual(
        new Set(["type", ...documented]),
        new Set(["type", ...documented, ...Object.keys(event)]),
        type,
      );
    }
  });

  it("shows the line of each example", () => {
    for (const [type = "", , line] of rows) {
      const event = Object.entries(EXAMPLES).find(([name]) => name === type)?.[1] ?? assert.fail(type);
      assert.equal(line, lineOf(event));
    }
  });

  it("explains every word that has a list of its own", () => {
    const words = (line: string): readonly string[] => tableAfter(line).map(([word = ""]) => word);
    const states: Record<Extract<Event, { type: "router-state" }>["to"], 0> = {
      ...{ initialize: 0, backup: 0, active: 0, fault: 0 },
    };
    const changes: Record<Extract<Event, { type: "address" }>["change"], 0> = {
      ...{ added: 0, adopted: 0, restored: 0, removed: 0, kept: 0, failed: 0 },
    };
    const hows: Record<Extract<Event, { type: "forwarding-applied" }>["how"], 0> = {
      ...{ ruleset: 0, elements: 0, unchanged: 0, removed: 0 },
    };
    const processes: Record<Extract<Event, { type: "process" }>["change"], 0> = {
      ...{ started: 0, ready: 0, stopping: 0, exited: 0, stalled: 0, degraded: 0 },
    };
    assert.deepEqual(words("`from` and `to` of `router-state`:\n"), Object.keys(states));
    assert.deepEqual(words("`change` of `address`:\n"), Object.keys(changes));
    const drains: Record<Extract<Event, { type: "backend-drain" }>["state"], 0> = {
      ...{ draining: 0, drained: 0, over: 0 },
    };
    assert.deepEqual(words("`state` of `backend-drain`:\n"), Object.keys(drains));
    const syncs: Record<Extract<Event, { type: "connection-sync" }>["state"], 0> = {
      ...{ idle: 0, starting: 0, "in-sync": 0, behind: 0, "peer-silent": 0, down: 0, unavailable: 0 },
    };
    assert.deepEqual(
      words("`state` of `connection-sync`, what a takeover would do to connections:\n"),
      Object.keys(syncs),
    );
    const pins: Record<Extract<Event, { type: "pin-sync" }>["state"], 0> = {
      ...{
        "in-sync": 0,
        "peer-silent": 0,
        "other-version": 0,
        "other-secret": 0,
        refused: 0,
        unavailable: 0,
      },
    };
    assert.deepEqual(
      words(
        "`state` of `pin-sync`, whether clients stay on their backend in a takeover; said when something is wrong, and when it is no longer:\n",
      ),
      Object.keys(pins),
    );
    const tables: Record<Extract<Event, { type: "conntrack" }>["change"], 0> = {
      ...{ ample: 0, filling: 0, full: 0, failed: 0 },
    };
    assert.deepEqual(
      words("`change` of `conntrack`, the kernel's connection tracking table:\n"),
      Object.keys(tables),
    );
    const routes: Record<Extract<Event, { type: "bgp-route" }>["state"], 0> = {
      ...{ announced: 0, "last-resort": 0, withheld: 0, removed: 0 },
    };
    assert.deepEqual(
      words(
        "`state` of `bgp-route`, what routers are told of a prefix; nothing is said of routes that are announced from the start:\n",
      ),
      Object.keys(routes),
    );
    assert.deepEqual(words("`how` of `forwarding-applied`:\n"), Object.keys(hows));
    assert.deepEqual(words("(the thread that speaks VRRP):\n"), Object.keys(processes));
  });
});

describe("sentences", () => {
  const rows: readonly (readonly [Event, string, string])[] = [
    [
      { type: "check-health", check: "api", from: "healthy", to: "healthy", detail: "status 401" },
      "notice",
      "check api: healthy (status 401)",
    ],
    [
      { type: "check-health", check: "api", from: "healthy", to: "healthy" },
      "notice",
      "check api: healthy (it tells how it is now)",
    ],
    [
      {
        ...{ type: "backend-health", server: "web", backend: "node1", from: "failed", to: "failed" },
        ...{ reason: "timeout", detail: "the connection did not come within 1s" },
      },
      "warning",
      "server web: backend node1 is silent now (timeout: the connection did not come within 1s)",
    ],
    [
      { type: "router-state", router: "front", from: "active", to: "backup", reason: "group-step-down" },
      "notice",
      "router front: active -> backup (group-step-down)",
    ],
    [
      {
        type: "router-priority",
        router: "front",
        priority: "fault",
        failed: ["check app unknown", "interface eth0 failed"],
      },
      "notice",
      "router front: priority is now fault, because of check app unknown, interface eth0 failed",
    ],
    [
      {
        type: "router-conflict",
        router: "front",
        conflict: "owner-conflict",
        peer: address("192.0.2.2"),
        state: "ended",
      },
      "notice",
      "router front: owner-conflict with 192.0.2.2 ended",
    ],
    [
      { type: "router-waiting", router: "front", state: "ended", detail: "eth1 does not exist" },
      "notice",
      "router front: waits no longer: eth1 does not exist",
    ],
    [
      { type: "forwarding-applied", how: "ruleset", took: millis(3), repaired: true },
      "warning",
      "forwarding: ruleset loaded: somebody else had changed our tables",
    ],
    [
      { type: "config-applied", generation: 2, added: [], changed: [], removed: [] },
      "info",
      "config: read again, nothing changed",
    ],
    [
      { type: "check-health", check: "app", from: "unknown", to: "healthy" },
      "notice",
      "check app: unknown -> healthy",
    ],
    [
      { type: "process", part: "fast", change: "degraded", detail: "SCHED_RR was refused (EPERM)" },
      "warning",
      "fast: degraded (SCHED_RR was refused (EPERM))",
    ],
    [
      {
        ...{ type: "router-conflict", router: "front", conflict: "lower-priority-active" },
        ...{ peer: address("192.0.2.2"), state: "ended", lasted: millis(1_500) },
      },
      "notice",
      "router front: lower-priority-active with 192.0.2.2 ended, seen for 1.5s",
    ],
    [
      { type: "forwarding-applied", how: "ruleset", took: millis(3), repaired: true, anew: "nft refused it" },
      "warning",
      "forwarding: ruleset loaded in 3ms: what packets had recorded is lost, for the tables had to be made anew (nft refused it)",
    ],
    [{ type: "forwarding-applied", how: "removed", took: micros(0) }, "info", "forwarding: removed"],
    [{ type: "link", link: "eth0", state: "up" }, "notice", "link eth0: up"],
  ];
  for (const [event, severity, line] of rows) {
    it(`say ${line}`, () => {
      assert.deepEqual([sentence(event).severity, lineOf(event)], [severity, line]);
    });
  }
});
