/** The XDP program with a plan in its maps, attached to nothing: frames are given to it by hand. */
import assert from "node:assert/strict";
import { type MacAddress, parseMac } from "#base/mac";
import type { ForwardingPlan } from "#core/balance/plan-model";
import type { CompiledProgram } from "#core/xdp/object";
import { NO_TABLES, nextTables } from "#core/xdp/tables";
import { type LoadedProgram, loadProgram } from "#drivers/balance/xdp/attachment";
import { Bpf, type TestRun } from "#drivers/balance/xdp/bpf";
import { MapSet } from "#drivers/balance/xdp/maps";
import { openDoor } from "#native/door";

/** What the program may give. */
export const XDP_PASS = 2;
export const XDP_TX = 3;

const mac = (text: string): MacAddress => {
  const parsed = parseMac(text);
  assert.ok(parsed);
  return parsed;
};

/** The Ethernet address of the interface that frames seem to come in at. */
export const OWN_MAC = mac("02:00:00:00:00:01");
/** That of every backend. */
export const BACKEND_MAC = mac("02:00:00:00:00:0b");
const WAY = { index: 7, mac: OWN_MAC, mtu: 1500 };
const CPUS = 64;

export class Trial {
  readonly #bpf = new Bpf(openDoor());
  readonly #maps: MapSet;
  readonly #loaded: LoadedProgram;

  /** Runs our program unless another is given. */
  constructor(plan: ForwardingPlan, compiled?: CompiledProgram) {
    const surroundings = { way: () => WAY, neighbour: () => BACKEND_MAC };
    const next = nextTables({ plan, surroundings, gap: false }, NO_TABLES);
    assert.ok(next.ok);
    this.#maps = new MapSet(this.#bpf, CPUS, next.tables.capacities, undefined);
    this.#maps.write(next.writes);
    this.#loaded = loadProgram(this.#bpf, this.#maps, WAY, "generic", compiled);
  }

  run(frame: Uint8Array, repeat?: number): TestRun {
    return this.#bpf.testRun(this.#loaded.program, frame, repeat);
  }

  close(): void {
    this.#bpf.close(this.#loaded.program);
    this.#bpf.close(this.#loaded.settings);
    this.#maps.close();
  }
}
