/** A watch on a server that does what it should. */
import assert from "node:assert/strict";
import { describe } from "node:test";
import { seconds } from "#base/time";
import { openCluster } from "./cluster.ts";
import { fieldsOf, textOf } from "./json.ts";
import { bookmark } from "./test-api-server.ts";
import { recordingSink } from "./test-server.ts";
import { added, deleted, errorEvent, modified, on, open, RESOURCE, synced, thing } from "./test-watch.ts";

describe("a watch that goes well", () => {
  on(
    "asks for what is there as a stream, and for bookmarks and an end after five to ten minutes",
    async (test) => {
      const bed = await open(test);
      const { path, query, authorization } = await bed.server.next();
      assert.equal(path, "/api/v1/namespaces/lb/things");
      assert.equal(authorization, "Bearer very-secret-token");
      assert.deepEqual(Object.fromEntries(query), {
        watch: "true",
        allowWatchBookmarks: "true",
        timeoutSeconds: "300",
        sendInitialEvents: "true",
        resourceVersionMatch: "NotOlderThan",
        labelSelector: "app=web",
      });
    },
  );

  on("tells everything once, then changes with what was before, then removals", async (test) => {
    const { first, expect, watch } = await synced(test);
    assert.deepEqual([...watch.items.keys()], ["lb/a", "lb/b"]);
    first.line(modified("a", "2", "11"), added("c", "1", "12"), deleted("b", "13"));
    await expect("a=2 was 1", "c=1", "no b");
    assert.deepEqual(
      [...watch.items.values()].map(({ name }) => name),
      ["a", "c"],
    );
  });

  on("tells of each event that it reads, for whoever counts the work", async (test) => {
    const { first, expect, reads } = await synced(test);
    assert.equal(reads.count, 3);
    first.line(modified("a", "2", "11"), modified("a", "2", "12"), deleted("b", "13"));
    await expect("a=2 was 1", "no b");
    assert.equal(reads.count, 6);
  });

  on("is synced when the list has ended, and not before", async (test) => {
    const bed = await open(test);
    const first = await bed.server.next();
    first.begin().line(added("a", "1", "5"), bookmark("5"));
    await bed.expect("a=1");
    assert.equal(bed.watch.isSynced, false);
    first.line(bookmark("10", true));
    await bed.expect("synced");
    assert.equal(bed.watch.isSynced, true);
  });

  on("does not tell the same object twice", async (test) => {
    const { first, expect } = await synced(test);
    first.line(
      added("a", "1", "5"),
      modified("a", "1", "11"),
      modified("b", "2", "12"),
      modified("b", "2", "12"),
    );
    first.line(deleted("none", "13"), deleted("a", "14"), deleted("a", "14"));
    await expect("b=2 was 1", "no a");
    first.line(added("z", "1", "15"));
    await expect("z=1");
  });

  on("takes an object away that is left out from now on", async (test) => {
    const { first, expect } = await synced(test);
    first.line(added("c", "left out", "11"), modified("a", "left out", "12"), modified("a", "3", "13"));
    await expect("no a", "a=3");
  });

  on("reads lines that come in pieces", async (test) => {
    const { first, expect } = await synced(test);
    const text = `${JSON.stringify(modified("a", "ä€😀", "11"))}\n`;
    for (const byte of Buffer.from(text)) first.stream.write(Buffer.from([byte]));
    await expect("a=ä€😀 was 1");
  });

  on("says nothing any more once one of its calls has closed it", async (test) => {
    const { server, time, first } = await synced(test);
    const removed: string[] = [];
    const cluster = openCluster(server.credentials, { time, connectionTimes: { ping: seconds(1_000_000) } });
    test.after(() => cluster.close());
    const watch = cluster.watch<string>(
      {
        resource: RESOURCE,
        project: (object) => textOf(fieldsOf(fieldsOf(object).metadata).name),
        keyOf: (name) => `lb/${name}`,
      },
      {
        changed: () => undefined,
        removed: (name) => {
          removed.push(name);
          watch.close();
        },
        synced: () => undefined,
        trouble: (trouble) => trouble && time.pass(seconds(60)),
      },
    );
    const list = (await server.next()).begin();
    list.line(added("a", "1", "5"), added("b", "1", "6"), bookmark("10", true), errorEvent(410, "too old"));
    const again = (await server.next()).begin();
    const closed = new Promise((resolve) => again.stream.once("close", resolve));
    again.line(bookmark("20", true));
    await closed;
    assert.deepEqual(removed, ["a"]);
    assert.ok(!first.stream.closed);
  });

  on("says nothing any more once it is closed, and hangs up", async (test) => {
    const { first, told, watch } = await synced(test);
    const gone = new Promise((resolve) => first.stream.once("close", resolve));
    watch.close();
    await gone;
    assert.ok(told.isEmpty);
  });
});

describe("much at once", () => {
  on("reaches the mirror whole, and others have their turns meanwhile", async (test) => {
    const bed = await open(test);
    const first = await bed.server.next();
    first.begin();
    let turns = 0;
    let isOver = false;
    const count = (): void => {
      turns += 1;
      if (!isOver) setImmediate(count);
    };
    count();
    const padding = "x".repeat(1_500);
    for (let index = 0; index < 3_000; index += 1)
      first.line({ type: "ADDED", object: { ...thing(`t${index}`, "1", `${index + 1}`), padding } });
    first.line(bookmark("4000", true));
    for (let index = 0; index < 3_000; index += 1) await bed.expect(`t${index}=1`);
    await bed.expect("synced");
    isOver = true;
    assert.equal(bed.watch.items.size, 3_000);
    assert.ok(turns > 3, `${turns} turns`);
  });

  on("does not let one watch that is slow hold up another", async (test) => {
    const { server, time, first, ...bed } = await synced(test);
    const slow = recordingSink<string>();
    const cluster = openCluster(server.credentials, { time });
    test.after(() => cluster.close());
    let projected = 0;
    const project = (object: unknown): string => {
      const until = performance.now() + 2;
      while (performance.now() < until);
      projected += 1;
      return textOf(fieldsOf(fieldsOf(object).metadata).name);
    };
    cluster.watch({ resource: RESOURCE, project, keyOf: (name) => name }, slow.sink);
    const much = (await server.next()).begin();
    for (let index = 0; index < 500; index += 1) much.line(added(`t${index}`, "1", "5"));
    much.line(bookmark("10", true));
    await slow.told.take();
    first.line(modified("a", "2", "11"));
    await bed.expect("a=2 was 1");
    assert.ok(projected < 500, `${projected}`);
  });
});

describe("the wait", () => {
  on("ends at once when the watch is closed", async (test) => {
    const bed = await open(test);
    (await bed.server.next()).answer(500, {});
    const next = await bed.told.take();
    assert.equal(next.call, "trouble");
    bed.watch.close();
    bed.time.pass(seconds(100));
    for (let turn = 0; turn < 50; turn += 1) await new Promise((resolve) => setImmediate(resolve));
    assert.ok(bed.server.requests.isEmpty);
  });
});
