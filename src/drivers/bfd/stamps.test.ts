import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { toMillis } from "#base/time";
import { Stamps } from "./stamps.ts";

const HOUR = 3_600_000;

/** A socket whose packets are stamped by a clock that can be set. */
const bed = () => {
  let [wall, steady] = [1_700_000_000_000, 5_000];
  const stamps = new Stamps({ wall: () => wall, steady: () => steady });
  return {
    stamps,
    /** What the kernel writes on a packet that comes now. */
    stamp: () => wall + 0.25,
    pass: (by: number) => {
      wall += by;
      steady += by;
    },
    set: (by: number) => {
      wall += by;
    },
    empty: () => {
      stamps.read();
      stamps.emptied();
    },
    waited: (stamp: number) => {
      stamps.read();
      return Math.round(toMillis(stamps.waited(stamp)));
    },
  };
};

describe("how long a packet waited", () => {
  it("is the time since its stamp", () => {
    const { empty, pass, stamp, waited, stamps } = bed();
    empty();
    pass(3);
    const came = stamp();
    pass(20);
    assert.equal(waited(came), 20);
    assert.ok(Math.abs(stamps.cameAt(stamps.waited(came)) - 5_003) < 1);
  });

  it("is the same when the clock is set while it waits, forwards and backwards, by little and by much", () => {
    for (const by of [HOUR, -HOUR, 500, -500, 365 * 24 * HOUR]) {
      const { empty, pass, set, stamp, waited } = bed();
      empty();
      pass(5);
      const came = stamp();
      pass(10);
      set(by);
      pass(15);
      assert.equal(waited(came), 25, `set by ${by} ms`);
    }
  });

  it("is the same for what comes after that, before the socket was read", () => {
    for (const by of [HOUR, -HOUR]) {
      const { empty, pass, set, stamp, waited } = bed();
      empty();
      pass(5);
      set(by);
      pass(5);
      const came = stamp();
      pass(15);
      assert.equal(waited(came), 15, `set by ${by} ms`);
    }
  });

  it("is wrong by no more than it could have waited where the clock is set by as little", () => {
    const { empty, pass, set, stamp, waited } = bed();
    empty();
    pass(30);
    const came = stamp();
    set(10);
    pass(5);
    const found = waited(came);
    assert.ok(found >= 0 && found <= 37, `${found}`);
  });

  it("is nothing where the clock was set twice meanwhile: nobody is taken for silent because of that", () => {
    const { empty, pass, set, stamp, waited } = bed();
    empty();
    set(HOUR);
    const came = stamp();
    pass(20);
    set(HOUR);
    pass(20);
    assert.equal(waited(came), 0);
  });
});
