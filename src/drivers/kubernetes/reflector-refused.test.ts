/** A watch whose server refuses, or says what cannot be believed. */
import assert from "node:assert/strict";
import { describe } from "node:test";
import { millis, seconds } from "#base/time";
import { bookmark } from "./test-api-server.ts";
import { REFUSED_STREAM } from "./test-server.ts";
import {
  added,
  type Bed,
  deleted,
  errorEvent,
  LARGEST_PAGE,
  LONGEST_LINE,
  on,
  open,
  synced,
  thing,
} from "./test-watch.ts";

describe("a version that is too old", () => {
  const relisted = async ({ server, expect }: Bed) => {
    const again = await server.next({ watch: true });
    assert.equal(again.query.get("sendInitialEvents"), "true");
    assert.equal(again.query.get("resourceVersion"), null);
    again.begin().line(added("a", "7", "40"), added("c", "1", "41"), bookmark("50", true));
    await expect("fine", "a=7 was 1", "c=1", "no b", "synced");
    return again;
  };

  on("is answered by 410: everything is read again and told as the difference", async (test) => {
    const bed = await synced(test);
    bed.time.pass(seconds(5));
    bed.first.end();
    const second = await bed.server.next({ version: "10" });
    second.answer(410, { kind: "Status", code: 410, reason: "Expired", message: "too old resource version" });
    const { failure } = await bed.trouble();
    assert.deepEqual([failure.reason, failure.message], ["gone", "too old resource version"]);
    await relisted(bed);
  });

  on("is told by an ERROR event: the same", async (test) => {
    const bed = await synced(test);
    bed.first.line(errorEvent(410, "The resourceVersion for the provided watch is too old."));
    assert.equal((await bed.trouble()).failure.reason, "gone");
    const again = await relisted(bed);
    again.line(deleted("c", "51"));
    await bed.expect("no c");
  });

  on(
    "is no reason to wait as long as the outage before it was, unless it is told again and again",
    async (test) => {
      const bed = await synced(test);
      bed.time.dice = 0.999_999;
      const waits: number[] = [];
      const waited = async (): Promise<void> => {
        const { again } = await bed.trouble();
        waits.push(Math.round(again));
        bed.time.pass(millis(again));
      };
      bed.first.reset();
      await waited();
      for (const status of [503, 503, 503, 410, 410, 410]) {
        (await bed.server.next()).answer(status, { kind: "Status", code: status, message: "no" });
        await waited();
      }
      assert.deepEqual(waits, [500, 1_000, 2_000, 4_000, 500, 1_000, 2_000]);
    },
  );

  on("is given up when other errors come of it twice in a row", async (test) => {
    const bed = await synced(test);
    bed.first.line(errorEvent(500, "etcd event received with PrevKv=nil"));
    assert.equal((await bed.trouble()).failure.status, 500);
    for (let round = 0; round < 2; round += 1) {
      const next = await bed.server.next({ version: "10" });
      next.begin().raw("this is no JSON\n");
      assert.equal((await bed.trouble()).failure.reason, "server-error");
    }
    await relisted(bed);
  });

  on("keeps what it knows while the new list comes, even if that breaks off", async (test) => {
    const bed = await synced(test);
    bed.first.line(errorEvent(410, "too old"));
    await bed.trouble();
    const broken = await bed.server.next();
    broken.begin().line(added("c", "1", "41"));
    await bed.expect("fine", "c=1");
    broken.stream.close(REFUSED_STREAM);
    await bed.trouble();
    assert.deepEqual([...bed.watch.items.keys()].sort(), ["lb/a", "lb/b", "lb/c"]);
    const whole = await bed.server.next();
    whole.begin().line(added("a", "1", "5"), bookmark("50", true));
    await bed.expect("fine", "no b", "no c", "synced");
  });
});

