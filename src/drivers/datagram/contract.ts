/** What holds for every link between two boxes. */
import assert from "node:assert/strict";
import { it } from "node:test";
import type { DatagramPath, DatagramPort, DatagramSocket } from "./port.ts";

/** The two ends of a link, each seen from its own box. */
export type DatagramBench = {
  readonly near: { readonly path: DatagramPath; readonly port: DatagramPort };
  readonly far: { readonly path: DatagramPath; readonly port: DatagramPort };
  /** Lets what was sent arrive. */
  readonly settle: () => Promise<void>;
};

const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);
const bytes = (words: string): Uint8Array => new TextEncoder().encode(words);

/** Registers the tests; `open` is asked before each. */
export const describeDatagrams = (open: () => DatagramBench): void => {
  const start = ({ path, port }: DatagramBench["near"]) => {
    const heard: string[] = [];
    const socket = port.open(path, (datagram) => void heard.push(text(datagram)));
    assert.ok(typeof socket !== "string", String(socket));
    return { socket, heard };
  };

  const between = async (
    test: (ends: {
      readonly near: { readonly socket: DatagramSocket; readonly heard: string[] };
      readonly far: { readonly socket: DatagramSocket; readonly heard: string[] };
      readonly settle: () => Promise<void>;
    }) => Promise<void>,
  ): Promise<void> => {
    const bench = open();
    const [near, far] = [start(bench.near), start(bench.far)];
    try {
      await test({ near, far, settle: bench.settle });
    } finally {
      near.socket.close();
      far.socket.close();
    }
  };

  it("carries datagrams both ways, whole and in order", () =>
    between(async ({ near, far, settle }) => {
      const words = Array.from({ length: 40 }, (_, index) => `${index} `.repeat(200));
      for (const each of words) near.socket.send(bytes(each));
      far.socket.send(bytes("back"));
      await settle();
      assert.deepEqual(far.heard, words);
      assert.deepEqual(near.heard, ["back"]);
    }));

  it("loses what is sent to a peer that does not listen, and goes on when it does again", async () => {
    const bench = open();
    const near = start(bench.near);
    near.socket.send(bytes("nobody"));
    await bench.settle();
    const far = start(bench.far);
    near.socket.send(bytes("lost or not"));
    near.socket.send(bytes("heard"));
    await bench.settle();
    near.socket.close();
    far.socket.close();
    assert.equal(far.heard.at(-1), "heard");
    assert.equal(far.heard.includes("nobody"), false);
  });

  it("is silent once closed, and may be closed twice", () =>
    between(async ({ near, far, settle }) => {
      far.socket.close();
      far.socket.close();
      near.socket.send(bytes("late"));
      far.socket.send(bytes("late"));
      await settle();
      assert.deepEqual([near.heard, far.heard], [[], []]);
    }));
};
