/** Our program and Katran's, unchanged, behind the same generator of flows, in turns. */
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { addressBytes } from "#base/address";
import { Bpf } from "#drivers/balance/xdp/bpf";
import type { Door } from "#native/door";
import { CONTESTANTS, type Contestant, PACKETS, type Sample } from "./duel-report.ts";
import { loadKatran, rememberedBackend } from "./katran.ts";
import { encapsulatedFor, RING_SIZE } from "./katran-layout.ts";
import { loadOurs } from "./ours.ts";
import { BACKENDS, backendAddress, FAMILIES, type Family, frame, type Shape, XDP_TX } from "./packets.ts";
import { behindGenerator, type Kernel, readGenerator } from "./turns.ts";

const PORT = 80;
const MOST_FLOWS = Math.max(...PACKETS.map(({ bits }) => 2 ** bits));

/** What is to be closed, last made first. */
type Closers = (() => void)[];

const isOurs = (contestant: Contestant): boolean => contestant.startsWith("steelyard");

type Run = { readonly verdict: number; readonly frame: Uint8Array; readonly nanos: number };

/** Throws unless the packet came out as it must: nobody is measured in dropping. */
const check = (
  contestant: Contestant,
  family: Family,
  sent: Uint8Array,
  { verdict, frame: got }: Run,
): void => {
  const backends = Array.from({ length: BACKENDS }, (_, index) =>
    addressBytes(backendAddress(family, index)),
  );
  const target = encapsulatedFor(got, sent, family);
  const forwarded =
    contestant === "drawing alone" || isOurs(contestant)
      ? got.length === sent.length
      : target !== undefined && backends.some((address) => Buffer.compare(address, target) === 0);
  if (verdict === XDP_TX && forwarded) return;
  throw new Error(`${contestant} did not forward: verdict ${verdict}, ${got.length} bytes of ${sent.length}`);
};

/** Which commit a checkout is at, in words; a folder in somebody else's checkout has none. */
const versionOf = (checkout: string): string => {
  if (!existsSync(join(checkout, ".git"))) return "sources without a commit";
  const { status, stdout } = spawnSync("git", ["-C", checkout, "rev-parse", "HEAD"], { encoding: "utf8" });
  return status === 0 ? `commit ${stdout.trim()}` : "sources without a commit";
};

type Runner = (contestant: Contestant, shape: Omit<Shape, "port">, times: number) => Run;

/** Loads everybody; gives how to run one of them, which checks what came out. */
const prepare = (kernel: Kernel, checkout: string, closers: Closers): Runner => {
  const generator = readGenerator();
  const open = <Opened extends { readonly close: () => void }>(opened: Opened): Opened => {
    closers.push(opened.close);
    return opened;
  };
  const ours = open(loadOurs(kernel.bpf, {}));
  const alike = open(loadOurs(kernel.bpf, { slots: RING_SIZE }));
  const katran = open(loadKatran(kernel, { checkout, flows: MOST_FLOWS }));
  const behind = (program: number): number =>
    open(behindGenerator(kernel, { generator, program, settings: ours.settings })).program;
  const theirs = behind(katran.program);
  const programs: Readonly<Record<Contestant, number>> = {
    "drawing alone": theirs,
    steelyard: behind(ours.program),
    "steelyard, 65,537 slots": behind(alike.program),
    Katran: theirs,
    "Katran, F_LRU_BYPASS": theirs,
  };
  return (contestant, shape, times) => {
    const sent = frame({ ...shape, port: PORT, drawOnly: contestant === "drawing alone" });
    if (!isOurs(contestant)) katran.set(contestant === "Katran" ? "remembers" : "bypasses");
    const result = kernel.bpf.testRun(programs[contestant], sent, times);
    check(contestant, shape.family, sent, result);
    return result;
  };
};

export type Duel = { readonly samples: readonly Sample[]; readonly version: string };

/** Measures every contestant in every round, every second one backwards. */
export const measureDuel = (
  door: Door,
  {
    checkout,
    rounds,
    repeat,
  }: { readonly checkout: string; readonly rounds: number; readonly repeat: number },
): Duel => {
  const closers: Closers = [];
  try {
    const run = prepare({ bpf: new Bpf(door), door }, checkout, closers);
    for (const family of FAMILIES) checkMemory(run, family);
    const samples: Sample[] = [];
    for (let round = 0; round < rounds; round += 1) {
      for (const packets of PACKETS)
        for (const contestant of round % 2 === 0 ? CONTESTANTS : CONTESTANTS.toReversed()) {
          const { nanos } = run(contestant, packets, repeat);
          samples.push({ ...packets, contestant, round, nanos });
        }
    }
    return { samples, version: versionOf(checkout) };
  } finally {
    for (const close of closers.toReversed()) close();
  }
};

/** Whether Katran finds the connection that was put into its memory, and chooses by its ring when it is told to. */
const checkMemory = (run: Runner, family: Family): void => {
  const shape = { family, bits: 0 } as const;
  const sent = frame({ ...shape, port: PORT });
  const target = (contestant: Contestant): Uint8Array | undefined =>
    encapsulatedFor(run(contestant, shape, 1).frame, sent, family);
  const [remembered, chosen] = [target("Katran"), target("Katran, F_LRU_BYPASS")];
  const expected = addressBytes(backendAddress(family, rememberedBackend(0)));
  if (remembered === undefined || Buffer.compare(remembered, expected) !== 0)
    throw new Error(`Katran does not find the ${family} connections in its memory: another version?`);
  if (chosen === undefined || Buffer.compare(chosen, expected) === 0)
    throw new Error(`Katran's ring chose for ${family} what its memory held, which shows nothing`);
};
