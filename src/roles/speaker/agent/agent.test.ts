import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { seconds } from "#base/time";
import type { Failure } from "#drivers/kubernetes/port";
import { CONFIGURATION_STATES, SERVICES } from "#runtime/cluster/resources";
import type { AgentToWire } from "../messages.ts";
import { createCluster } from "./test-bed.ts";

const GONE: Failure = { reason: "unreachable", status: 0, message: "gone", retryAfter: undefined };

const WEB = { web: ["192.0.2.100"] };

/** What was said, each kind once. */
const typesOf = (messages: readonly AgentToWire[]): readonly string[] => [
  ...new Set(messages.map((message) => (message.type === "event" ? message.event.type : message.type))),
];

const placedIn = (messages: readonly AgentToWire[]): readonly string[] =>
  messages.flatMap((message) =>
    message.type === "placements" ? message.changed.map((each) => each.address) : [],
  );

const removedIn = (messages: readonly AgentToWire[]): readonly string[] =>
  messages.flatMap((message) => (message.type === "placements" ? message.removed : []));

describe("what an agent tells the wire", () => {
  it("is who takes part, then who may answer for what, then that this is all, once", async () => {
    const bed = createCluster(WEB);
    await bed.follow();
    const told = bed.wire.take();
    assert.deepEqual(
      typesOf(told).filter((type) => type !== "configuration-applied" && type !== "speaker"),
      ["members", "bgp-peers", "bgp-stance", "placements", "bgp-complete", "all-placed", "probes"],
    );
    const members = told.flatMap((message) => (message.type === "members" ? [message.members] : [])).at(-1);
    assert.deepEqual(
      members?.map(({ name, macs }) => [name, macs]),
      [
        ["node-a", ["02:00:00:00:00:0a"]],
        ["node-b", []],
      ],
    );
    const [placement] = told.flatMap((message) => (message.type === "placements" ? message.changed : []));
    assert.deepEqual([...(placement?.candidates ?? [])].sort(), ["node-a", "node-b"]);
    assert.equal(placement?.interfaces, "all");
    await bed.rest(seconds(60));
    assert.deepEqual(bed.wire.take(), []);
  });

  it("is everything again by an agent that starts anew, and nothing of what happened that is known already", async () => {
    const bed = createCluster(WEB);
    const first = await bed.follow();
    bed.wire.take();
    await bed.end(first);
    await bed.follow();
    const again = bed.wire.take();
    assert.deepEqual(
      typesOf(again).filter((type) => type !== "configuration-applied"),
      ["members", "bgp-peers", "bgp-stance", "placements", "bgp-complete", "all-placed", "probes"],
    );
  });

  it("comes in slices, and all of it before it is called all", async () => {
    const services = Object.fromEntries(
      Array.from({ length: 150 }, (_, index) => [
        `web-${index}`,
        [`192.0.2.${100 + index}`, `198.51.100.${index}`],
      ]),
    );
    const bed = createCluster(services);
    await bed.follow();
    await bed.rest();
    const told = bed.wire.take().filter(({ type }) => type !== "event");
    const slices = told.flatMap((message) => (message.type === "placements" ? [message.changed.length] : []));
    assert.equal(
      slices.reduce((sum, length) => sum + length, 0),
      300,
    );
    assert.ok(slices.length > 1 && Math.max(...slices) <= 256, slices.join());
    assert.equal(new Set(placedIn(told)).size, 300);
    const order = told.map(({ type }) => type);
    assert.ok(order.lastIndexOf("placements") < order.indexOf("all-placed"));
  });

  it("waits for a wire that does not read, and is then what is true by then", async () => {
    const bed = createCluster(WEB);
    await bed.follow();
    bed.wire.take();
    bed.wire.setReading(false);
    bed.service("shop", { ips: ["192.0.2.101"] });
    await bed.rest();
    bed.service("mail", { ips: ["192.0.2.102"] });
    bed.cluster.remove(SERVICES, "shop/shop");
    bed.cluster.remove(SERVICES, "shop/web");
    await bed.rest();
    assert.deepEqual(bed.wire.take(), []);
    bed.wire.setReading(true);
    await bed.rest();
    const told = bed.wire.take();
    assert.deepEqual([placedIn(told), removedIn(told)], [["192.0.2.102"], ["192.0.2.100"]]);
  });

  it("is nothing where a change makes no difference to the wire", async () => {
    const bed = createCluster(WEB);
    await bed.follow();
    bed.wire.take();
    bed.service("other", { ips: ["192.0.2.100"] });
    await bed.rest();
    assert.deepEqual(placedIn(bed.wire.take()), []);
  });

  it("is nobody's address any more once its Service is gone", async () => {
    const bed = createCluster(WEB);
    await bed.follow();
    bed.wire.take();
    bed.cluster.remove(SERVICES, "shop/web");
    await bed.rest();
    assert.deepEqual(removedIn(bed.wire.take()), ["192.0.2.100"]);
  });

  it("lists further nodes when its peers have found the first ones dead", async () => {
    const bed = createCluster(WEB);
    for (let index = 3; index < 15; index += 1) {
      bed.node(`node-${index}`, `192.0.2.${index}`);
      bed.speaker(`node-${index}`);
    }
    await bed.follow();
    const listed = () =>
      bed.wire
        .take()
        .flatMap((message) => (message.type === "placements" ? message.changed : []))
        .at(-1)?.candidates;
    const before = listed() ?? [];
    assert.equal(before.length, 8);
    const [dead = ""] = before.filter((name) => name !== "node-a");
    bed.wire.observe({ type: "member", node: dead, from: "alive", to: "dead", cause: "silent" });
    await bed.rest();
    const after = listed() ?? [];
    assert.deepEqual([after.slice(0, 8), after.length], [before, 9]);
  });
});

