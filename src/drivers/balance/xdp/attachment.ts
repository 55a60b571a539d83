/** One copy of the program at one interface, for as long as this process lives. */
import { bindProgram } from "#core/xdp/bind";
import { encodeIndex, encodeSettings } from "#core/xdp/layout";
import { readProgram } from "#core/xdp/program";
import type { Way } from "#core/xdp/surroundings";
import type { AttachMode, Bpf } from "./bpf.ts";
import { MapSet } from "./maps.ts";
import { isTaken } from "./reasons.ts";

const NAME = "steelyard";

/** A program with the settings of its interface. */
export type LoadedProgram = { readonly program: number; readonly settings: number };

/** Loads a copy of a program, ours unless another is given, for an interface over these maps. */
export const loadProgram = (
  bpf: Bpf,
  maps: MapSet,
  way: Way,
  mode: AttachMode,
  compiled = readProgram(),
): LoadedProgram => {
  const settings = bpf.createMap("settings", 1);
  try {
    bpf.write("settings", settings, encodeIndex(0), settingsFor(way, maps, mode));
    const program = bpf.load(NAME, bindProgram(compiled, { ...maps.descriptors(), settings }));
    return { program, settings };
  } catch (error) {
    bpf.close(settings);
    throw error;
  }
};

/** A native driver sends out of other interfaces only if theirs can take it, which nothing tells: generic mode can always. */
const settingsFor = ({ mac, index }: Way, { places }: MapSet, mode: AttachMode): Uint8Array =>
  encodeSettings({ mac, index, places, mayRedirect: mode === "generic" });

export class Attachment {
  readonly #bpf: Bpf;
  readonly mode: AttachMode;
  readonly #link: number;
  #way: Way;
  #loaded: LoadedProgram;

  /** Attaches in the first of `modes` that the interface can; throws what the last one failed with. */
  constructor(bpf: Bpf, maps: MapSet, way: Way, modes: readonly AttachMode[]) {
    this.#bpf = bpf;
    this.#way = way;
    let failure: unknown;
    for (const mode of modes) {
      const loaded = loadProgram(bpf, maps, way, mode);
      try {
        this.#link = bpf.attach(loaded.program, way.index, mode);
        [this.#loaded, this.mode] = [loaded, mode];
        return;
      } catch (error) {
        failure = error;
        closeProgram(bpf, loaded);
        if (isTaken(error)) break;
      }
    }
    throw failure;
  }

  /** Whether it is still at this interface: nobody detached it, and the interface is the same. */
  isAt(way: Way): boolean {
    return this.#way.index === way.index && this.#bpf.interfaceOf(this.#link) === way.index;
  }

  /** Lets a copy of the program over other maps take over, between two packets. */
  renew(maps: MapSet): void {
    const loaded = loadProgram(this.#bpf, maps, this.#way, this.mode);
    try {
      this.#bpf.replace(this.#link, loaded.program);
    } catch (error) {
      closeProgram(this.#bpf, loaded);
      throw error;
    }
    closeProgram(this.#bpf, this.#loaded);
    this.#loaded = loaded;
  }

  /** Follows the interface to another Ethernet address. */
  follow(way: Way, maps: MapSet): void {
    if (way.mac === this.#way.mac) return;
    const settings = settingsFor(way, maps, this.mode);
    this.#bpf.write("settings", this.#loaded.settings, encodeIndex(0), settings);
    this.#way = way;
  }

  /** Takes the program away; packets meet nftables again. */
  close(): void {
    this.#bpf.close(this.#link);
    closeProgram(this.#bpf, this.#loaded);
  }
}

const closeProgram = (bpf: Bpf, { program, settings }: LoadedProgram): void => {
  bpf.close(program);
  bpf.close(settings);
};

const TRIAL = { servers4: 1, servers6: 1, slots: 1, places: 1, flows: 1 };

/** Loads the program for nothing; throws what the kernel has against it. */
export const tryProgram = (bpf: Bpf, way: Way): void => {
  const maps = new MapSet(bpf, 1, TRIAL, undefined);
  try {
    closeProgram(bpf, loadProgram(bpf, maps, way, "generic"));
  } finally {
    maps.close();
  }
};
