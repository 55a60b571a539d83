import assert from "node:assert/strict";
import { constants } from "node:os";
import { after, describe, it } from "node:test";
import { errnoName, openDoor } from "./door.ts";

const NOTHING = new Uint8Array(0);
const door = openDoor();
const opened: number[] = [];
after(() => {
  for (const fd of opened) door.close(fd);
});

const word = (value: number): Uint8Array => new Uint8Array(Int32Array.of(value).buffer);

describe("bpf", () => {
  const [CREATE, LOOKUP, UPDATE, DELETE, LOAD, RUN, INFO] = [0, 1, 2, 3, 5, 10, 15];
  const [LOOKUP_BATCH, UPDATE_BATCH, LINK_CREATE] = [24, 26, 28];
  const EINVAL = -constants.errno.EINVAL;
  const attributes = (length: number, ...words: readonly number[]): Uint8Array => {
    const whole = new Uint32Array(length / 4);
    whole.set(words);
    return new Uint8Array(whole.buffer);
  };
  /** An array of 4 values of 8 bytes; without the right to make one there is nothing to test. */
  const array = (): number => {
    const map = door.bpf(CREATE, attributes(48, 2, 4, 8, 4), []);
    if (map >= 0) opened.push(map);
    return map;
  };
  const mayUse = array() >= 0;

  it("takes no other commands, and attributes of no other length", () => {
    assert.equal(door.bpf(6, attributes(16), []), EINVAL);
    assert.equal(door.bpf(11, attributes(16), []), EINVAL);
    for (const [command, length, buffers] of [
      [CREATE, 48, 0],
      [LOOKUP, 32, 2],
      [LOAD, 72, 3],
      [LOOKUP_BATCH, 56, 4],
    ] as const) {
      const list = Array.from({ length: buffers }, () => new Uint8Array(64));
      assert.equal(door.bpf(command, new Uint8Array(length - 4), list), EINVAL);
      assert.equal(door.bpf(command, new Uint8Array(length + 4), list), EINVAL);
      assert.equal(door.bpf(command, new Uint8Array(length), [...list, new Uint8Array(64)]), EINVAL);
    }
  });

  it("lets nothing be attached but XDP programs, and no addresses in through the attributes", () => {
    assert.equal(door.bpf(LINK_CREATE, attributes(16, 1, 1, 36), []), EINVAL);
    const withContext = attributes(80, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x1000);
    assert.equal(door.bpf(RUN, withContext, [new Uint8Array(64), new Uint8Array(64)]), EINVAL);
    assert.equal(
      door.bpf(LOAD, attributes(72, 6), [new Uint8Array(16), new Uint8Array([65]), NOTHING]),
      EINVAL,
    );
  });

  it("writes and reads elements, one or several, in place", () => {
    if (!mayUse) return;
    const map = array();
    const keys = new Uint8Array(Uint32Array.of(0, 1, 2, 3).buffer);
    const values = new Uint8Array(BigUint64Array.of(5n, 6n, 7n, 8n).buffer);
    assert.equal(door.bpf(UPDATE_BATCH, attributes(56, 0, 0, 0, 0, 0, 0, 0, 0, 4, map), [keys, values]), 0);
    const value = new Uint8Array(8);
    assert.equal(door.bpf(LOOKUP, attributes(32, map), [word(2), value]), 0);
    assert.equal(value[0], 7);
    const [ended, read, count] = [
      new Uint8Array(4),
      new Uint8Array(32),
      attributes(56, ...Array(8).fill(0), 4, map),
    ];
    const result = door.bpf(LOOKUP_BATCH, count, [NOTHING, ended, new Uint8Array(16), read]);
    assert.ok(result === 0 || errnoName(result) === "ENOENT");
    assert.deepEqual([count[32], read], [4, values]);
    assert.ok(
      count.subarray(0, 32).every((byte) => byte === 0),
      "no address comes out",
    );
  });

  it("never lets the kernel write past a buffer", () => {
    if (!mayUse) return;
    const map = array();
    for (const [key, value] of [
      [word(0), new Uint8Array(7)],
      [new Uint8Array(3), new Uint8Array(8)],
    ] as const) {
      assert.equal(door.bpf(LOOKUP, attributes(32, map), [key, value]), EINVAL);
      assert.equal(door.bpf(UPDATE, attributes(32, map), [key, value]), EINVAL);
    }
    assert.equal(door.bpf(DELETE, attributes(32, map), [new Uint8Array(3)]), EINVAL);
    const four = attributes(56, 0, 0, 0, 0, 0, 0, 0, 0, 4, map);
    assert.equal(door.bpf(UPDATE_BATCH, four, [new Uint8Array(16), new Uint8Array(31)]), EINVAL);
    const [ended, keys] = [new Uint8Array(4), new Uint8Array(16)];
    assert.equal(door.bpf(LOOKUP_BATCH, four, [NOTHING, ended, keys, new Uint8Array(31)]), EINVAL);
    assert.equal(
      door.bpf(LOOKUP_BATCH, four, [NOTHING, new Uint8Array(3), keys, new Uint8Array(32)]),
      EINVAL,
    );
    const info = new Uint8Array(88).fill(0xff);
    assert.equal(door.bpf(INFO, attributes(16, map), [info.subarray(0, 16)]), 0);
    assert.deepEqual([...info.subarray(0, 1), info[8], info[12], info[16]], [2, 4, 8, 0xff]);
  });

  it("puts a map into a map of maps, within 4 bytes", () => {
    if (!mayUse) return;
    const inner = array();
    const outer = door.bpf(CREATE, attributes(48, 12, 4, 4, 2, 0, inner), []);
    if (outer < 0) return;
    opened.push(outer);
    assert.equal(door.bpf(UPDATE, attributes(32, outer), [word(1), word(inner)]), 0);
    assert.equal(door.bpf(UPDATE, attributes(32, outer), [word(1), new Uint8Array(3)]), EINVAL);
    const id = new Uint8Array(4);
    assert.equal(door.bpf(LOOKUP, attributes(32, outer), [word(1), id]), 0);
    assert.ok(
      id.some((byte) => byte !== 0),
      "it gives the number of the map",
    );
  });

  it("refuses elements of maps whose values are larger than they say", () => {
    if (!mayUse) return;
    const perCpu = door.bpf(CREATE, attributes(48, 6, 4, 8, 4), []);
    if (perCpu < 0) return;
    opened.push(perCpu);
    assert.equal(door.bpf(LOOKUP, attributes(32, perCpu), [word(0), new Uint8Array(4096)]), EINVAL);
  });
});
