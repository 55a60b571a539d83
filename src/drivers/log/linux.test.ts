import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import {
  closeSync,
  constants,
  fstatSync,
  mkdtempSync,
  openSync,
  readFileSync,
  readSync,
  rmSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import { after, type Instant, instant, micros, millis, wallTime } from "#base/time";
import { openDoor } from "#native/door";
import { createFakeLog } from "./fake.ts";
import { createLog, isJournal, type LogWorld } from "./linux.ts";
import type { LogLevel } from "./port.ts";
import { LINES_PER_WINDOW, WINDOW } from "./rate-limit.ts";
import { MAX_WAITING_BYTES } from "./sink.ts";
import { openWriter, type Written } from "./writer.ts";

/** A world whose time and reader the test moves. */
const createWorld = () => {
  const timers: { at: Instant; action: () => void }[] = [];
  let now = instant(0);
  let text = "";
  let room = Number.POSITIVE_INFINITY;
  let failing = false;
  let writes = 0;
  const write = (bytes: Uint8Array): Written => {
    writes += 1;
    if (failing) return "failed";
    if (room === 0) return "again";
    const taken = Math.min(room, bytes.length);
    room -= taken;
    text += Buffer.from(bytes.subarray(0, taken)).toString();
    return taken;
  };
  let pauses = 0;
  const world: LogWorld = {
    writer: { write, close: () => undefined },
    now: () => now,
    wallNow: () => wallTime(0),
    later(milliseconds, action) {
      const timer = { at: after(now, millis(milliseconds)), action };
      timers.push(timer);
      return () => {
        if (timers.includes(timer)) timers.splice(timers.indexOf(timer), 1);
      };
    },
    pause: () => {
      pauses += 1;
    },
  };
  return {
    world,
    lines: () => text.split("\n").slice(0, -1),
    setRoom: (bytes: number) => {
      room = bytes;
    },
    breakReader: () => {
      failing = true;
    },
    pauses: () => pauses,
    writes: () => writes,
    timers,
    advanceTo(end: Instant) {
      for (;;) {
        const due = timers.filter(({ at }) => at <= end).sort((a, b) => a.at - b.at)[0];
        if (due === undefined) break;
        timers.splice(timers.indexOf(due), 1);
        now = due.at;
        due.action();
      }
      now = end;
    },
  };
};

const openIn = (world: LogWorld, level: LogLevel = "info") => createLog({ format: "journal", level }, world);

describe("the log", () => {
  it("leaves out what is less urgent than its level", () => {
    const { world, lines } = createWorld();
    const log = openIn(world, "warning");
    log.log("info", "a");
    log.log("warning", "b");
    log.log("error", "c");
    assert.deepEqual(lines(), ["<4>b", "<3>c"]);
  });

  it("writes a message that repeats so many times and then says how often it was left out", () => {
    const { world, lines, advanceTo } = createWorld();
    const log = openIn(world);
    for (let n = 0; n < LINES_PER_WINDOW + 5; n += 1) log.log("warning", "again", { n });
    log.log("info", "another");
    assert.equal(lines().length, LINES_PER_WINDOW + 1);
    advanceTo(instant(WINDOW - 1));
    assert.equal(lines().length, LINES_PER_WINDOW + 1);
    advanceTo(instant(WINDOW));
    assert.equal(lines().at(-1), "<4>again suppressed=5");
    log.log("warning", "again", { n: 99 });
    assert.equal(lines().at(-1), "<4>again n=99");
  });

  it("has no timer left when no window is open", () => {
    const { world, timers, advanceTo } = createWorld();
    openIn(world).log("info", "once");
    assert.equal(timers.length, 1);
    advanceTo(instant(WINDOW));
    assert.equal(timers.length, 0);
  });

  it("limits messages that are all different to a bounded number", () => {
    const { world, lines, advanceTo } = createWorld();
    const log = openIn(world);
    for (let n = 0; n < 5_000; n += 1) log.log("info", `message ${n}`);
    assert.equal(lines().length, 1_000 + LINES_PER_WINDOW);
    advanceTo(instant(WINDOW));
    assert.equal(lines().at(-1), `<4>various other messages suppressed=${4_000 - LINES_PER_WINDOW}`);
  });

  it("limits lines of one kind together, so that many of one do not drown a few of another", () => {
    const { world, lines } = createWorld();
    const log = openIn(world);
    for (let n = 0; n < 1_500; n += 1) log.log("warning", `backend b${n} has failed`, {}, "backend-health");
    log.log("info", "ready", {}, "process");
    assert.equal(lines().length, LINES_PER_WINDOW + 1);
    assert.equal(lines().at(-1), "<6>ready");
  });

  it("reports the counts that are open when it closes", () => {
    const { world, lines, timers } = createWorld();
    const log = openIn(world);
    for (let n = 0; n < LINES_PER_WINDOW + 2; n += 1) log.log("info", "again");
    log.close();
    assert.equal(lines().at(-1), "<6>again suppressed=2");
    assert.equal(timers.length, 0);
  });

  it("keeps order and every byte when the reader takes them piece by piece", () => {
    const { world, lines, setRoom, advanceTo } = createWorld();
    const log = openIn(world);
    setRoom(4);
    log.log("info", "first");
    log.log("info", "second");
    setRoom(7);
    advanceTo(after(instant(0), millis(20)));
    setRoom(1_000);
    advanceTo(after(instant(0), millis(40)));
    assert.deepEqual(lines(), ["<6>first", "<6>second"]);
  });

  it("drops lines when the reader stands still for too long, and says how many", () => {
    const { world, lines, setRoom, writes, advanceTo } = createWorld();
    const log = openIn(world);
    setRoom(0);
    const long = "x".repeat(8_000);
    const fitting = Math.ceil(MAX_WAITING_BYTES / 8_000);
    for (let n = 0; n < fitting + 100; n += 1) log.log("info", `line ${n}`, { long });
    assert.equal(writes(), 1, "a line does not try the reader again, the timer does");
    setRoom(Number.POSITIVE_INFINITY);
    advanceTo(after(instant(0), millis(20)));
    const written = lines().length - 1;
    assert.ok(written < fitting + 2);
    assert.equal(lines().at(-1), `<4>log lines were lost lines=${fitting + 100 - written}`);
  });

  it("keeps the message when a field throws as soon as it is looked at", () => {
    const { world, lines } = createWorld();
    const trap = {
      get value() {
        throw new Error("trap");
      },
    };
    openIn(world).log("info", "worth keeping", { trap });
    assert.deepEqual(lines(), ['<6>worth keeping unprintable="Error: trap"']);
  });

  it("gives up on a reader that is gone, and on closing waits for a slow one only so long", () => {
    const gone = createWorld();
    gone.breakReader();
    openIn(gone.world).log("info", "to nobody");
    const slow = createWorld();
    slow.setRoom(0);
    const log = openIn(slow.world);
    log.log("info", "unread");
    log.close();
    assert.equal(slow.pauses(), 20);
  });
});

describe("the writer", () => {
  /** A pipe with both ends in this process. */
  const withPipe = (test: (reader: number, writer: number) => void): void => {
    const folder = mkdtempSync(join(tmpdir(), "steelyard-log-"));
    const path = join(folder, "pipe");
    spawnSync("/usr/bin/mkfifo", [path]);
    const reader = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    const writer = openSync(path, constants.O_WRONLY);
    try {
      test(reader, writer);
    } finally {
      closeSync(reader);
      closeSync(writer);
      rmSync(folder, { recursive: true });
    }
  };

  it("does not wait for room in a full pipe, and goes on when there is some", () => {
    withPipe((reader, descriptor) => {
      const writer = openWriter(descriptor, undefined);
      const block = Buffer.alloc(65_536);
      let written: Written = 0;
      for (let tries = 0; tries < 100 && written !== "again"; tries += 1) written = writer.write(block);
      assert.equal(written, "again");
      readSync(reader, Buffer.alloc(65_536));
      assert.equal(typeof writer.write(Buffer.from("more")), "number");
      writer.close();
    });
  });

  it("does not wait for room in a socket that nobody reads", () => {
    const door = openDoor();
    const AF_UNIX = 1;
    const SOCK_DGRAM = 2;
    // An abstract address (unix(7)): family, zero byte, name.
    const address = Buffer.from(`\u0001\u0000\u0000steelyard-log-${process.pid}`);
    const reader = door.socket(AF_UNIX, SOCK_DGRAM, 0);
    const descriptor = door.socket(AF_UNIX, SOCK_DGRAM, 0);
    assert.equal(door.bind(reader, address), 0);
    assert.equal(door.connect(descriptor, address), 0);
    const writer = openWriter(descriptor, door.send);
    let written: Written = 0;
    for (let tries = 0; tries < 10_000 && written !== "again"; tries += 1)
      written = writer.write(Buffer.from("x"));
    assert.equal(written, "again");
    door.close(reader);
    assert.equal(writer.write(Buffer.from("x")), "failed");
    door.close(descriptor);
  });

  it("says when nobody reads the pipe any more", () => {
    withPipe((reader, descriptor) => {
      const writer = openWriter(descriptor, undefined);
      const own = openSync("/dev/null", "r");
      closeSync(reader);
      assert.equal(writer.write(Buffer.from("x")), "failed");
      // The cleanup closes the reader's number once more: something must be open there.
      assert.equal(openSync("/dev/null", "r"), reader);
      closeSync(own);
      writer.close();
    });
  });

  it("appends to a file where its descriptor stands", () => {
    const folder = mkdtempSync(join(tmpdir(), "steelyard-log-"));
    const path = join(folder, "log");
    const descriptor = openSync(path, "w");
    openWriter(descriptor, undefined).write(Buffer.from("one\n"));
    openWriter(descriptor, undefined).write(Buffer.from("two\n"));
    closeSync(descriptor);
    assert.equal(readFileSync(path, "utf8"), "one\ntwo\n");
    rmSync(folder, { recursive: true });
  });
});

describe("the journal", () => {
  it("is recognised by device and inode, not by the variable alone (systemd.exec(5))", () => {
    const descriptor = openSync("/dev/null", "w");
    const { dev, ino } = fstatSync(descriptor);
    assert.equal(isJournal(descriptor, `${dev}:${ino}`), true);
    assert.equal(isJournal(descriptor, `${dev}:${ino + 1}`), false);
    assert.equal(isJournal(descriptor, undefined), false);
    closeSync(descriptor);
  });
});

it("the fake keeps lines as they were given", () => {
  const log = createFakeLog();
  log.log("info", "a", { n: micros(1) });
  log.close();
  assert.deepEqual(log.lines, [{ level: "info", message: "a", fields: { n: 1 } }]);
  assert.equal(log.closed, true);
});