describe("a server that refuses", () => {
  on("is asked again no sooner than it wants, by its header", async (test) => {
    const bed = await open(test);
    (await bed.server.next()).answer(429, { message: "too many requests" }, { "retry-after": "7" });
    const { failure, again } = await bed.trouble();
    assert.deepEqual([failure.reason, failure.retryAfter, again], ["throttled", 7_000, 7_000]);
    (await bed.server.next()).begin();
    await bed.passUntilTold();
    await bed.expect("fine");
  });

  on("and wants to be left alone for an hour is asked again after a minute", async (test) => {
    const bed = await open(test);
    (await bed.server.next()).answer(503, { message: "maintenance" }, { "retry-after": "3600" });
    const { failure, again } = await bed.trouble();
    assert.deepEqual([failure.retryAfter, again], [3_600_000, 60_000]);
    await bed.server.next();
  });

  on("is asked again no sooner than it wants, by an ERROR event", async (test) => {
    const bed = await synced(test);
    bed.first.line(errorEvent(429, "storage is initializing", { retryAfterSeconds: 3 }));
    const { failure, again } = await bed.trouble();
    assert.deepEqual([failure.reason, again], ["throttled", 3_000]);
    await bed.server.next({ version: "10" });
  });

  on("with 500 is asked again, and with 403 too", async (test) => {
    const bed = await open(test);
    for (const [status, reason] of [[500, "server-error"] as const, [403, "forbidden"] as const]) {
      (await bed.server.next()).answer(status, { message: `because of ${status}` });
      const { failure } = await bed.trouble();
      assert.deepEqual([failure.reason, failure.message], [reason, `because of ${status}`]);
    }
    (await bed.server.next()).begin().line(bookmark("1", true));
    await bed.expect("fine", "synced");
  });

  on("a line that never ends is refused before it fills the memory", async (test) => {
    const bed = await synced(test);
    const { stream } = bed.first;
    const closed = new Promise((resolve) => stream.once("close", resolve));
    const more = (): void => {
      while (!stream.destroyed && stream.write("x".repeat(16_384)));
    };
    stream.on("drain", more);
    more();
    const { failure } = await bed.trouble();
    assert.equal(failure.message, `a line of more than ${LONGEST_LINE} bytes`);
    await closed;
    await bed.server.next({ version: "10" });
  });

  on("an event of an unknown type, or without a version, is not believed", async (test) => {
    for (const line of [
      { type: "NEW", object: thing("x", "1", "3") },
      added("x", "1", ""),
      { type: "ADDED" },
      7,
    ]) {
      await test.test(JSON.stringify(line), async (inner) => {
        const bed = await synced(inner);
        bed.first.line(line);
        assert.equal((await bed.trouble()).failure.reason, "server-error");
      });
    }
  });
});

