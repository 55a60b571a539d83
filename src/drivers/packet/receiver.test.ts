import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Door } from "#native/door";
import { openDoor } from "#native/door";
import { startReading } from "./receiver.ts";

/** A socket on which packets never end, and the callback that says it is readable. */
const flooded = (onPacket: () => void) => {
  let readable = (): void => undefined;
  const door: Door = {
    ...openDoor(),
    recvmmsg: (_fd, _arena, _payloadSize, lengths) => lengths.length / 4,
    watch: (_fd, onReadable) => {
      readable = onReadable;
      return () => undefined;
    },
  };
  const started = startReading(door, { fd: 0, payloadSize: 64, onPacket, onError: () => assert.fail() });
  assert.ok(started.ok);
  return { reader: started.value, readable: () => readable() };
};

describe("reading packets in a flood", () => {
  it("lets the event loop have its turn after 128 packets, and drains about a thousand", () => {
    let packets = 0;
    const { reader, readable } = flooded(() => {
      packets += 1;
    });
    readable();
    assert.equal(packets, 128);
    assert.equal(reader.drain(), 1_024);
    assert.equal(reader.received(), 1_152);
  });

  it("reads nothing within a callback and nothing more once it was stopped", () => {
    let packets = 0;
    const { reader, readable } = flooded(() => {
      packets += 1;
      assert.equal(reader.drain(), 0);
      reader.stop();
    });
    readable();
    readable();
    assert.deepEqual([packets, reader.drain()], [1, 0]);
  });
});
