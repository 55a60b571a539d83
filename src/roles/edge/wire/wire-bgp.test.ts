import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { millis, seconds } from "#base/time";
import type { Desired } from "#core/config/desired";
import { failedWith, passed } from "#drivers/check/fake";
import { peerWord, routeWord } from "#testing/bgp-words";
import { bench, DESIRED, settle, WEB } from "./test-wire.ts";

describe("the wire process with BGP peers", () => {
  const ROUTED: Desired = {
    ...DESIRED,
    peers: [peerWord("tor", { vrf: undefined, bfd: undefined })],
    routes: [
      { name: "192.0.2.100/32", servers: ["web"], route: routeWord("192.0.2.100/32", "tor") },
      { name: "192.0.2.101/32", servers: ["web"], route: routeWord("192.0.2.101/32", "tor") },
    ],
  };

  it("goes on forwarding until BGP peers had time to send packets elsewhere, unless it is told again to stop", async () => {
    for (const isHurried of [false, true]) {
      const { propose, run, wire, order } = bench();
      propose(ROUTED);
      await run();
      const stopped = wire.stop("SIGTERM");
      await settle();
      assert.deepEqual(order, []);
      if (isHurried) void wire.stop("SIGTERM");
      await run(isHurried ? millis(100) : seconds(2));
      await stopped;
      assert.deepEqual(order, ["fast stopped", "forwarding removed", "agent stopped"]);
    }
  });

  it("withdraws routes before it takes their rules out of the kernel", async () => {
    const { propose, run, engine } = bench();
    propose(ROUTED);
    await run();
    propose({ ...ROUTED, servers: [], routes: [] });
    await run(millis(300));
    assert.equal(engine.running()?.servers.length, 1, "routers have time to act on it");
    await run(seconds(1));
    assert.equal(engine.running()?.servers.length, 0);
  });

  it("says of each route that nobody can serve, and that somebody can again", async () => {
    const { propose, run, checks, events } = bench();
    propose({ ...ROUTED, servers: [{ ...WEB, whenAllFail: "reject" }] });
    await run();
    const states = () =>
      events
        .splice(0)
        .flatMap((event) => (event.type === "bgp-route" ? [`${event.route} ${event.state}`] : []));
    assert.deepEqual(states(), []);
    checks.answerWith(() => failedWith("refused"));
    await run(seconds(3));
    assert.deepEqual(states(), ["192.0.2.100/32 withheld", "192.0.2.101/32 withheld"]);
    checks.answerWith(() => passed());
    await run(seconds(3));
    assert.deepEqual(states(), ["192.0.2.100/32 announced", "192.0.2.101/32 announced"]);
  });
});
