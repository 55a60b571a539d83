import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import type { EventRecord } from "#api/events";
import type { Status } from "#api/status";
import { wallTime } from "#base/time";
import { NOTHING_DESIRED } from "#core/config/desired";
import type { Observation } from "#core/observation/event";
import { EXAMPLES } from "#core/observation/examples";
import { emptyView, project } from "#core/observation/view";
import { get, stream } from "#drivers/http/client";
import { openAdminServer } from "#drivers/http/server";
import { createRecent } from "#runtime/recent";
import { adminRoutes } from "./admin.ts";
import type { Knowledge } from "./status.ts";

const directory = mkdtempSync(join(tmpdir(), "steelyard-admin-"));
after(() => rmSync(directory, { recursive: true }));

let sockets = 0;

const bench = async (context: { after: (undo: () => Promise<void>) => void }, isKnown = true) => {
  const view = emptyView();
  const events = createRecent<Observation>();
  const knowledge: Knowledge = {
    ...{ program: "edge", view, desired: NOTHING_DESIRED, counts: {}, bgp: [] },
    wire: { pid: 1, startedAt: wallTime(0), version: "test" },
    agent: { pid: 2, startedAt: 0 },
  };
  sockets += 1;
  const path = join(directory, `${sockets}.sock`);
  const server = await openAdminServer(
    path,
    adminRoutes(() => (isKnown ? knowledge : undefined), events),
  );
  assert.ok("close" in server, "it opens");
  context.after(() => server.close());
  const record = (type: keyof typeof EXAMPLES): void => {
    const observation = { sequence: view.sequence + 1, at: wallTime(1_000), event: EXAMPLES[type] };
    project(view, observation);
    events.add([observation]);
  };
  return { path, record, events };
};

describe("the admin interface", () => {
  it("is alive at once, and knows nothing before the wire process has spoken", async (context) => {
    const { path } = await bench(context, false);
    assert.deepEqual(await get(path, "/healthz"), { ok: true, body: "ok\n" });
    for (const page of ["/readyz", "/metrics", "/v1/status"]) {
      assert.deepEqual(await get(path, page), { ok: false, message: "starting" }, page);
    }
  });

  it("is ready when a configuration is in force and forwarding in place", async (context) => {
    const { path, record } = await bench(context);
    const notReady = { ok: false, message: "forwarding is not in place yet" };
    assert.deepEqual(await get(path, "/readyz"), notReady);
    record("config-applied");
    assert.deepEqual(await get(path, "/readyz"), notReady);
    record("forwarding-applied");
    assert.deepEqual(await get(path, "/readyz"), { ok: true, body: "ok\n" });
    record("forwarding-failed");
    assert.equal((await get(path, "/readyz")).ok, false);
  });

  it("gives status as JSON, metrics as text, events as lines", async (context) => {
    const { path, record } = await bench(context);
    record("config-applied");
    record("link");
    const status = await get(path, "/v1/status");
    assert.ok(status.ok);
    const parsed: Status = JSON.parse(status.body);
    assert.deepEqual([parsed.role, parsed.config.generation], ["edge", 1]);
    const metrics = await get(path, "/metrics");
    assert.ok(metrics.ok && metrics.body.includes("\nsteelyard_config_generation 1\n"));
    const events = await get(path, "/v1/events");
    assert.ok(events.ok);
    const records: EventRecord[] = events.body
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line));
    assert.deepEqual(
      records.map(({ sequence, subject, text, severity }) => [sequence, subject, text, severity]),
      [
        [1, "config", "added VirtualRouter/front; removed VirtualServer/web", "notice"],
        [2, "link eth0", "down", "warning"],
      ],
    );
  });

  it("lets a client follow events, from those it knows to those to come", async (context) => {
    const { path, record } = await bench(context);
    record("link");
    const sequences: number[] = [];
    await new Promise<void>((resolve) => {
      void stream(path, "/v1/events?follow=1", (line) => {
        const one: EventRecord = JSON.parse(line);
        sequences.push(one.sequence);
        if (one.sequence === 1) record("link");
        else resolve();
      });
    });
    assert.deepEqual(sequences, [1, 2]);
  });

  it("lets go of a follower that does not read, and forgets it", async (context) => {
    const { path, record, events } = await bench(context);
    const followers = new Set<unknown>();
    const { follow } = events;
    events.follow = (onObservation) => {
      const stop = follow(onObservation);
      followers.add(stop);
      return () => {
        followers.delete(stop);
        stop();
      };
    };
    const socket = connect(path);
    socket.pause();
    socket.write("GET /v1/events?follow=1 HTTP/1.1\r\nhost: x\r\n\r\n");
    const ended = new Promise((resolve) => socket.on("error", resolve).on("close", resolve));
    while (followers.size === 0) await new Promise((resolve) => setImmediate(resolve));
    for (let count = 0; followers.size > 0 && count < 200_000; count += 1) {
      record("config-applied");
      if (count % 100 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    assert.equal(followers.size, 0);
    socket.resume();
    await ended;
  });

  it("has each route in docs/reference/admin-api.md, and no other", () => {
    const page = readFileSync(new URL("../../../../docs/reference/admin-api.md", import.meta.url), "utf8");
    const documented = Array.from(page.matchAll(/^\| `(\/[^`?]+)(?:\?[^`]*)?`/gm), ([, route = ""]) => route);
    assert.deepEqual(
      new Set(documented),
      new Set(Object.keys(adminRoutes(() => undefined, createRecent<Observation>()))),
    );
  });
});