describe("an agent that cannot read the cluster", () => {
  it("changes nothing when the API server goes away, says so once, and nothing again when it is back", async () => {
    const bed = createCluster(WEB);
    await bed.follow();
    bed.wire.take();
    bed.cluster.interrupt(GONE, 1_000);
    await bed.rest(seconds(2));
    assert.deepEqual(bed.wire.take(), []);
    bed.cluster.interrupt({ ...GONE, message: "refused" }, 2_000);
    await bed.rest(seconds(30));
    const troubles = bed.wire.take();
    const named = troubles.flatMap((message) =>
      message.type === "event" && message.event.type === "api-trouble" ? [message.event.resource] : [],
    );
    assert.ok(named.length > 0);
    assert.deepEqual([named.length, new Set(named).size], [troubles.length, named.length]);
    bed.cluster.resume();
    await bed.rest();
    const over = bed.wire.take();
    assert.ok(over.every((message) => message.type === "event" && message.event.type === "api-trouble"));
    assert.equal(over.length, named.length);
  });

  it("says nothing of an API server that is back in a moment", async () => {
    const bed = createCluster(WEB);
    await bed.follow();
    bed.wire.take();
    bed.cluster.interrupt(GONE, 1_000);
    await bed.rest(seconds(2));
    bed.cluster.resume();
    await bed.rest(seconds(60));
    assert.deepEqual(bed.wire.take(), []);
  });

  it("says once that there are no credentials, and tells the wire nothing else until all has been read", async () => {
    const bed = createCluster(WEB);
    const agent = bed.start();
    agent.findNoCluster("no token");
    agent.findNoCluster("no token");
    await bed.rest();
    assert.deepEqual(
      bed.wire.take().map((message) => (message.type === "event" ? message.event.type : message.type)),
      ["api-trouble"],
    );
    assert.deepEqual([agent.isReady, agent.status().isSynced], [false, false]);
    agent.follow(bed.cluster);
    await bed.rest();
    assert.ok(typesOf(bed.wire.take()).includes("all-placed"));
    assert.deepEqual(agent.status().trouble, []);
  });

  it("is not ready before the wire has said whom it hears", async () => {
    const bed = createCluster(WEB);
    const agent = await bed.follow();
    assert.deepEqual([agent.status().isSynced, agent.isReady], [true, false]);
    for (const [to, isReady] of [
      ["doubtful", false],
      ["alone", true],
      ["isolated", false],
      ["accompanied", true],
    ] as const) {
      bed.wire.observe({ type: "company", to });
      assert.equal(agent.isReady, isReady, to);
    }
  });

  it("says that what an earlier agent could not read is over, once it has read everything", async () => {
    const bed = createCluster(WEB);
    bed.wire.observe({ type: "api-trouble", resource: "nodes", state: "begun", detail: "gone" });
    const agent = await bed.follow();
    assert.deepEqual(agent.status().trouble, []);
  });

  it("counts a kind that the API server does not know as empty after a while, and not at once", async () => {
    const bed = createCluster(WEB);
    const agent = bed.start();
    const unknown: Failure = {
      reason: "not-found",
      status: 404,
      message: "no such kind",
      retryAfter: undefined,
    };
    agent.follow({
      ...bed.cluster,
      watch: (options, sink) => {
        if (options.resource !== CONFIGURATION_STATES) return bed.cluster.watch(options, sink);
        setImmediate(() => sink.trouble({ failure: unknown, again: 1_000 }));
        return { items: new Map(), isSynced: false, close: () => {} };
      },
    });
    await bed.rest(seconds(10));
    assert.deepEqual(placedIn(bed.wire.take()), []);
    await bed.rest(seconds(10));
    assert.deepEqual(placedIn(bed.wire.take()), ["192.0.2.100"]);
    assert.deepEqual(agent.status().trouble, []);
  });
});

describe("a configuration that is refused", () => {
  it("leaves the last valid one in force, and is told", async () => {
    const bed = createCluster(WEB);
    const agent = await bed.follow();
    bed.wire.take();
    bed.pool(["192.0.2.9-192.0.2.1"], "broken");
    await bed.rest();
    assert.deepEqual(typesOf(bed.wire.take()), ["configuration-refused"]);
    assert.equal(agent.status().refused.length, 1);
    bed.service("mail", { ips: ["192.0.2.101"] });
    await bed.rest();
    assert.deepEqual(placedIn(bed.wire.take()), ["192.0.2.101"]);
  });

  it("takes nothing from a wire that goes on with what an earlier agent told it, and is not told twice", async () => {
    const bed = createCluster(WEB);
    const first = await bed.follow();
    bed.pool(["192.0.2.9-192.0.2.1"], "broken");
    await bed.rest();
    await bed.end(first);
    bed.wire.take();
    const agent = await bed.follow();
    await bed.rest(seconds(60));
    assert.deepEqual(typesOf(bed.wire.take()), ["members"]);
    assert.match(agent.metrics(), /^steelyard_config_stale 1$/m);
    bed.pool(["203.0.113.0/24"], "broken");
    await bed.rest();
    assert.ok(typesOf(bed.wire.take()).includes("all-placed"));
    assert.deepEqual(agent.status().refused, []);
  });
});
