import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { type IpAddress, parseAddress } from "#base/address";
import { after, type Duration, type Instant, instant, micros, millis, seconds } from "#base/time";
import type { GratuitousPolicy } from "#core/vrrp/config";
import { type Config, deadline, type Effect, INITIAL, type Input, type State, step } from "./machine.ts";

const addresses: readonly IpAddress[] = ["192.0.2.10", "192.0.2.11"].flatMap(
  (text) => parseAddress(text) ?? [],
);
const policy: GratuitousPolicy = {
  repeat: 3,
  interval: millis(200),
  delay: seconds(5),
  refresh: seconds(60),
};
const config: Config = { policy, addresses };
const START = instant(1_000_000);

type Said = readonly [at: Duration, cause: Effect["cause"]];

/** Runs until `end`, timers at their deadlines and inputs at their times; gives what was announced and when. */
const run = (
  given: Config,
  inputs: readonly (readonly [Duration, Input["type"]])[],
  end: Duration,
): { readonly said: readonly Said[]; readonly state: State } => {
  let state: State = INITIAL;
  const said: Said[] = [];
  const feed = (input: Input, now: Instant): void => {
    const next = step(given, state, input, now);
    state = next.state;
    for (const effect of next.effects) {
      assert.deepEqual(effect.addresses, given.addresses);
      said.push([micros(now - START), effect.cause]);
    }
  };
  const runTimers = (until: Instant): void => {
    for (let at = deadline(state); at !== undefined && at <= until; at = deadline(state)) {
      feed({ type: "timer" }, at);
    }
  };
  for (const [offset, type] of inputs) {
    runTimers(after(START, offset));
    feed({ type }, after(START, offset));
  }
  runTimers(after(START, end));
  return { said, state };
};

const takeover = [micros(0), "takeover"] as const;

