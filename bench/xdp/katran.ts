/**
 * Katran's XDP program, out of a checkout of its sources, with maps filled as its library fills them.
 *
 * Compiled as its own build does it (`katran/lib/Makefile-bpf`): for the host by clang, into BPF by llc, with its
 * default features. Nothing of it is here.
 */
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { assert } from "#base/assert";
import { buildRing } from "#core/balance/ring";
import { bindProgram } from "#core/xdp/bind";
import { type CompiledProgram, readObject } from "#core/xdp/object";
import type { Bpf } from "#drivers/balance/xdp/bpf";
import type { Door } from "#native/door";
import { type Definitions, readDefinitions } from "./definitions.ts";
import { ARRAY_OF_MAPS, ForeignMaps, word } from "./foreign-maps.ts";
import {
  gatewayValue,
  KATRAN_MAPS,
  LRU_SIZE,
  type Memory,
  RING_SIZE,
  realValue,
  vipKey,
  vipValue,
  writeFlowKey,
  writeRecord,
} from "./katran-layout.ts";
import { BACKENDS, backendAddress, FAMILIES, type Family } from "./packets.ts";

const FOLDER = "katran/lib/bpf";
/** Its source, today and before. */
const SOURCES = ["balancer.bpf.c", "balancer_kern.c"] as const;
const FLAGS: readonly string[] = [
  ...["-DDEBUG", "-D__KERNEL__", "-Wno-unused-value", "-Wno-pointer-sign"],
  ...["-Wno-compare-distinct-pointer-types", "-O2", "-emit-llvm", "-g"],
];
const SECTIONS = ["xdp", "xdp-balancer"] as const;
const PORT = 80;

/** The program's source in a checkout; `undefined` when that is no checkout of Katran. */
export const katranSource = (checkout: string): string | undefined =>
  SOURCES.map((name) => join(checkout, FOLDER, name)).find((path) => existsSync(path));

const run = (argv: readonly [string, ...string[]]): void => {
  const [program, ...rest] = argv;
  const { error, status, stderr } = spawnSync(program, rest, { encoding: "utf8" });
  if (error !== undefined) throw new Error(`cannot run ${program}: apt-get install -y clang llvm libc6-dev`);
  if (status !== 0) throw new Error(`${program} could not compile Katran's program:\n${stderr}`);
};

