import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type Instant, instant, millis, seconds } from "#base/time";
import type { Event } from "#core/observation/event";
import { emptyView } from "#core/observation/view";
import { fakeClock } from "#drivers/clock/fake";
import { FakeNotify } from "#drivers/notify/fake";
import { createDeadlines } from "#runtime/deadlines";
import { createSupervision } from "./supervision.ts";

const READY: Event = { type: "process", part: "wire", change: "ready", detail: "" };
const STOPPING: Event = { type: "process", part: "wire", change: "stopping", detail: "SIGTERM" };
const IDLE = "STATUS=nothing is configured";

const bench = (fastSeenAt?: () => Instant) => {
  const clock = fakeClock({ onWake: () => deadlines.runDue() });
  const deadlines = createDeadlines(clock);
  const notify = new FakeNotify();
  const supervision = createSupervision({
    ...{ notify, deadlines, watchdog: seconds(2) },
    now: () => clock.now(),
    fastSeenAt: fastSeenAt ?? (() => clock.now()),
  });
  const view = emptyView();
  /** What the manager has heard since the last call. */
  const heard = (): readonly string[] => notify.heard.splice(0);
  return { clock, notify, supervision, view, heard };
};

const alive = (heard: readonly string[]): number => heard.filter((text) => text === "WATCHDOG=1").length;

describe("what the service manager is told", () => {
  it("is that we are ready, when we are, and that we stop", () => {
    const { supervision, view, heard } = bench();
    heard();
    supervision.observe({ type: "config-refused", problems: [] }, view);
    assert.deepEqual(heard(), []);
    supervision.observe(READY, view);
    assert.deepEqual(heard(), [IDLE, "READY=1"]);
    supervision.observe(STOPPING, view);
    assert.deepEqual(heard(), ["STOPPING=1"]);
  });

  it("is when a reload begins and when it is over, but not before we are ready", () => {
    const { clock, supervision, view, heard } = bench();
    supervision.reloading();
    supervision.reloaded();
    supervision.observe(READY, view);
    heard();
    supervision.reloading();
    assert.deepEqual(heard(), [`RELOADING=1\nMONOTONIC_USEC=${clock.now()}`]);
    supervision.reloaded();
    supervision.reloaded();
    assert.deepEqual(heard(), ["READY=1"]);
  });

  it("is a new line of status a quarter of a second after something changed it, once for all that changed", () => {
    const { clock, supervision, view, heard } = bench();
    supervision.observe(READY, view);
    heard();
    for (const name of ["a", "b"]) {
      view.links[name] = "up";
      view.config = { ...view.config, refused: ["bad"] };
      supervision.observe({ type: "link", link: name, state: "up" }, view);
    }
    clock.advance(millis(249));
    assert.deepEqual(heard(), []);
    clock.advance(millis(1));
    assert.deepEqual(heard(), ["STATUS=a changed configuration was refused"]);
    supervision.observe({ type: "link", link: "a", state: "up" }, view);
    clock.advance(millis(250));
    assert.deepEqual(heard(), []);
  });

  it("waits for room, newest word of each kind last, and is not lost", () => {
    const { clock, notify, supervision, view, heard } = bench();
    heard();
    notify.answer("full");
    supervision.observe(READY, view);
    supervision.reloading();
    supervision.reloaded();
    notify.answer("sent");
    clock.advance(millis(50));
    assert.deepEqual(
      heard().map((text) => text.slice(0, 9)),
      [IDLE.slice(0, 9), "RELOADING", "READY=1"],
    );
    notify.answer("gone");
    supervision.observe(STOPPING, view);
    notify.answer("sent");
    clock.advance(millis(50));
    assert.deepEqual(heard(), []);
  });
});

describe("the watchdog", () => {
  it("is told twice in its time that we live", () => {
    const { clock, heard } = bench();
    assert.equal(alive(heard()), 1);
    clock.advance(seconds(10));
    assert.equal(alive(heard()), 10);
  });

  it("is not told while the fast thread hangs, and again when it goes on", () => {
    let seen = instant(0);
    const { clock, heard } = bench(() => seen);
    clock.advance(seconds(1));
    assert.equal(alive(heard()), 2, "a pause is not a hang");
    clock.advance(seconds(10));
    assert.equal(alive(heard()), 0);
    seen = clock.now();
    clock.advance(seconds(1));
    assert.equal(alive(heard()), 1);
  });

  it("is told as soon as there is room, but nothing that was true only before", () => {
    let seen = instant(1_000_000);
    const { clock, notify, heard } = bench(() => seen);
    heard();
    notify.answer("full");
    clock.advance(millis(1_500));
    notify.answer("sent");
    clock.advance(millis(50));
    assert.equal(alive(heard()), 1);
    notify.answer("full");
    clock.advance(seconds(5));
    notify.answer("sent");
    clock.advance(millis(50));
    assert.equal(alive(heard()), 0);
    seen = clock.now();
    clock.advance(seconds(1));
    assert.equal(alive(heard()), 1);
  });
});