describe("a list in pages", () => {
  const page = (items: readonly unknown[], next?: string) => ({
    kind: "ThingList",
    metadata: { resourceVersion: "10", ...(next === undefined ? {} : { continue: next }) },
    items,
  });
  const refuseStream = async ({ server }: Bed) =>
    (await server.next({ watch: true })).answer(422, { message: "sendInitialEvents is forbidden" });

  on("is asked for when the server refuses streams, at once and for good", async (test) => {
    const bed = await open(test);
    await refuseStream(bed);
    const first = await bed.server.next({ watch: false });
    assert.deepEqual(Object.fromEntries(first.query), { limit: "250", labelSelector: "app=web" });
    first.answer(200, page([thing("a", "1", "5")], "more"));
    const second = await bed.server.next({ watch: false });
    assert.equal(second.query.get("continue"), "more");
    second.answer(200, page([thing("b", "1", "6")]));
    await bed.expect("a=1", "b=1", "synced");
    const watch = await bed.server.next({ watch: true, version: "10" });
    watch.begin().line(errorEvent(410, "too old"));
    await bed.trouble();
    await bed.server.next({ watch: false });
  });

  on("is asked for when the server fails twice to list as a stream, as with an old etcd", async (test) => {
    const bed = await open(test);
    const message = "the required storage feature RequestWatchProgress is disabled";
    (await bed.server.next({ watch: true })).begin().line(errorEvent(500, message));
    assert.equal((await bed.trouble()).failure.message, message);
    (await bed.server.next({ watch: true })).begin().line(errorEvent(500, message));
    (await bed.server.next({ watch: false })).answer(200, page([thing("a", "1", "5")]));
    await bed.expect("fine", "a=1", "synced");
    const watch = await bed.server.next({ watch: true, version: "10" });
    assert.equal(watch.query.get("sendInitialEvents"), null);
  });

  on("is asked for when the server ignores what it does not know, after a silence", async (test) => {
    const bed = await open(test);
    (await bed.server.next({ watch: true })).begin().line(added("a", "1", "5"));
    await bed.expect("a=1");
    const beganAt = bed.time.now();
    while (bed.server.requests.isEmpty) {
      bed.time.pass(seconds(4));
      await new Promise((resolve) => setImmediate(resolve));
    }
    assert.ok(bed.time.now() - beganAt >= seconds(20));
    (await bed.server.next({ watch: false })).answer(200, page([thing("b", "1", "6")]));
    await bed.expect("b=1", "no a", "synced");
  });

  on("begins anew when a page's token has expired", async (test) => {
    const bed = await open(test);
    await refuseStream(bed);
    (await bed.server.next({ watch: false })).answer(
      200,
      page([thing("a", "1", "5"), thing("b", "1", "6")], "t"),
    );
    const expired = { code: 410, message: "The provided continue parameter is too old" };
    (await bed.server.next({ watch: false })).answer(410, expired);
    await bed.expect("a=1", "b=1");
    assert.equal((await bed.trouble()).failure.reason, "gone");
    const again = await bed.server.next({ watch: false });
    assert.equal(again.query.get("continue"), null);
    again.answer(200, page([thing("b", "1", "6")]));
    await bed.expect("fine", "no a", "synced");
  });

  on("is asked for in smaller pieces when a page is larger than what is read of one answer", async (test) => {
    const bed = await open(test);
    await refuseStream(bed);
    const tooMuch = { ...thing("x", "1", "5"), padding: "x".repeat(LARGEST_PAGE) };
    (await bed.server.next({ watch: false })).answer(200, page([thing("a", "1", "5")], "more"));
    await bed.expect("a=1");
    for (const limit of ["250", "125", "62", "31", "15", "7", "3", "1"]) {
      const asked = await bed.server.next({ watch: false });
      assert.deepEqual([asked.query.get("limit"), asked.query.get("continue")], [limit, "more"]);
      asked.answer(200, page([tooMuch]));
    }
    const { failure } = await bed.trouble();
    assert.deepEqual(
      [failure.reason, failure.message],
      ["server-error", `the answer has more than ${LARGEST_PAGE} bytes`],
    );
    const again = await bed.server.next({ watch: false });
    assert.equal(again.query.get("limit"), "1");
    again.answer(200, page([thing("a", "1", "5")]));
    await bed.expect("fine", "synced");
  });

  on("with the same token for ever is refused, and so is what is no list", async (test) => {
    const bed = await open(test);
    await refuseStream(bed);
    for (let round = 0; round < 2; round += 1)
      (await bed.server.next({ watch: false })).answer(200, page([], "same"));
    assert.match((await bed.trouble()).failure.message, /does not end/);
    for (const body of [{ items: [] }, { metadata: { resourceVersion: "1" }, items: 7 }, [], "no JSON"]) {
      (await bed.server.next({ watch: false })).answer(200, body);
      await bed.told.take().then((told) => (told.call === "fine" ? bed.told.take() : told));
      bed.time.pass(seconds(60));
    }
    (await bed.server.next({ watch: false })).answer(200, {
      metadata: { resourceVersion: "1" },
      items: null,
    });
    await bed.expect("fine", "synced");
  });
});
