import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { describe, it } from "node:test";
import { type Door, openDoor } from "#native/door";
import { takeLock } from "./lock.ts";

const HELD = /^another steelyard test-\S+ runs in this network namespace/;
let names = 0;
const fresh = (): string => {
  names += 1;
  return `steelyard-test-${process.pid}-${names}`;
};

describe("the lock of a network namespace", () => {
  it("can be taken once, and again when it was released", () => {
    const name = fresh();
    const first = takeLock(name);
    assert.ok(first.taken);
    assert.equal(takeLock(name).taken && takeLock(name).detail === undefined, false);
    first.release();
    const second = takeLock(name);
    assert.deepEqual([second.taken, second.detail], [true, undefined]);
    if (second.taken) second.release();
  });

  it("ends with the process that holds it, even if it is killed", () => {
    const name = fresh();
    const program = `
      import { takeLock } from "${new URL("./lock.ts", import.meta.url).pathname}";
      console.log(takeLock("${name}").taken);
      process.kill(process.pid, "SIGKILL");`;
    const { stdout, signal } = spawnSync(process.execPath, ["--input-type=module", "--eval", program], {
      encoding: "utf8",
      cwd: import.meta.dirname,
    });
    assert.deepEqual([stdout, signal], ["true\n", "SIGKILL"]);
    const lock = takeLock(name);
    assert.deepEqual([lock.taken, lock.detail], [true, undefined]);
  });

  it("names the holder, and believes one that the kernel cannot name", () => {
    const door = openDoor();
    /** A kernel on which this process has the name and its credentials are these. */
    const kernel = (pid: number, connected = 0): Door => ({
      ...door,
      bind: () => -98,
      connect: () => connected,
      getsockopt: (_fd, _level, _name, value) => {
        new DataView(value.buffer).setInt32(0, pid, true);
        return 12;
      },
    });
    const lock = takeLock(fresh(), { door: kernel(0) });
    assert.ok(!lock.taken);
    assert.match(lock.detail, HELD);
    assert.equal(takeLock(fresh(), { door: kernel(1, -11) }).taken, false);
    const gone = takeLock(fresh(), { door: kernel(2 ** 22 + 1) });
    assert.ok(!gone.taken);
    assert.match(gone.detail, /\(process 4194305\)$/);
  });

  it("is not kept from us by somebody who may not configure the network", (context) => {
    const name = fresh();
    const program = `
      import { createServer } from "node:net";
      createServer().listen("\\0${name}", () => console.log("up"));`;
    // A user without rights: nobody (65534), where this test runs as root; as an ordinary user it is one itself.
    const user = process.getuid?.() === 0 ? { uid: 65_534, gid: 65_534 } : {};
    const { promise, resolve } = Promise.withResolvers<void>();
    const { spawn } = process.getBuiltinModule("node:child_process");
    const child = spawn(process.execPath, ["--input-type=module", "--eval", program], {
      ...user,
      cwd: "/",
      stdio: ["ignore", "pipe", "inherit"],
    });
    context.after(() => child.kill("SIGKILL"));
    child.stdout?.once("data", () => resolve());
    return promise.then(() => {
      const lock = takeLock(name);
      assert.ok(lock.taken);
      assert.match(lock.detail ?? "", new RegExp(`process ${child.pid} sits on the name @${name}`));
    });
  });
});
