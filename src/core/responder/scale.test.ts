import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { instant, millis, seconds } from "#base/time";
import { addressAfter, asks, held, Node, nodeLink, wordsOf } from "#testing/responder";
import { address } from "#testing/values";
import { DEFAULTS } from "./config.ts";

const COUNT = 10_000;
const RATE = DEFAULTS.framesPerSecond;
/** What may leave beyond the rate: what was saved up for a moment. */
const BURST = 64;
const FIRST = address("10.0.0.0");
const MANY = Array.from({ length: COUNT }, (_, index) => addressAfter(FIRST, index * 7));
const LINK = nodeLink(2, ["10.0.0.1/8", "2001:db8::1/64"]);

type Sent = ReturnType<Node["takeSent"]>;

/** No stretch of time has more frames than the rate allows. */
const assertRate = (sent: Sent): void => {
  for (const window of [millis(10), millis(100), seconds(1), seconds(10)]) {
    let first = 0;
    for (const [index, { at }] of sent.entries()) {
      while ((sent[first]?.at ?? at) < at - window) first += 1;
      const count = index - first + 1;
      assert.ok(count <= (RATE * window) / 1_000_000 + BURST + 1, `${count} frames in ${window} us`);
    }
  }
};

describe("ten thousand addresses", () => {
  it("are all announced once within 2.6 s of a takeover of all of them, at no more than the rate", () => {
    const node = new Node().links(LINK).assign(...MANY.map((each) => held(each)));
    const start = node.now;
    node.pass(seconds(40));
    const sent = node.takeSent();
    assertRate(sent);
    const firstAt = new Map<string, number>();
    for (const { at, send } of sent) {
      const words = wordsOf(send);
      const subject = /request (\S+)/.exec(words)?.[1];
      if (subject !== undefined && !firstAt.has(subject)) firstAt.set(subject, at - start);
    }
    assert.equal(firstAt.size, COUNT);
    assert.ok(Math.max(...firstAt.values()) <= seconds(2.6), String(Math.max(...firstAt.values())));
    assert.ok(node.largestTurn <= 64);
    // Both forms of each, too, and the second burst.
    assert.ok(sent.length >= 3 * COUNT);
  });

  it("are refreshed within the interval, evenly, at a few hundred frames a second", () => {
    const node = new Node().links(LINK).assign(...MANY.map((each) => held(each)));
    node.pass(seconds(60)).takeSent();
    node.pass(seconds(130));
    const sent = node.takeSent();
    const lastAt = new Map<string, number>();
    for (const { at, send } of sent) {
      const subject = /request (\S+)/.exec(wordsOf(send))?.[1];
      if (subject === undefined) continue;
      const last = lastAt.get(subject);
      if (last !== undefined) assert.ok(at - last <= seconds(100.1), `${subject}: ${at - last}`);
      lastAt.set(subject, at);
    }
    assert.equal(lastAt.size, COUNT);
    const perSecond = Map.groupBy(sent, ({ at }) => Math.floor(at / seconds(1)));
    const most = Math.max(...[...perSecond.values()].map((frames) => frames.length));
    assert.ok(most < 800, `${most} frames in a second`);
  });

  it("do not keep one more that is taken over waiting, and it is announced in the first frame that leaves", () => {
    const node = new Node().links(LINK).assign(...MANY.map((each) => held(each)));
    node.pass(seconds(4)).takeSent();
    const one = address("10.99.0.1");
    node.assign(held(one)).pass(millis(20));
    const words = node.take();
    assert.match(String(words[0]), /takeover .* request 10\.99\.0\.1 /);
  });

  it("do not keep the defence of one of them waiting, whatever else of it waits already", () => {
    // The second burst of all of them is under way, or the first one.
    for (const since of [seconds(5), seconds(0)]) {
      const node = new Node().links(LINK).assign(...MANY.map((each) => held(each)));
      node.pass(since).takeSent();
      const [last] = MANY.slice(-1);
      assert.ok(last !== undefined);
      node.sayAgain("defence", last).pass(millis(20));
      // The limit may have let its frames through just before.
      assert.match(String(node.take()[0]), new RegExp(`request ${last} `));
    }
  });

  it("are answered for while all of them wait to be announced", () => {
    const node = new Node().links(LINK).assign(...MANY.map((each) => held(each)));
    node.take();
    for (let index = 0; index < 1_000; index += 1) {
      node.hear(2, asks(MANY[index * 10] ?? FIRST, 0x77, address("10.0.0.7")));
    }
    const answers = node.takeSent().filter(({ send }) => send.cause === "answer");
    assert.equal(answers.length, 1_000);
  });

  it("that are given up before they were announced are not announced", () => {
    const node = new Node().links(LINK).assign(...MANY.map((each) => held(each)));
    node.take();
    node.forget(...MANY).pass(seconds(200));
    assert.deepEqual(node.take(), []);
    assert.equal(node.responder.deadline(), undefined);
    assert.deepEqual([...node.ears], []);
  });

  it("tell sockets of a storm of changes a few times, not once for each", () => {
    const node = new Node().links(LINK).assign(held(FIRST));
    node.pass(seconds(1));
    let told = 0;
    for (const each of MANY.slice(1, 1_001)) {
      for (const effect of node.responder.assign([held(each)], node.now))
        told += effect.type === "listen" ? 1 : 0;
      node.now = instant(node.now + 1_000);
    }
    assert.ok(told <= 21, `${told} times`);
  });
});
