/** Sends frames out of an interface and sees those that come back in. */
import assert from "node:assert/strict";
import { setTimeout as pause } from "node:timers/promises";
import { writeHostU16, writeHostU32 } from "#core/netlink/host-order";
import { openDoor } from "#native/door";

const AF_PACKET = 17;
const SOCK_RAW = 3;
const ETH_P_ALL_NETWORK = 0x0300;
const SIOCGIFINDEX = 0x8933;
const SOL_PACKET = 263;
const PACKET_IGNORE_OUTGOING = 23;
const NOTHING = new Uint8Array(0);
/** Everything happens inside the kernel's answer to send(2), or soon after. */
const PATIENCE_MILLIS = 10;

export class FrameTap {
  readonly #door = openDoor();
  readonly #fd: number;
  readonly #buffer = new Uint8Array(65_536);

  /** For an interface in the namespace of the calling thread. */
  constructor(device: string) {
    this.#fd = this.#door.socket(AF_PACKET, SOCK_RAW, 0);
    const request = new Uint8Array(40);
    request.set(new TextEncoder().encode(device));
    assert.equal(this.#door.ioctl(this.#fd, SIOCGIFINDEX, request), 0);
    const ignore = new Uint8Array(4);
    writeHostU32(ignore, 0, 1);
    assert.equal(this.#door.setsockopt(this.#fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, ignore), 0);
    const address = new Uint8Array(20);
    writeHostU16(address, 0, AF_PACKET);
    writeHostU16(address, 2, ETH_P_ALL_NETWORK);
    address.set(request.subarray(16, 20), 4);
    assert.equal(this.#door.bind(this.#fd, address), 0);
  }

  close(): void {
    this.#door.close(this.#fd);
  }

  #waiting(): readonly Uint8Array[] {
    const frames: Uint8Array[] = [];
    for (;;) {
      const length = this.#door.recv(this.#fd, this.#buffer, 0);
      if (length <= 0) return frames;
      frames.push(this.#buffer.slice(0, length));
    }
  }

  /** Sends a frame and gives those that came back, or out at another tap, and are wanted; waits a moment if there are none. */
  async exchange(
    frame: Uint8Array,
    isWanted: (frame: Uint8Array) => boolean,
    at: FrameTap = this,
  ): Promise<readonly Uint8Array[]> {
    this.#waiting();
    assert.equal(this.#door.send(this.#fd, frame, NOTHING, 0), frame.length);
    for (let waited = 0; ; waited += 2) {
      const frames = at.#waiting().filter(isWanted);
      if (frames.length > 0 || waited > PATIENCE_MILLIS) return frames;
      await pause(2);
    }
  }
}
