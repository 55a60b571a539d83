/** A watch whose connection or stream breaks off. */
import assert from "node:assert/strict";
import { describe } from "node:test";
import { millis, seconds } from "#base/time";
import { bookmark } from "./test-api-server.ts";
import { REFUSED_STREAM, startProxy, startServer, TWO_PINGS } from "./test-server.ts";
import { modified, on, synced } from "./test-watch.ts";

describe("a watch that is interrupted", () => {
  on("goes on from the last version after a bare end, at once and without complaint", async (test) => {
    const { first, server, time, expect } = await synced(test);
    first.line(modified("a", "2", "11"));
    await expect("a=2 was 1");
    time.pass(seconds(1));
    first.end();
    const second = await server.next({ watch: true, version: "11" });
    assert.equal(second.query.get("sendInitialEvents"), null);
    second.begin().line(modified("a", "3", "12"));
    await expect("a=3 was 2");
  });

  on("goes on from the last bookmark when nothing else came", async (test) => {
    const { first, server, time, projected } = await synced(test);
    first.line(bookmark("20"), bookmark("30"));
    time.pass(seconds(60));
    first.end();
    await server.next({ watch: true, version: "30" });
    assert.equal(projected.count, 2);
  });

  on("does not open streams as fast as a server ends them", async (test) => {
    const { first, server, time, trouble, expect, passUntilTold } = await synced(test);
    first.end();
    time.dice = 0.5;
    // The first stream was of use, only short: no trouble, but a wait.
    await new Promise((resolve) => first.stream.once("close", resolve));
    while (server.requests.isEmpty) {
      await new Promise((resolve) => setImmediate(resolve));
      time.pass(millis(100));
    }
    const waits: number[] = [];
    for (let round = 0; round < 9; round += 1) {
      (await server.next({ version: "10" })).begin().end();
      const { again, failure } = await trouble();
      assert.match(failure.message, /ended the watch at once/);
      waits.push(again);
    }
    assert.ok((waits[1] ?? 0) > (waits[0] ?? 0), `${waits}`);
    assert.equal(waits.at(-1), 22_500);
    (await server.next({ version: "10" })).begin();
    await passUntilTold();
    await expect("fine");
  });

  on("drops half a line, and gets the whole object from the version before it", async (test) => {
    const { first, server, time, expect, told } = await synced(test);
    first.line(modified("a", "2", "11")).raw(JSON.stringify(modified("b", "9", "12")).slice(0, 40));
    await expect("a=2 was 1");
    time.pass(seconds(2));
    first.end();
    (await server.next({ version: "11" })).begin().line(modified("b", "2", "12"));
    await expect("b=2 was 1");
    assert.ok(told.isEmpty);
  });

  on("waits and goes on from the last version after a reset", async (test) => {
    const { first, server, trouble, expect } = await synced(test);
    first.reset();
    const { failure, again } = await trouble();
    assert.equal(failure.reason, "unreachable");
    assert.ok(again >= 250 && again <= 500, `${again}`);
    (await server.next({ version: "10" })).begin().line(modified("a", "2", "11"));
    await expect("fine", "a=2 was 1");
  });

  on("goes on when the connection is half closed", async (test) => {
    const given = await startServer(test);
    const proxy = await startProxy(test, Number(new URL(given.credentials.server).port));
    const { server, trouble, expect } = await synced(test, { server: given, port: proxy.port });
    proxy.halfClose();
    await trouble();
    (await server.next({ version: "10" })).begin().line(modified("a", "2", "11"));
    await expect("fine", "a=2 was 1");
  });

  on(
    "opens what comes next on a new connection after a GOAWAY, and reads on from the old until it ends",
    async (test) => {
      const { first, server, time, expect } = await synced(test);
      first.stream.session?.goaway(0);
      // It goes before the line on the same connection.
      first.line(modified("a", "2", "11"));
      await expect("a=2 was 1");
      time.pass(seconds(5));
      first.end();
      (await server.next({ version: "11" })).begin().line(modified("a", "3", "12"));
      await expect("a=3 was 2");
      assert.equal(server.sessions.length, 2);
    },
  );

  on("finds out that the network swallows everything within two pings, and goes on", async (test) => {
    const server = await startServer(test);
    const port = Number(new URL(server.credentials.server).port);
    const proxy = await startProxy(test, port);
    const { first, time, expect, told } = await synced(test, { server, port: proxy.port, ping: seconds(5) });
    time.pass(TWO_PINGS);
    first.line(modified("a", "2", "11"));
    await expect("a=2 was 1");
    proxy.freeze();
    first.line(modified("a", "3", "12"));
    const beganAt = time.now();
    while (told.isEmpty) {
      time.pass(millis(100));
      await new Promise((resolve) => setImmediate(resolve));
    }
    await expect("trouble unreachable");
    assert.ok(time.now() - beganAt <= seconds(11), `${time.now() - beganAt}`);
  });

  on("leaves a server that goes on for longer than it was asked", async (test) => {
    const { server, time } = await synced(test);
    const beganAt = time.now();
    while (server.requests.isEmpty) {
      time.pass(seconds(5));
      await new Promise((resolve) => setImmediate(resolve));
    }
    assert.ok(time.now() - beganAt >= seconds(330));
    await server.next({ version: "10" });
  });

  on(
    "waits longer and longer for a server that is not there, and starts anew after a good time",
    async (test) => {
      const bed = await synced(test);
      const { server, time, expect } = bed;
      const waits: number[] = [];
      time.dice = 0.999_999;
      bed.first.reset();
      for (let round = 0; round < 8; round += 1) {
        const next = await bed.told.take();
        assert.ok(next.call === "trouble");
        waits.push(Math.round(next.again));
        time.pass(millis(next.again));
        const received = await server.next({ version: "10" });
        received.stream.close(REFUSED_STREAM);
      }
      assert.deepEqual(waits, [500, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000]);
      await bed.trouble();
      const good = await server.next({ version: "10" });
      good.begin().line(modified("a", "2", "11"));
      await expect("fine", "a=2 was 1");
      time.pass(seconds(10));
      good.reset();
      assert.equal(Math.round((await bed.trouble()).again), 500);
    },
  );
});