describe("announcing", () => {
  it("announces at once and in a burst at takeover, and in a second burst after the delay", () => {
    const { said } = run(config, [takeover], seconds(20));
    assert.deepEqual(said, [
      [millis(0), "takeover"],
      [millis(200), "takeover"],
      [millis(400), "takeover"],
      [millis(5_000), "second-burst"],
      [millis(5_200), "second-burst"],
      [millis(5_400), "second-burst"],
    ]);
  });

  it("refreshes at the interval after the last announcement of any kind", () => {
    const only = { ...config, policy: { ...policy, repeat: 1, delay: micros(0) } };
    const { said } = run(only, [takeover, [seconds(100), "link-up"]], seconds(220));
    assert.deepEqual(said, [
      [seconds(0), "takeover"],
      [seconds(60), "refresh"],
      [seconds(100), "link-up"],
      [seconds(160), "refresh"],
      [seconds(220), "refresh"],
    ]);
  });

  it("does without second burst and refresh when they are zero", () => {
    const bare = { ...config, policy: { ...policy, delay: micros(0), refresh: micros(0) } };
    const { said, state } = run(bare, [takeover], seconds(3_600));
    assert.equal(said.length, 3);
    assert.equal(deadline(state), undefined);
  });

  it("is silent until takeover and from the moment of silence on", () => {
    const others = (["link-up", "other-speaker", "rival", "reconfigured", "timer", "silence"] as const).map(
      (type) => [micros(0), type] as const,
    );
    assert.deepEqual(run(config, others, seconds(60)), { said: [], state: INITIAL });
    const { said, state } = run(config, [takeover, [millis(200), "silence"]], seconds(600));
    assert.deepEqual(said, [
      [millis(0), "takeover"],
      [millis(200), "takeover"],
    ]);
    assert.equal(state, INITIAL);
  });

  it("starts afresh when it takes over again", () => {
    const again = [takeover, [millis(300), "takeover"]] as const;
    const { said } = run(config, again, seconds(5));
    assert.deepEqual(said.slice(2), [
      [millis(300), "takeover"],
      [millis(500), "takeover"],
      [millis(700), "takeover"],
    ]);
  });

  it("answers another speaker at once when the last burst is ten seconds old (RFC 5227 §2.4)", () => {
    const { said } = run(config, [takeover, [seconds(15), "other-speaker"]], seconds(16));
    assert.deepEqual(said.slice(6), [
      [millis(15_000), "other-speaker"],
      [millis(15_200), "other-speaker"],
      [millis(15_400), "other-speaker"],
    ]);
  });

  it("answers another speaker later when it comes sooner, once for however often it spoke", () => {
    const often = Array.from({ length: 50 }, (_, index) => [millis(100 * index), "other-speaker"] as const);
    const once = { ...config, policy: { ...policy, repeat: 1, delay: micros(0) } };
    const { said } = run(once, [takeover, ...often], seconds(50));
    assert.deepEqual(said, [
      [seconds(0), "takeover"],
      [seconds(10), "other-speaker"],
    ]);
  });

  it("answers a rival router sooner, but not more than once a second", () => {
    const often = Array.from({ length: 15 }, (_, index) => [millis(100 * index), "rival"] as const);
    const once = { ...config, policy: { ...policy, repeat: 1, delay: micros(0) } };
    assert.deepEqual(run(once, [takeover, ...often], seconds(50)).said, [
      [seconds(0), "takeover"],
      [seconds(1), "rival"],
      [seconds(2), "rival"],
    ]);
  });

  it("defends once, at once, and leaves the burst under way as it is", () => {
    const once = { ...config, policy: { ...policy, delay: micros(0) } };
    const { said } = run(once, [takeover, [millis(270), "defence"]], seconds(5));
    assert.deepEqual(said, [
      [millis(0), "takeover"],
      [millis(200), "takeover"],
      [millis(270), "defence"],
      [millis(400), "takeover"],
    ]);
  });

  it("defends 50 ms after the last word at the earliest, once for however often that is asked for until then", () => {
    const once = { ...config, policy: { ...policy, repeat: 1, delay: micros(0) } };
    const often = Array.from({ length: 120 }, (_, index) => [millis(index), "defence"] as const);
    const { said } = run(once, [takeover, ...often], seconds(5));
    assert.deepEqual(said, [
      [millis(0), "takeover"],
      [millis(50), "defence"],
      [millis(100), "defence"],
      [millis(150), "defence"],
    ]);
  });

  it("says as a defence what is due anyway while one waits: it is as urgent as that", () => {
    const once = { ...config, policy: { ...policy, repeat: 1 } };
    const [first, second] = [millis(4_970), millis(4_980)];
    const { said } = run(once, [takeover, [first, "defence"], [second, "defence"]], seconds(6));
    assert.deepEqual(said, [
      [millis(0), "takeover"],
      [first, "defence"],
      // The second burst, twenty milliseconds before the defence was due.
      [seconds(5), "defence"],
    ]);
    const rival = run(once, [takeover, [millis(4_500), "rival"], [millis(4_600), "rival"]], seconds(6)).said;
    assert.deepEqual(rival.at(-1), [seconds(5), "rival"]);
  });

  it("does not say twice what it says at that very moment", () => {
    const once = { ...config, policy: { ...policy, repeat: 1, delay: micros(0) } };
    const both = [takeover, [seconds(20), "other-speaker"], [seconds(20), "defence"]] as const;
    assert.deepEqual(run(once, both, seconds(25)).said.slice(1), [[seconds(20), "other-speaker"]]);
  });

  it("announces a burst to a speaker that is back, at most once a second, and tells it at once all the same", () => {
    const once = { ...config, policy: { ...policy, delay: micros(0) } };
    const returns = [
      [seconds(6), "peer-returned"],
      [millis(6_700), "peer-returned"],
      [millis(6_720), "peer-returned"],
    ] as const;
    assert.deepEqual(
      run(once, [takeover, ...returns], seconds(9)).said.slice(3),
      [6_000, 6_200, 6_400, 6_700, 6_750, 7_000, 7_200, 7_400].map((at) => [millis(at), "peer-returned"]),
    );
  });

  it("announces after link-up, but not more than once a second when the link flaps", () => {
    const flaps = Array.from({ length: 25 }, (_, index) => [millis(6_500 + 100 * index), "link-up"] as const);
    const once = { ...config, policy: { ...policy, repeat: 1 } };
    const { said } = run(once, [takeover, ...flaps], seconds(30));
    assert.deepEqual(said.slice(2), [
      [millis(6_500), "link-up"],
      [millis(7_500), "link-up"],
      [millis(8_500), "link-up"],
      [millis(9_500), "link-up"],
    ]);
  });

  it("lets a link that came up be announced before a rival that must wait longer", () => {
    const inputs = [takeover, [millis(500), "other-speaker"], [millis(600), "link-up"]] as const;
    const once = { ...config, policy: { ...policy, repeat: 1, delay: micros(0) } };
    assert.deepEqual(run(once, inputs, seconds(30)).said, [
      [millis(0), "takeover"],
      [millis(1_000), "link-up"],
    ]);
  });

  it("does not let a rival put off what a link that came up already waits for", () => {
    const inputs = [takeover, [millis(500), "link-up"], [millis(600), "other-speaker"]] as const;
    const once = { ...config, policy: { ...policy, repeat: 1, delay: micros(0) } };
    assert.deepEqual(run(once, inputs, seconds(30)).said, [
      [millis(0), "takeover"],
      [millis(1_000), "link-up"],
    ]);
  });

  it("announces new addresses at once", () => {
    const { state } = run(config, [takeover], millis(100));
    const changed = { ...config, addresses: addresses.slice(1) };
    const { effects } = step(changed, state, { type: "reconfigured" }, after(START, millis(100)));
    assert.deepEqual(effects, [{ type: "announce", addresses: changed.addresses, cause: "reconfigured" }]);
  });

  it("announces once, not many times, when it wakes late", () => {
    const { state } = run(config, [takeover], millis(0));
    const late = after(START, seconds(3));
    const woken = step(config, state, { type: "timer" }, late);
    assert.equal(woken.effects.length, 1);
    assert.equal(deadline(woken.state), after(late, millis(200)));
  });

  it("changes nothing one microsecond before a deadline, and acts at it", () => {
    const moments = [millis(0), millis(400), millis(5_400)] as const;
    for (const moment of moments) {
      const { state } = run(config, [takeover], moment);
      const at = deadline(state);
      assert.ok(at !== undefined);
      assert.deepEqual(step(config, state, { type: "timer" }, after(at, micros(-1))), { state, effects: [] });
      assert.equal(step(config, state, { type: "timer" }, at).effects.length, 1);
    }
  });

  it("moves on when the interval is zero", () => {
    const eager = { ...config, policy: { ...policy, interval: micros(0), repeat: 60, delay: micros(0) } };
    assert.equal(run(eager, [takeover], seconds(1)).said.length, 60);
  });
});

describe("two fighting speakers", () => {
  it("never make more announcements than a burst in ten seconds each, beyond the policy's own", () => {
    const type = fc.constantFrom<Input["type"]>("other-speaker", "timer");
    const inputs = fc.array(fc.tuple(fc.nat(60_000_000), type), { maxLength: 200 });
    const quiet = { ...config, policy: { ...policy, delay: micros(0), refresh: micros(0) } };
    fc.assert(
      fc.property(inputs, (unordered) => {
        const ordered = [...unordered]
          .sort(([left], [right]) => left - right)
          .map(([at, name]) => [micros(at), name] as const);
        const { said } = run(quiet, [takeover, ...ordered], seconds(60));
        assert.ok(said.length <= 7 * policy.repeat, `${said.length} announcements`);
        for (const [index, [at]] of said.entries()) {
          const next = said[index + policy.repeat]?.[0] ?? Number.POSITIVE_INFINITY;
          assert.ok(next - at >= seconds(10) - 2 * policy.interval);
        }
      }),
    );
  });
});
