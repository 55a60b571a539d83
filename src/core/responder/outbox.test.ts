import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { after, instant, millis, seconds } from "#base/time";
import { type Lane, Outbox } from "./outbox.ts";

type Item = { readonly name: string; lane: Lane | undefined };
const item = (name: string): Item => ({ name, lane: undefined });
const START = instant(1_000_000);

const drain = (outbox: Outbox<Item>, now = START): readonly string[] => {
  const names: string[] = [];
  for (let next = outbox.take(now); next !== undefined; next = outbox.take(now)) names.push(next.name);
  return names;
};

describe("an outbox", () => {
  it("sends what is disputed first, then the urgent, probes, and the rest, each in its order", () => {
    const outbox = new Outbox<Item>(1_000);
    for (const [name, lane] of [
      ["refresh", "again"],
      ["one", "first"],
      ["probe", "probe"],
      ["two", "first"],
      ["disputed", "disputed"],
    ] as const) {
      outbox.put(item(name), lane);
    }
    assert.deepEqual(drain(outbox), ["disputed", "one", "two", "probe", "refresh"]);
    assert.equal(outbox.deadline(START), undefined);
  });

  it("keeps what waits once, in the better of its lanes", () => {
    const outbox = new Outbox<Item>(1_000);
    const twice = item("twice");
    outbox.put(item("other"), "again");
    outbox.put(twice, "again");
    outbox.put(twice, "first");
    outbox.put(twice, "again");
    assert.deepEqual(drain(outbox), ["twice", "other"]);
  });

  it("forgets what was withdrawn, and takes it again later", () => {
    const outbox = new Outbox<Item>(1_000);
    const withdrawn = item("withdrawn");
    outbox.put(withdrawn, "first");
    withdrawn.lane = undefined;
    assert.deepEqual(drain(outbox), []);
    outbox.put(withdrawn, "first");
    withdrawn.lane = undefined;
    outbox.put(withdrawn, "first");
    assert.deepEqual(drain(outbox), ["withdrawn"]);
  });

  it("sends no more than its rate, and says when it goes on", () => {
    const outbox = new Outbox<Item>(1_000);
    for (let index = 0; index < 10_000; index += 1) outbox.put(item(`${index}`), "again");
    assert.equal(drain(outbox).length, 64);
    assert.equal(outbox.deadline(START), after(START, millis(16)));
    assert.equal(drain(outbox, after(START, millis(16))).length, 16);
    let sent = 80;
    let now = after(START, millis(16));
    while (sent < 10_000) {
      const at = outbox.deadline(now);
      assert.ok(at !== undefined && at > now);
      now = at;
      sent += drain(outbox, now).length;
    }
    assert.ok(now - START <= seconds(10) && now - START >= seconds(9.9));
  });
});