/** The object file of Katran's program. */
const compile = (checkout: string): Uint8Array => {
  const source = katranSource(checkout);
  if (source === undefined)
    throw new Error(`${checkout} is no checkout of Katran: no ${FOLDER}/${SOURCES[0]}`);
  const folder = mkdtempSync(join(tmpdir(), "steelyard-katran-"));
  try {
    const [bitcode, object] = [join(folder, "program.bc"), join(folder, "program.o")];
    const includes = ["", "katran/lib/linux_includes", FOLDER].map((name) => `-I${join(checkout, name)}`);
    run([process.env.CLANG ?? "clang", ...includes, ...FLAGS, "-c", source, "-o", bitcode]);
    run([process.env.LLC ?? "llc", "-march=bpf", "-filetype=obj", bitcode, "-o", object]);
    return readFileSync(object);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
};

const read = (
  object: Uint8Array,
): { readonly program: CompiledProgram; readonly definitions: Definitions } => {
  const programs = SECTIONS.map((section) => readObject(object, section));
  const program = programs.find(({ ok }) => ok);
  const definitions = readDefinitions(object);
  if (program?.ok && definitions.ok) return { program: program.value, definitions: definitions.value };
  const reasons = [...programs, definitions].flatMap((each) => (each.ok ? [] : [each.reason]));
  throw new Error(`Katran's object file is not understood: ${reasons.join(", ")}`);
};

/** One list of connections, as large as each of this machine's processors gets, but for all flows that are drawn. */
const lruEntries = (flows: number): number =>
  Math.max(Math.floor(LRU_SIZE / cpus().length), FAMILIES.length * flows * 1.5);

const makeMaps = (
  maps: ForeignMaps,
  names: ReadonlySet<string>,
  definitions: Definitions,
  flows: number,
): void => {
  const cache = definitions.get("fallback_cache");
  if (cache === undefined) throw new Error("Katran's program has no map fallback_cache: another version?");
  const list = maps.create("connections", { ...cache, entries: lruEntries(flows) });
  for (const name of names) {
    const definition = definitions.get(name);
    assert(definition !== undefined, "a map that the program names is defined", { name });
    maps.create(name, definition, definition.type === ARRAY_OF_MAPS ? list : 0);
  }
  for (const [name, sizes] of Object.entries(KATRAN_MAPS)) maps.expect(name, sizes);
  const processors = definitions.get("lru_mapping")?.entries ?? 0;
  // The bench runs on one processor at a time, and none knows which: the same list on all.
  for (let cpu = 0; cpu < processors; cpu += 1) maps.write("lru_mapping", word(cpu), word(list));
};

/** The numbers of a family's backends: 0 is nobody's. */
const realNumber = (family: Family, index: number): number => 1 + FAMILIES.indexOf(family) * BACKENDS + index;

const fillRing = (maps: ForeignMaps, family: Family): void => {
  const members = Array.from({ length: BACKENDS }, (_, index) => ({
    name: `${index}`,
    weight: 1,
    available: true,
  }));
  const keys = new Uint32Array(RING_SIZE);
  const values = new Uint32Array(RING_SIZE);
  for (const [slot, owner] of buildRing(members, RING_SIZE).entries()) {
    keys[slot] = FAMILIES.indexOf(family) * RING_SIZE + slot;
    values[slot] = realNumber(family, Number(owner));
  }
  maps.writeAll("ch_rings", new Uint8Array(keys.buffer), new Uint8Array(values.buffer));
};

/** The backend, from 0 on, that Katran remembers for a flow: not what its ring would choose, so that it shows which it took. */
export const rememberedBackend = (flow: number): number => flow % BACKENDS;

const fillConnections = (maps: ForeignMaps, family: Family, flows: number): void => {
  const { keySize, valueSize } = KATRAN_MAPS.fallback_cache;
  const [keys, values] = [new Uint8Array(flows * keySize), new Uint8Array(flows * valueSize)];
  for (let flow = 0; flow < flows; flow += 1) {
    writeFlowKey(keys, flow * keySize, { family, port: PORT, flow });
    writeRecord(values, flow * valueSize, realNumber(family, rememberedBackend(flow)));
  }
  maps.writeAll("connections", keys, values);
};

export type Katran = {
  readonly program: number;
  /** Has the connections to the virtual address of each family remembered, or not. */
  readonly set: (memory: Memory) => void;
  readonly close: () => void;
};

/** Compiles and loads it: a virtual address of each family, at port 80, with as many backends as ours and `flows` open connections. */
export const loadKatran = (
  { bpf, door }: { readonly bpf: Bpf; readonly door: Door },
  { checkout, flows }: { readonly checkout: string; readonly flows: number },
): Katran => {
  const { program, definitions } = read(compile(checkout));
  const maps = new ForeignMaps(door);
  try {
    makeMaps(maps, new Set(program.references.map(({ name }) => name)), definitions, flows);
    maps.write("ctl_array", word(0), gatewayValue());
    const set = (memory: Memory): void => {
      for (const [number, family] of FAMILIES.entries())
        maps.write("vip_map", vipKey(family, PORT), vipValue(number, memory));
    };
    set("remembers");
    for (const family of FAMILIES) {
      for (let index = 0; index < BACKENDS; index += 1) {
        const value = realValue(family, backendAddress(family, index));
        maps.write("reals", word(realNumber(family, index)), value);
      }
      fillRing(maps, family);
      fillConnections(maps, family, flows);
    }
    const loaded = bpf.load("katran", bindProgram(program, maps.descriptors), "GPL");
    const close = (): void => {
      bpf.close(loaded);
      maps.close();
    };
    return { program: loaded, set, close };
  } catch (error) {
    maps.close();
    throw error;
  }
};
