import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { address } from "#testing/values";
import type { AgentToWire } from "../messages.ts";
import { createCluster } from "./test-bed.ts";

const WEB = { web: ["192.0.2.100"] };

describe("which addresses a node asks for", () => {
  const dutiesIn = (messages: readonly AgentToWire[]) =>
    messages.flatMap((message) => (message.type === "probes" ? [message.duties] : [])).at(-1);

  it("are those that another node holds, at the first TCP port of the Service", async () => {
    const bed = createCluster({});
    bed.service("dns", {
      ips: ["192.0.2.100"],
      spec: {
        ports: [
          { port: 53, protocol: "UDP" },
          { port: 853, protocol: "TCP" },
        ],
      },
    });
    bed.record("dns", "node-b");
    await bed.follow();
    assert.deepEqual(dutiesIn(bed.wire.take()), [{ address: "192.0.2.100", port: 853 }]);
    bed.wire.observe({ type: "member", node: "node-b", from: "alive", to: "dead", cause: "silent" });
    await bed.rest();
    // Now it is this node's turn to hold it.
    assert.deepEqual(dutiesIn(bed.wire.take()), []);
  });

  it("are none that it holds itself, or is about to, whatever is recorded", async () => {
    const bed = createCluster(WEB);
    bed.record("web", "node-b");
    await bed.follow();
    bed.wire.take();
    bed.wire.observe({
      ...{ type: "address-state", address: address("192.0.2.100"), from: "standby", to: "claiming" },
      ...{ cause: "holder-dead", peer: "node-b" },
    });
    await bed.rest();
    assert.deepEqual(dutiesIn(bed.wire.take()), []);
  });

  it("are also those for which no other candidate is left, if it is on their network", async () => {
    const bed = createCluster({});
    for (const [name, ip] of [
      ["web", "192.0.2.100"],
      ["far", "198.51.100.100"],
    ] as const) {
      bed.service(name, { ips: [ip], spec: { externalTrafficPolicy: "Local" }, on: "node-b" });
      bed.record(name, "node-b");
    }
    await bed.follow();
    assert.deepEqual(
      dutiesIn(bed.wire.take())?.map(({ address: asked }) => asked),
      ["192.0.2.100"],
    );
  });

  it("are asked for by one node where they are of one Service", async () => {
    const bed = createCluster({});
    for (let host = 3; host < 9; host += 1) {
      bed.node(`node-${host}`, `192.0.2.${host}`);
      bed.speaker(`node-${host}`);
    }
    bed.pool(["192.0.2.100-192.0.2.250", "2001:db8::/64"]);
    const services = Array.from({ length: 24 }, (_, index) => [
      `192.0.2.${100 + index}`,
      `2001:db8::${100 + index}`,
    ]);
    for (const [index, ips] of services.entries()) {
      bed.service(`s${index}`, { ips });
      bed.record(`s${index}`, "node-b");
    }
    await bed.follow();
    const asked = new Set((dutiesIn(bed.wire.take()) ?? []).map(({ address: duty }): string => duty));
    assert.ok(asked.size > 0);
    for (const [four = "", six = ""] of services) assert.equal(asked.has(four), asked.has(six), four);
  });

  it("are none where it is not wanted", async () => {
    const bed = createCluster(WEB);
    bed.record("web", "node-b");
    await bed.follow({ probe: false });
    assert.equal(dutiesIn(bed.wire.take()), undefined);
  });

  it("are asked for by one living candidate that does not hold them, as every node finds out by itself", async () => {
    const bed = createCluster({});
    for (const name of ["node-c", "node-d"]) {
      bed.node(name, `192.0.2.${name === "node-c" ? 3 : 4}`);
      bed.speaker(name);
    }
    const ips = Array.from({ length: 40 }, (_, index) => `192.0.2.${100 + index}`);
    for (const ip of ips) {
      bed.service(`s-${ip}`, { ips: [ip] });
      bed.record(`s-${ip}`, "node-b");
    }
    const asked: string[] = [];
    for (const node of ["node-a", "node-c"]) {
      const agent = bed.start({ node });
      bed.wire.take();
      agent.follow(bed.cluster);
      bed.wire.observe({ type: "member", node: "node-d", from: "alive", to: "dead", cause: "silent" });
      await bed.rest();
      const duties = dutiesIn(bed.wire.take()) ?? [];
      assert.ok(duties.length > 0, node);
      asked.push(...duties.map((duty) => duty.address));
      await bed.end(agent);
    }
    assert.deepEqual(asked.sort(), ips.sort());
  });
});
