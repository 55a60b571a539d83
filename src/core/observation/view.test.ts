import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { wallTime } from "#base/time";
import { address } from "#testing/values";
import type { Event } from "./event.ts";
import { EXAMPLES } from "./examples.ts";
import { emptyView, find, project, type View } from "./view.ts";

/** The view after these events, which happened at 1, 2, 3, ... */
const viewAfter = (...events: readonly Event[]): View => {
  const view = emptyView();
  for (const [index, event] of events.entries()) {
    project(view, { sequence: index + 1, at: wallTime(index + 1), event });
  }
  return view;
};

const at = <Type extends Event["type"]>(
  type: Type,
  overrides: Partial<Extract<Event, { type: Type }>>,
): Event => ({ ...EXAMPLES[type], ...overrides });

describe("the view", () => {
  it("knows a router's state, since when, why, and how often it took over", () => {
    const view = viewAfter(
      at("router-state", {}),
      at("router-state", { from: "active", to: "fault", reason: "tracking-fault" }),
      at("router-state", { from: "backup", to: "active" }),
    );
    const { state, since, reason, peer, takeovers } = view.routers.front ?? assert.fail();
    assert.deepEqual(
      [state, since, reason, peer, takeovers],
      ["active", 3, "active-down-timer", "192.0.2.2", 2],
    );
    assert.equal(view.sequence, 3);
  });

  it("forgets the peer with the state that it caused", () => {
    const { peer: _peer, ...alone } = EXAMPLES["router-state"];
    assert.equal(viewAfter(EXAMPLES["router-state"], alone).routers.front?.peer, undefined);
  });

  it("keeps what a router waits for until the wait has ended, whatever its state", () => {
    const waiting = viewAfter(EXAMPLES["router-waiting"], at("router-state", { to: "fault" }));
    assert.match(waiting.routers.front?.waiting ?? "", /no IPv4 address/);
    const done = viewAfter(EXAMPLES["router-waiting"], at("router-waiting", { state: "ended" }));
    assert.equal(done.routers.front?.waiting, undefined);
  });

  it("forgets the judgement of a changed router, and nothing else of it", () => {
    const changed = at("config-applied", {
      changed: [{ kind: "VirtualRouter", name: "front" }],
      removed: [],
    });
    const before = [EXAMPLES["router-state"], EXAMPLES["router-conflict"], EXAMPLES["router-waiting"]];
    const { front } = viewAfter(...before, EXAMPLES["router-priority"], changed).routers;
    assert.deepEqual(front, viewAfter(...before).routers.front);
    assert.deepEqual(viewAfter(changed).routers, {});
  });

  it("keeps a conflict from its beginning to its end, apart from others with the same peer", () => {
    const one = at("router-conflict", { conflict: "vrid-unexpected", detail: "id 7" });
    const other = at("router-conflict", { conflict: "vrid-unexpected", detail: "id 8" });
    const ended = at("router-conflict", { conflict: "vrid-unexpected", detail: "id 7", state: "ended" });
    assert.deepEqual(Object.values(viewAfter(one, other, ended).routers.front?.conflicts ?? {}), [
      "vrid-unexpected with 192.0.2.2: id 8",
    ]);
  });

  it("holds an address that was added, adopted or restored, until it is removed, kept or failed", () => {
    for (const change of ["added", "adopted", "restored"] as const) {
      const held = at("address", { change });
      assert.deepEqual(viewAfter(held, held).routers.front?.addresses, ["192.0.2.100"], change);
      for (const end of ["removed", "kept", "failed"] as const) {
        const two = at("address", { change, address: address("192.0.2.101") });
        const view = viewAfter(held, two, at("address", { change: end }));
        assert.deepEqual(view.routers.front?.addresses, ["192.0.2.101"], end);
      }
    }
  });

  it("shows a refused configuration until another is accepted", () => {
    const refused = viewAfter(EXAMPLES["config-applied"], EXAMPLES["config-refused"]);
    assert.deepEqual(refused.config, { generation: 1, since: 1, refused: ["edge.yaml:1:1 is empty"] });
    const mended = viewAfter(EXAMPLES["config-refused"], at("config-applied", { generation: 2 }));
    assert.deepEqual(mended.config, { generation: 2, since: 2 });
  });

  it("shows since when a configuration is in force, though it was read again", () => {
    const { config } = viewAfter(
      ...[EXAMPLES["config-applied"], EXAMPLES["config-refused"]],
      at("config-applied", { added: [], removed: [] }),
    );
    assert.deepEqual(config, { generation: 1, since: 1 });
  });

  it("knows whether the kernel forwards as wanted", () => {
    assert.equal(viewAfter().forwarding.state, "idle");
    assert.equal(viewAfter(EXAMPLES["forwarding-applied"]).forwarding.state, "applied");
    const failed = viewAfter(EXAMPLES["forwarding-applied"], EXAMPLES["forwarding-failed"]);
    assert.deepEqual(failed.forwarding, { state: "failed", since: 2, detail: "nft refused the ruleset" });
    assert.equal(viewAfter(at("forwarding-applied", { how: "removed" })).forwarding.state, "idle");
  });

  it("shows what a healthy check does not see for as long as that is so, and counts no transition", () => {
    const healthy = { type: "check-health", check: "app", from: "healthy", to: "healthy" } as const;
    const said: Event = { ...healthy, detail: "status 401" };
    const well: Event = { ...healthy, from: "unknown" };
    const silent: Event = healthy;
    assert.deepEqual(viewAfter(well, said).checks.app, { state: "healthy", since: 1, detail: "status 401" });
    const view = viewAfter(well, said, silent);
    assert.deepEqual(view.checks.app, { state: "healthy", since: 1 });
    assert.equal(view.counters["check-health app healthy"], 1);
  });

  it("forgets what is removed, its counters too, and nothing whose name only begins the same", () => {
    const view = viewAfter(
      EXAMPLES["router-state"],
      at("router-state", { router: "front2" }),
      EXAMPLES["backend-health"],
      at("backend-health", { server: "web2" }),
      EXAMPLES["check-health"],
      at("config-applied", {
        removed: [
          { kind: "VirtualRouter", name: "front" },
          { kind: "VirtualServer", name: "web" },
          { kind: "TrackedCheck", name: "app" },
        ],
      }),
    );
    assert.deepEqual(Object.keys(view.routers), ["front2"]);
    assert.deepEqual(Object.keys(view.backends), ["web2/node1"]);
    assert.deepEqual(view.checks, {});
    assert.deepEqual(Object.keys(view.counters), [
      "router-state front2 active active-down-timer",
      "backend-health web2 failed",
      "config-applied",
    ]);
  });

  it("counts every type of event", () => {
    for (const event of Object.values(EXAMPLES)) {
      const [key = ""] = Object.keys(viewAfter(event).counters);
      assert.equal(key.split(" ")[0], event.type);
    }
  });

  it("is not confused by a router that is called constructor", () => {
    const view = viewAfter(at("router-state", { router: "constructor" }));
    assert.equal(find(view.routers, "constructor")?.takeovers, 1);
  });

  it("survives the journey to another process", () => {
    const view = viewAfter(...Object.values(EXAMPLES));
    assert.deepEqual(JSON.parse(JSON.stringify(view)), view);
  });
});
