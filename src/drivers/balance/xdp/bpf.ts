/** bpf(2) as the engine uses it: maps, programs, and links that hold a program at an interface. */
import { constants } from "node:os";
import { readHostU32, writeHostU32 } from "#core/netlink/host-order";
import { MAPS, type MapName } from "#core/xdp/layout";
import { type Door, errnoName } from "#native/door";

const MAP_CREATE = 0;
const MAP_UPDATE_ELEM = 2;
const MAP_DELETE_ELEM = 3;
const PROG_LOAD = 5;
const PROG_TEST_RUN = 10;
const OBJ_GET_INFO_BY_FD = 15;
const MAP_LOOKUP_BATCH = 24;
const MAP_UPDATE_BATCH = 26;
const LINK_CREATE = 28;
const LINK_UPDATE = 29;

const KINDS = { hash: 1, array: 2, "least-recently-used": 9 } as const;
const PROG_TYPE_XDP = 6;
const ATTACH_TYPE_XDP = 37;
/** struct bpf_link_info of an XDP link: type, id, program, padding, then the interface's index. */
const LINK_INFO_LENGTH = 24;
const LINK_INFO_INTERFACE = 16;
const XDP_FLAGS = { generic: 1 << 1, native: 1 << 2 } as const;
const NAME_LENGTH = 15;
const OWN_LICENCE = "Apache-2.0";
const NOTHING = new Uint8Array(0);
/** The verifier's words are only asked for when it has refused the program; what it says last matters. */
const LOG_BYTES = 1 << 20;
const LOAD_TRIES = 20;
/** Elements of one batch, so that no call holds the kernel up for long. */
const BATCH = 65_536;

/** How a program runs at an interface: in its driver, or later, in the network stack. */
export type AttachMode = keyof typeof XDP_FLAGS;

/** What the kernel refused. */
export class BpfError extends Error {
  /** The name of the errno. */
  readonly code: string;

  constructor(what: string, result: number, detail?: string) {
    const code = errnoName(result);
    super(`${what}: ${code}${detail === undefined ? "" : ` (${detail})`}`);
    this.code = code;
  }
}

/** What one run of a program came to. */
export type TestRun = {
  readonly verdict: number;
  /** The frame as the program left it. */
  readonly frame: Uint8Array;
  /** Mean time of a run, in nanoseconds. */
  readonly nanos: number;
};

/** Calls that fail throw a `BpfError`. Descriptors close on exec. */
export class Bpf {
  readonly #door: Door;

  constructor(door: Door) {
    this.#door = door;
  }

  /** A map of this name and so many elements; a hash makes them all at once. */
  createMap(name: MapName, elements: number): number {
    const { kind, keySize, valueSize } = MAPS[name];
    const attributes = new Uint8Array(48);
    [KINDS[kind], keySize, valueSize, elements].forEach((word, index) => {
      writeHostU32(attributes, index * 4, word);
    });
    writeName(attributes, 28, name);
    return this.#call(`cannot make the map ${name} of ${elements} elements`, MAP_CREATE, attributes);
  }

