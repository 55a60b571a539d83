import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Door } from "#native/door";
import { startReading } from "./receiver.ts";

const NEWS = 3;
const ROUTINE = 4;

/** Sockets that never run dry, or have so many full batches. */
const sockets = (full: { readonly [fd: number]: number }) => {
  const left = new Map(Object.entries(full).map(([fd, batches]) => [Number(fd), batches]));
  const door = {
    watch: () => () => {},
    monotonicMicros: () => 0,
    recvmmsg: (fd: number): number => {
      const batches = left.get(fd) ?? 0;
      left.set(fd, batches - 1);
      return batches > 0 ? 32 : 0;
    },
  };
  return door as unknown as Door;
};

const drain = (door: Door): number => {
  const request = { family: "IPv4", path: "single-hop", vrf: undefined } as const;
  const ignore = { onDatagram: () => {}, onError: () => {} };
  const reader = startReading(door, { news: NEWS, routine: ROUTINE }, { ...request, ...ignore });
  assert(typeof reader !== "number");
  return reader.drain();
};

describe("draining a listener", () => {
  it("reads all that waits in both of its sockets", () => {
    assert.equal(drain(sockets({ [NEWS]: 0, [ROUTINE]: 20 })), 20 * 32);
    assert.equal(drain(sockets({ [NEWS]: 20, [ROUTINE]: 0 })), 20 * 32);
    assert.equal(drain(sockets({ [NEWS]: 10, [ROUTINE]: 10 })), 20 * 32);
  });

  it("ends after about a thousand packets, whatever goes on coming", () => {
    for (const flooded of [{ [NEWS]: 1e6 }, { [ROUTINE]: 1e6 }, { [NEWS]: 1e6, [ROUTINE]: 1e6 }])
      assert.ok(drain(sockets(flooded)) <= 33 * 32);
  });
});
