import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { after, type Duration, type Instant, instant, millis, seconds } from "#base/time";
import type { Standing } from "#core/liveness/standing";
import { ONE, shown, UP } from "#testing/ownership";
import { macOf } from "#testing/speaker-link";
import { DEFAULT_OWNERSHIP } from "./config.ts";
import type { Input } from "./input.ts";
import { Ownership } from "./ownership.ts";

const T0 = instant(500_000_000);
const at = (duration: Duration): Instant => after(T0, duration);
const PRINTER = macOf("node-99");
const heard = (mac = PRINTER): Input => ({ type: "heard", address: ONE, mac });
const placed = (...candidates: readonly string[]): Input => ({
  type: "placements",
  changed: [{ address: ONE, candidates }],
  removed: [],
});
const fit: Input = { type: "fitness", changes: [{ address: ONE, isFit: true }] };
const standings = (changes: Readonly<Record<string, Standing>>): Input => ({
  type: "standings",
  changes: Object.entries(changes).map(([node, standing]) => ({ node, standing })),
  sessions: { up: 2, missing: 0, leaving: 0 },
});

/** The node `node-1`, which hears `node-0` and `node-2`; gives what it says of strangers after these inputs. */
const told = (...inputs: readonly (readonly [Duration, Input])[]): readonly string[] => {
  const ownership = new Ownership("node-1", DEFAULT_OWNERSHIP, T0);
  const said: string[] = [];
  const give = (input: Input, now: Instant): void => {
    ownership.peerHeard(now);
    said.push(...shown(ownership.step(input, now)));
  };
  const members = ["node-0", "node-2"].map((name) => ({ name, macs: [macOf(name)] }));
  give({ type: "members", members }, T0);
  give({ type: "gateway", isKnown: false }, T0);
  give(standings({ "node-0": UP, "node-2": UP }), T0);
  let now = T0;
  for (const [when, input] of inputs) {
    for (; now < at(when); now = after(now, millis(10))) give({ type: "timer" }, now);
    give(input, now);
  }
  return said.filter((line) => line.startsWith("stranger "));
};

const ALL: readonly [Duration, Input] = [millis(10), { type: "all-placed" }];
const USED = [`stranger ${PRINTER}`];
const UNUSED = [`stranger ${PRINTER} unused`];

describe("a stranger that has an address", () => {
  it("had it before its first use, if the address came after all others and nobody held it", () => {
    const news = [ALL, [seconds(20), placed("node-1", "node-2")], [seconds(20), fit]] as const;
    assert.deepEqual(told(...news, [seconds(20.05), heard()]), UNUSED);
  });

  it("had it before its first use, whenever the first node comes that may use it", () => {
    const news = [ALL, [seconds(20), placed()], [seconds(90), placed("node-1")], [seconds(90), fit]] as const;
    assert.deepEqual(told(...news, [seconds(90.05), heard()]), UNUSED);
  });

  it("came while it was in use, for all that this node knows, if it was there when this node started", () => {
    const start = [[millis(5), placed("node-1", "node-2")], ALL, [millis(20), fit]] as const;
    assert.deepEqual(told(...start, [millis(50), heard()]), USED);
  });

  it("came while another node held it that has died", () => {
    const dead: Standing = { name: "dead", since: at(seconds(40)), cause: "silent" };
    const news = [
      ALL,
      [seconds(20), placed("node-0", "node-1")],
      [seconds(20), fit],
      [seconds(40), standings({ "node-0": dead })],
    ] as const;
    // Whether or not the other one was heard to hold it.
    assert.deepEqual(told(...news, [seconds(40.05), heard()]), USED);
    const known = [...news.slice(0, 3), [seconds(21), heard(macOf("node-0"))], ...news.slice(3)] as const;
    assert.deepEqual(told(...known, [seconds(40.05), heard()]), USED);
  });

  it("came while another node may have held it that was preferred then", () => {
    const news = [ALL, [seconds(20), placed("node-0", "node-1")], [seconds(20), fit]] as const;
    const late = [...news, [seconds(60), placed("node-1", "node-2")], [seconds(60.05), heard()]] as const;
    assert.deepEqual(told(...late), USED);
    // Not within the second in which placements of a new Service settle.
    const soon = [...news, [seconds(20.5), placed("node-1")], [seconds(20.55), heard()]] as const;
    assert.deepEqual(told(...soon), UNUSED);
  });

  it("came while this node held it, or after it had", () => {
    const news = [ALL, [seconds(20), placed("node-1", "node-2")], [seconds(20), fit]] as const;
    assert.deepEqual(told(...news, [seconds(30), heard()]), USED);
    const unfit: Input = { type: "fitness", changes: [{ address: ONE, isFit: false }] };
    const back = [...news, [seconds(30), unfit], [seconds(31), fit], [seconds(31.05), heard()]] as const;
    assert.deepEqual(told(...back), USED);
  });
});
