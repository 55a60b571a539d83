/** What every way to a service manager must do, the real one and the fake. */
import assert from "node:assert/strict";
import { it } from "node:test";
import type { NotifyPort } from "./port.ts";

/** A port under test: what its manager has heard, and a way to stop the manager from reading. */
export type NotifyUnderTest = {
  readonly port: NotifyPort;
  readonly heard: () => readonly string[];
  /** From now on nobody listens at all. */
  readonly leave: () => void;
  /** From now on there is no room. */
  readonly fill: () => void;
};

/** Registers the tests. `open` gives a fresh port for each. */
export const notifyContract = (open: () => NotifyUnderTest): void => {
  it("delivers each message by itself and in order", () => {
    const { port, heard } = open();
    assert.equal(port.send("READY=1"), "sent");
    assert.equal(port.send("STATUS=é"), "sent");
    assert.deepEqual(heard(), ["READY=1", "STATUS=é"]);
    port.close();
  });

  it("says that there is no room instead of waiting for some", () => {
    const { port, fill } = open();
    fill();
    assert.equal(port.send("WATCHDOG=1"), "full");
    port.close();
  });

  it("says that nobody listens any more", () => {
    const { port, leave } = open();
    leave();
    assert.equal(port.send("WATCHDOG=1"), "gone");
    port.close();
  });

  it("sends nothing once it is closed, and may be closed twice", () => {
    const { port, heard } = open();
    port.close();
    port.close();
    assert.equal(port.send("READY=1"), "gone");
    assert.deepEqual(heard(), []);
  });
};
