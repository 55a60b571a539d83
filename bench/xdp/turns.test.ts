import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { bindProgram } from "#core/xdp/bind";
import { readObject } from "#core/xdp/object";
import { Bpf, type TestRun } from "#drivers/balance/xdp/bpf";
import { clangVersion, compileBpf } from "#native/clang";
import { openDoor } from "#native/door";
import { loadOurs } from "./ours.ts";
import { FAMILIES, type Family, frame, ipLength, XDP_TX } from "./packets.ts";
import { behindGenerator, readGenerator } from "./turns.ts";

/** Puts an IP header of zeros before each packet, under an Ethernet header of the same type: what encapsulates does no less. */
const ENCAPSULATOR = `
#include "${join(import.meta.dirname, "../../native/xdp/balance.h")}"
static long (*adjust_head)(void *context, int by) = (void *)44;
SECTION("xdp") int encapsulate(struct context *context) {
  void *end = (void *)(long)context->data_end;
  struct ethernet *ethernet = (void *)(long)context->data;
  if (!FITS(ethernet, end)) return XDP_DROP;
  u16 type = ethernet->type;
  if (adjust_head(context, type == NETWORK16(0x0800) ? -20 : -40)) return XDP_DROP;
  end = (void *)(long)context->data_end;
  ethernet = (void *)(long)context->data;
  if ((void *)ethernet + 14 + 20 > end) return XDP_DROP;
  for (int at = 0; at < 14 + 20; at++) ((volatile u8 *)ethernet)[at] = 0;
  ethernet->type = type;
  return XDP_TX;
}
`;

const door = openDoor();
const bpf = new Bpf(door);
/** More than the room before a frame holds headers. */
const REPEAT = 1_000;
const closers: (() => void)[] = [];

/** Without the compiler, or the right to load programs, there is nothing to test. */
const mayTest = ((): boolean => {
  try {
    clangVersion();
    bpf.close(bpf.createMap("settings", 1));
    return true;
  } catch {
    return false;
  }
})();

const compileText = (text: string): Uint8Array => {
  const folder = mkdtempSync(join(tmpdir(), "steelyard-turns-"));
  try {
    const source = join(folder, "program.c");
    writeFileSync(source, text);
    const compiled = readObject(compileBpf(source));
    assert.ok(compiled.ok);
    return bindProgram(compiled.value, new Map());
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
};

const open = <Opened extends { readonly close: () => void }>(opened: Opened): Opened => {
  closers.push(opened.close);
  return opened;
};

describe("the generator of the bench before another program", () => {
  let ours: number;
  let encapsulator: number;
  before(() => {
    if (!mayTest) return;
    const generator = readGenerator();
    const { program, settings } = open(loadOurs(bpf, {}));
    const other = bpf.load("encapsulator", compileText(ENCAPSULATOR));
    closers.push(() => bpf.close(other));
    ours = open(behindGenerator({ bpf, door }, { generator, program, settings })).program;
    encapsulator = open(behindGenerator({ bpf, door }, { generator, program: other, settings })).program;
  });
  after(() => {
    for (const close of closers.toReversed()) close();
  });

  const runOn = (program: number, family: Family, drawOnly = false): TestRun =>
    bpf.testRun(program, frame({ family, port: 80, bits: 4, drawOnly }), REPEAT);

  for (const family of FAMILIES) {
    const length = frame({ family, port: 80, bits: 4 }).length;

    it(`lets ours forward each time, ${family}`, () => {
      if (!mayTest) return;
      const { verdict, frame: got } = runOn(ours, family);
      assert.deepEqual([verdict, got.length, got[5]], [XDP_TX, length, 0x0b]);
    });

    it(`takes off what a program put before the frame, so that it can do so again, ${family}`, () => {
      if (!mayTest) return;
      const { verdict, frame: got } = runOn(encapsulator, family);
      assert.deepEqual([verdict, got.length], [XDP_TX, length + ipLength(family)]);
      const port = got.length - 20 + 2;
      assert.deepEqual([...got.subarray(port, port + 2)], [0, 80], "the packet itself is whole");
    });

    it(`runs nobody when only the drawing is asked for, ${family}`, () => {
      if (!mayTest) return;
      const { verdict, frame: got } = runOn(encapsulator, family, true);
      assert.deepEqual([verdict, got.length, got[5]], [XDP_TX, length, 0x01]);
    });
  }
});