  /** Writes elements: `keys` and `values` one after the other. */
  write(map: MapName, descriptor: number, keys: Uint8Array, values: Uint8Array): void {
    const { keySize, valueSize } = MAPS[map];
    const count = keys.length / keySize;
    if (count === 1) {
      const attributes = new Uint8Array(32);
      writeHostU32(attributes, 0, descriptor);
      this.#call(`cannot write to the map ${map}`, MAP_UPDATE_ELEM, attributes, [keys, values]);
      return;
    }
    for (let first = 0; first < count; first += BATCH) {
      const some = Math.min(BATCH, count - first);
      const attributes = batch(descriptor, some);
      this.#call(`cannot write to the map ${map}`, MAP_UPDATE_BATCH, attributes, [
        keys.subarray(first * keySize, (first + some) * keySize),
        values.subarray(first * valueSize, (first + some) * valueSize),
      ]);
    }
  }

  /** Removes an element of a hash; one that is not there is no failure. */
  remove(map: MapName, descriptor: number, key: Uint8Array): void {
    const attributes = new Uint8Array(32);
    writeHostU32(attributes, 0, descriptor);
    const result = this.#door.bpf(MAP_DELETE_ELEM, attributes, [key]);
    if (result < 0 && result !== -constants.errno.ENOENT)
      throw new BpfError(`cannot remove from the map ${map}`, result);
  }

  /** The values of an array of `elements`, one after the other. */
  readArray(map: MapName, descriptor: number, elements: number): Uint8Array {
    const { keySize, valueSize } = MAPS[map];
    const values = new Uint8Array(elements * valueSize);
    const keys = new Uint8Array(Math.min(elements, BATCH) * keySize);
    const ended = new Uint8Array(keySize);
    for (let first = 0; first < elements; ) {
      const attributes = batch(descriptor, Math.min(elements - first, BATCH));
      const from = first === 0 ? NOTHING : ended.slice();
      const buffers = [from, ended, keys, values.subarray(first * valueSize)];
      const result = this.#door.bpf(MAP_LOOKUP_BATCH, attributes, buffers);
      // The last batch ends with ENOENT, and is whole.
      if (result < 0 && result !== -constants.errno.ENOENT)
        throw new BpfError(`cannot read the map ${map}`, result);
      const count = readHostU32(attributes, 32);
      first += count;
      if (result < 0 || count === 0) break;
    }
    return values;
  }

  /** Loads an XDP program; when the verifier refuses it, the error has its last words. */
  load(name: string, code: Uint8Array, licence = OWN_LICENCE): number {
    const declared = new TextEncoder().encode(`${licence}\0`);
    const attempt = (log: Uint8Array): number => {
      const attributes = new Uint8Array(72);
      writeHostU32(attributes, 0, PROG_TYPE_XDP);
      writeHostU32(attributes, 24, log.length === 0 ? 0 : 1);
      writeName(attributes, 48, name);
      // A link takes only programs that were loaded for it.
      writeHostU32(attributes, 68, ATTACH_TYPE_XDP);
      return this.#door.bpf(PROG_LOAD, attributes, [code, declared, log]);
    };
    /** The verifier gives up with EAGAIN when a signal waits, such as that of a child that ended. */
    const insist = (log: Uint8Array): number => {
      let result = attempt(log);
      for (let tries = 1; tries < LOAD_TRIES && result === -constants.errno.EAGAIN; tries += 1)
        result = attempt(log);
      return result;
    };
    const result = insist(NOTHING);
    if (result >= 0) return result;
    const log = new Uint8Array(LOG_BYTES);
    const again = result === -constants.errno.EPERM ? result : insist(log);
    if (again >= 0) return again;
    throw new BpfError("the kernel refused the XDP program", again, lastLine(log));
  }

  /** Attaches a program to an interface for as long as the link's descriptor is open, which a crash closes too. */
  attach(program: number, index: number, mode: AttachMode): number {
    const attributes = new Uint8Array(16);
    [program, index, ATTACH_TYPE_XDP, XDP_FLAGS[mode]].forEach((word, position) => {
      writeHostU32(attributes, position * 4, word);
    });
    return this.#call(`cannot attach in ${mode} mode`, LINK_CREATE, attributes);
  }

  /** Lets another program take over at a link, between two packets. */
  replace(link: number, program: number): void {
    const attributes = new Uint8Array(16);
    writeHostU32(attributes, 0, link);
    writeHostU32(attributes, 4, program);
    this.#call("cannot replace the XDP program", LINK_UPDATE, attributes);
  }

  /** The index of the interface that a link holds; 0 when somebody detached it or the interface is gone. */
  interfaceOf(link: number): number {
    const attributes = new Uint8Array(16);
    writeHostU32(attributes, 0, link);
    const info = new Uint8Array(LINK_INFO_LENGTH);
    this.#call("cannot look at the XDP link", OBJ_GET_INFO_BY_FD, attributes, [info]);
    return readHostU32(info, LINK_INFO_INTERFACE);
  }

  /** Runs a program on a frame (14 bytes at least) without sending it, `repeat` times. */
  testRun(program: number, frame: Uint8Array, repeat = 1): TestRun {
    const attributes = new Uint8Array(80);
    const out = new Uint8Array(frame.length + 256);
    writeHostU32(attributes, 0, program);
    writeHostU32(attributes, 32, repeat);
    this.#call("cannot run the program", PROG_TEST_RUN, attributes, [frame, out]);
    const length = readHostU32(attributes, 12);
    return {
      verdict: readHostU32(attributes, 4),
      frame: out.subarray(0, length),
      nanos: readHostU32(attributes, 36),
    };
  }

  close(descriptor: number): void {
    this.#door.close(descriptor);
  }

  #call(what: string, command: number, attributes: Uint8Array, buffers: readonly Uint8Array[] = []): number {
    let result = this.#door.bpf(command, attributes, buffers);
    // Only long runs of a program are interrupted.
    while (result === -constants.errno.EINTR) result = this.#door.bpf(command, attributes, buffers);
    if (result < 0) throw new BpfError(what, result);
    return result;
  }
}

const batch = (descriptor: number, count: number): Uint8Array => {
  const attributes = new Uint8Array(56);
  writeHostU32(attributes, 32, count);
  writeHostU32(attributes, 36, descriptor);
  return attributes;
};

/** Names are for `bpftool`: the kernel takes 15 characters. */
const writeName = (attributes: Uint8Array, offset: number, name: string): void => {
  attributes.set(new TextEncoder().encode(name.slice(0, NAME_LENGTH)), offset);
};

/** What the verifier said last that is about the program and not its own work. */
const lastLine = (log: Uint8Array): string | undefined => {
  const end = log.indexOf(0);
  const text = new TextDecoder().decode(log.subarray(0, end < 0 ? log.length : end));
  return text
    .split("\n")
    .filter((line) => line !== "" && !line.startsWith("processed "))
    .at(-1);
};
