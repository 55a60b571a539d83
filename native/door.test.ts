import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import {
  closeSync,
  copyFileSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { constants, endianness, tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { after, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { Worker } from "node:worker_threads";
import { type Door, doorPath, openDoor } from "./door.ts";
import { errnoName } from "./errno.ts";

const AF_INET = 2;
const SOCK_STREAM = 1;
const SOCK_DGRAM = 2;
const SOL_IP = 0;
const IP_TTL = 2;
const IP_PKTINFO = 8;
const IP_RECVTTL = 12;
const SOL_SOCKET = 1;
const SO_RCVBUF = 8;
const SO_GET_FILTER = 26;
const MSG_TRUNC = 0x20;
const SIOCGIFINDEX = 0x8933;
const NOTHING = new Uint8Array(0);
/** SO_GET_FILTER, IP_MSFILTER, and MCAST_MSFILTER of both families. */
const LENGTHS_NOT_IN_BYTES = [
  [SOL_SOCKET, SO_GET_FILTER],
  [SOL_IP, 41],
  [SOL_IP, 48],
  [41, 48],
] as const;

const door = openDoor();
const opened: number[] = [];
after(() => {
  for (const fd of opened) door.close(fd);
});

/** `struct sockaddr_in` for 127.0.0.`host`. */
const loopback = (port: number, host = 1): Uint8Array => {
  const address = new Uint8Array(16);
  address.set([AF_INET, 0, port >>> 8, port & 0xff, 127, 0, 0, host]);
  return address;
};

const word = (value: number): Uint8Array => new Uint8Array(Int32Array.of(value).buffer);

/** A UDP socket on 127.0.0.1 and the port the kernel chose. */
const openUdp = (): { readonly fd: number; readonly port: number } => {
  const fd = door.socket(AF_INET, SOCK_DGRAM, 0);
  assert.ok(fd >= 0, errnoName(fd));
  opened.push(fd);
  assert.equal(door.bind(fd, loopback(0)), 0);
  const name = new Uint8Array(16);
  assert.equal(door.getsockname(fd, name), 16);
  return { fd, port: ((name[2] ?? 0) << 8) | (name[3] ?? 0) };
};

const send = (port: number, text: string): void => {
  const { fd } = openUdp();
  const bytes = new TextEncoder().encode(text);
  assert.equal(door.send(fd, bytes, loopback(port), 0), bytes.length);
};

const PAYLOAD = 64;
const SLOT = PAYLOAD + 128 + 256;
const arena = new Uint8Array(4 * SLOT);
const lengths = new Int32Array(4 * 4);
const payloadOf = (slot: number): string =>
  new TextDecoder().decode(arena.subarray(slot * SLOT, slot * SLOT + (lengths[slot * 4] ?? 0)));

describe("the C heap", () => {
  it("gives free pages back that lie between others, where there is glibc", () => {
    // Pieces too small to be mapped one by one; the last stays, so that the end of the heap is in use.
    const program = `
      const door = require(${JSON.stringify(doorPath())});
      const fill = () => Array.from({ length: 2_000 }, () => new Uint8Array(16_384).fill(1)).slice(-1);
      const pieces = fill();
      gc(), gc();
      const before = process.memoryUsage.rss();
      const trimmed = door.trimHeap();
      console.log(trimmed, Math.round((before - process.memoryUsage.rss()) / 1e6), pieces.length);`;
    const run = spawnSync(process.execPath, ["--expose-gc", "-e", program], { encoding: "utf8" });
    const [trimmed = "", megabytes = ""] = run.stdout.split(" ");
    assert.match(trimmed, /^[01]$/, run.stderr);
    if (trimmed === "1") assert.ok(Number(megabytes) > 16, `${megabytes} MB`);
  });
});

describe("pages of a file", () => {
  it("are given back, and what was written to a copy of them is not lost", () => {
    const mapped = readFileSync("/proc/self/maps", "utf8").split("\n");
    // Some pages of the program's constants were written to by the loader and are its own now: they stay as they are.
    const data = mapped.filter((line) => / r--p .* \/.*node$/.test(line));
    assert.ok(data.length > 0);
    for (const line of data) {
      const [start = 0, end = 0] = (line.split(" ")[0] ?? "")
        .split("-")
        .map((text) => Number.parseInt(text, 16));
      const dropped = door.dropFilePages(start, end - start);
      assert.ok(dropped >= 0 && dropped <= (end - start) / 4096, `${line}: ${dropped}`);
    }
    assert.equal(door.dropFilePages(0, 0), 0);
    assert.equal(door.dropFilePages(1, 4096), -constants.errno.EINVAL);
    assert.equal(door.dropFilePages(0, -4096), -constants.errno.EINVAL);
  });
});

describe("the door's binary", () => {
  it("asks the loader for Node-API and libuv only, so one file serves glibc and musl", () => {
    const file = readFileSync(doorPath());
    const wide = file[4] === 2;
    const read = (offset: number): number =>
      wide ? Number(file.readBigUInt64LE(offset)) : file.readUInt32LE(offset);
    const size = wide ? 8 : 4;
    const headers = read(wide ? 32 : 28);
    const headerSize = file.readUInt16LE(wide ? 54 : 42);
    const isDynamic = (offset: number): boolean => file.readUInt32LE(offset) === 2;
    let header = headers;
    while (!isDynamic(header)) header += headerSize;
    const tags = new Map<number, number>();
    for (let entry = read(header + (wide ? 8 : 4)); read(entry) !== 0; entry += 2 * size) {
      tags.set(read(entry), read(entry + size));
    }
    assert.equal(tags.has(1), false, "DT_NEEDED");
    const start = tags.get(5) ?? 0;
    const names = file.toString("latin1", start, start + (tags.get(10) ?? 0));
    for (const name of names.split("\0").filter((text) => text !== "")) {
      // The last is a weak symbol: a C library without it is none the worse.
      assert.match(name, /^(?:(?:napi|node_api|uv)_|malloc_trim$)/);
    }
    assert.match(names, /uv_poll_start/);
  });

  it("offers exactly the calls of door.ts", () => {
    const source = readFileSync(new URL("door.ts", import.meta.url), "utf8");
    const declared = [...source.matchAll(/^ {2}(\w+)\(.*\): /gm)].map(([, name]) => name);
    assert.deepEqual(Object.keys(door).sort(), declared.sort());
  });
});

describe("loading", () => {
  it("finds the binary in a folder whose name has spaces and other characters", (context) => {
    const folder = mkdtempSync(join(tmpdir(), "my löad %20 balancer-"));
    context.after(() => rmSync(folder, { recursive: true }));
    mkdirSync(join(folder, "native"));
    for (const file of ["door.ts", "errno.ts"]) {
      copyFileSync(join(import.meta.dirname, file), join(folder, "native", file));
    }
    cpSync(dirname(doorPath()), join(folder, "prebuilds", basename(dirname(doorPath()))), {
      recursive: true,
    });
    writeFileSync(join(folder, "package.json"), '{"type":"module"}');
    const script = 'const { openDoor } = await import("./native/door.ts"); openDoor();';
    const child = spawnSync(process.execPath, ["--input-type=module", "-e", script], {
      cwd: folder,
      encoding: "utf8",
    });
    assert.deepEqual([child.status, child.stderr], [0, ""]);
  });
});

describe("arguments", () => {
  const fd = 1_000_000;
  const bytes = new Uint8Array(512);
  const calls: readonly (readonly [keyof Door, readonly unknown[]])[] = [
    ["socket", [AF_INET, SOCK_DGRAM, 0]],
    ["close", [fd]],
    ["bind", [fd, bytes]],
    ["accept", [fd, bytes]],
    ["connect", [fd, bytes]],
    ["getsockname", [fd, bytes]],
    ["setsockopt", [fd, 1, 1, bytes]],
    ["getsockopt", [fd, 1, 1, bytes]],
    ["attachFilter", [fd, bytes]],
    ["attachSelector", [fd, bytes]],
    ["dropFilePages", [0, 0]],
    ["send", [fd, bytes, bytes, 0]],
    ["sendmsg", [fd, bytes, bytes, bytes, 0]],
    ["recv", [fd, bytes, 0]],
    ["recvmmsg", [fd, bytes, 64, new Int32Array(4)]],
    ["watch", [fd, () => undefined]],
    ["watchWritable", [fd, () => undefined]],
    ["ioctl", [fd, SIOCGIFINDEX, bytes]],
    ["setns", [fd, 0]],
    ["timerfdSet", [fd, 0]],
    ["setScheduler", [0, 0]],
    ["setSchedulerOf", [1, 0, 0]],
    ["setNice", [0]],
    ["mlockall", [0]],
    ["bpf", [0, bytes.subarray(0, 48), []]],
    ["prctl", [3, 0, 0, 0, 0]],
  ];
  const wrong: readonly unknown[] = [
    ...[undefined, null, true, "1", 1n, Symbol("one"), {}, [], Number.NaN, Number.POSITIVE_INFINITY, 1.5],
    ...[2 ** 53, -(2 ** 53), new ArrayBuffer(8), new DataView(new ArrayBuffer(8)), new Float64Array(8)],
  ];
  for (const [name, valid] of calls) {
    it(`gives EINVAL for every wrong argument of ${name}, and for a missing one`, () => {
      const call = (values: readonly unknown[]): unknown => Reflect.apply(door[name], door, values);
      for (const position of valid.keys()) {
        for (const value of wrong) assert.equal(call(valid.with(position, value)), -constants.errno.EINVAL);
      }
      assert.equal(call(valid.slice(0, -1)), -constants.errno.EINVAL);
    });
  }

  it("refuses negative descriptors and buffers too small for what the kernel would write", () => {
    const EINVAL = -constants.errno.EINVAL;
    const { fd: udp } = openUdp();
    assert.equal(door.close(-1), EINVAL);
    assert.equal(door.ioctl(udp, SIOCGIFINDEX, new Uint8Array(39)), EINVAL);
    assert.equal(door.ioctl(udp, 0x8954, new Uint8Array(67)), EINVAL);
    assert.equal(door.ioctl(udp, 0x4100_54ca, new Uint8Array(0xff)), EINVAL);
    for (const [level, name] of LENGTHS_NOT_IN_BYTES) {
      assert.equal(door.getsockopt(udp, level, name, new Uint8Array(512)), EINVAL);
    }
    assert.equal(door.recvmmsg(udp, new Uint8Array(SLOT - 1), PAYLOAD, lengths), EINVAL);
    assert.equal(door.recvmmsg(udp, arena, PAYLOAD, new Int32Array(3)), EINVAL);
    assert.equal(door.recvmmsg(udp, arena, 2 ** 31 - 1, lengths), EINVAL);
    assert.equal(door.attachFilter(udp, new Uint8Array(7)), EINVAL);
    assert.equal(door.attachSelector(udp, new Uint8Array(7)), EINVAL);
    assert.equal(door.setNice(20), EINVAL);
    for (const thread of [0, -1, 2 ** 31]) assert.equal(door.setSchedulerOf(thread, 0, 0), EINVAL);
    assert.equal(door.setNice(-21), EINVAL);
  });

  it("gives the kernel's errno for a descriptor that is not open", () => {
    for (const result of [door.close(fd), door.bind(fd, loopback(0)), door.recv(fd, bytes, 0)]) {
      assert.equal(errnoName(result), "EBADF");
    }
  });
});

describe("sockets", () => {
  it("receives several packets in one call, each in its slot with sender and ancillary data", () => {
    const { fd, port } = openUdp();
    assert.equal(door.setsockopt(fd, SOL_IP, IP_RECVTTL, word(1)), 0);
    for (const text of ["one", "", "three"]) send(port, text);
    assert.equal(door.recvmmsg(fd, arena, PAYLOAD, lengths), 3);
    assert.deepEqual([0, 1, 2].map(payloadOf), ["one", "", "three"]);
    const name = arena.subarray(SLOT + PAYLOAD, SLOT + PAYLOAD + (lengths[5] ?? 0));
    assert.deepEqual([...name.subarray(4, 8)], [127, 0, 0, 1]);
    const control = Buffer.from(arena.subarray(PAYLOAD + 128, PAYLOAD + 128 + (lengths[2] ?? 0)));
    const header = process.arch === "arm" ? 12 : 16;
    assert.deepEqual(
      [control.readInt32LE(header - 8), control.readInt32LE(header - 4)],
      [SOL_IP, IP_TTL],
      endianness(),
    );
    assert.equal(control.readInt32LE(header), 64);
  });

  it("fills no more slots than the arena and the lengths have, and leaves the rest queued", () => {
    const { fd, port } = openUdp();
    for (const text of ["a", "b", "c"]) send(port, text);
    assert.equal(door.recvmmsg(fd, arena.subarray(0, 2 * SLOT + 1), PAYLOAD, lengths), 2);
    assert.equal(door.recvmmsg(fd, arena, PAYLOAD, lengths.subarray(0, 7)), 1);
    assert.equal(payloadOf(0), "c");
  });

  it("marks a packet that was longer than its slot as truncated", () => {
    const { fd, port } = openUdp();
    send(port, "x".repeat(PAYLOAD + 1));
    assert.equal(door.recvmmsg(fd, arena, PAYLOAD, lengths), 1);
    assert.deepEqual([lengths[0], (lengths[3] ?? 0) & MSG_TRUNC], [PAYLOAD, MSG_TRUNC]);
  });

  it("gives 0 when nothing waits, and EAGAIN from recv", () => {
    const { fd } = openUdp();
    assert.equal(door.recvmmsg(fd, arena, PAYLOAD, lengths), 0);
    assert.equal(errnoName(door.recv(fd, arena, 0)), "EAGAIN");
  });

  it("sends with ancillary data: the source address of IP_PKTINFO", () => {
    const receiver = openUdp();
    const sender = door.socket(AF_INET, SOCK_DGRAM, 0);
    opened.push(sender);
    const header = process.arch === "arm" ? 12 : 16;
    const control = Buffer.alloc(header + 12 + (header === 16 ? 4 : 0));
    control.writeInt32LE(header + 12, 0);
    control.writeInt32LE(SOL_IP, header - 8);
    control.writeInt32LE(IP_PKTINFO, header - 4);
    control.set([127, 0, 0, 2], header + 4);
    assert.equal(door.sendmsg(sender, Uint8Array.of(7), loopback(receiver.port), control, 0), 1);
    assert.equal(door.recvmmsg(receiver.fd, arena, PAYLOAD, lengths), 1);
    assert.deepEqual([...arena.subarray(PAYLOAD + 4, PAYLOAD + 8)], [127, 0, 0, 2]);
  });

  it("reads back what it set", () => {
    const { fd } = openUdp();
    assert.equal(door.setsockopt(fd, SOL_SOCKET, SO_RCVBUF, word(65_536)), 0);
    const value = new Uint8Array(4);
    assert.equal(door.getsockopt(fd, SOL_SOCKET, SO_RCVBUF, value), 4);
    assert.equal(new DataView(value.buffer).getInt32(0, true), 131_072);
  });

  it("never lets the kernel write past the buffer when it reads a filter back", () => {
    const { fd } = openUdp();
    const acceptAll = Uint8Array.of(0x06, 0, 0, 0, 0xff, 0xff, 0xff, 0xff);
    const program = new Uint8Array(64 * 8).map((_, index) => acceptAll[index % 8] ?? 0);
    assert.equal(door.attachFilter(fd, program), 0);
    const memory = new Uint8Array(program.length);
    door.getsockopt(fd, SOL_SOCKET, SO_GET_FILTER, memory.subarray(0, 64));
    assert.ok(memory.subarray(64).every((byte) => byte === 0));
  });

  it("drops in the kernel what an attached filter refuses", () => {
    const { fd, port } = openUdp();
    const refuseAll = Uint8Array.of(0x06, 0, 0, 0, 0, 0, 0, 0);
    assert.equal(door.attachFilter(fd, refuseAll), 0);
    send(port, "unwanted");
    assert.equal(door.recvmmsg(fd, arena, PAYLOAD, lengths), 0);
  });

  it("passes a request through ioctl in place", () => {
    const { fd } = openUdp();
    const request = new Uint8Array(40);
    request.set(new TextEncoder().encode("lo"));
    assert.equal(door.ioctl(fd, SIOCGIFINDEX, request), 0);
    assert.equal(request[16], 1);
  });
});

describe("watchers", () => {
  it("calls back while something waits, and not after it was stopped, however often that is said", async () => {
    const { fd, port } = openUdp();
    let calls = 0;
    const stop = await new Promise<() => void>((resolve, reject) => {
      const stopWatching = door.watch(fd, () => {
        calls += 1;
        if (calls === 2) door.recvmmsg(fd, arena, PAYLOAD, lengths);
        if (calls === 2 && typeof stopWatching === "function") resolve(stopWatching);
      });
      if (typeof stopWatching === "number") reject(new Error(errnoName(stopWatching)));
      send(port, "level-triggered");
    });
    stop();
    stop();
    send(port, "unheard");
    await new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
    stop();
    assert.equal(calls, 2);
    assert.equal(door.recvmmsg(fd, arena, PAYLOAD, lengths), 1);
  });

  it("can be stopped and started again at once on the same descriptor", async () => {
    const { fd, port } = openUdp();
    const first = door.watch(fd, () => assert.fail("stopped"));
    assert.equal(errnoName(Number(door.watch(fd, () => undefined))), "EEXIST");
    assert.ok(typeof first === "function");
    first();
    send(port, "for the second");
    await new Promise<void>((resolve) => {
      const second = door.watch(fd, () => {
        if (typeof second === "function") second();
        resolve();
      });
      assert.ok(typeof second === "function");
    });
  });

  it("tells when a connection has come about, and who it is that connected", async () => {
    const [listener, caller] = [0, 1].map(() => door.socket(AF_INET, SOCK_STREAM, 0));
    assert.ok(listener !== undefined && caller !== undefined && listener >= 0 && caller >= 0);
    opened.push(listener, caller);
    assert.equal(door.bind(listener, loopback(0)), 0);
    assert.equal(door.listen(listener, 1), 0);
    const [address, from, self] = [0, 1, 2].map(() => new Uint8Array(16));
    assert.ok(address !== undefined && from !== undefined && self !== undefined);
    assert.equal(door.getsockname(listener, address), 16);
    assert.equal(errnoName(door.accept(listener, from)), "EAGAIN");
    assert.equal(errnoName(door.connect(caller, address)), "EINPROGRESS");
    await new Promise<void>((resolve) => {
      const stop = door.watchWritable(caller, () => {
        if (typeof stop === "function") stop();
        resolve();
      });
    });
    const accepted = door.accept(listener, from);
    assert.ok(accepted >= 0);
    opened.push(accepted);
    assert.equal(door.getsockname(caller, self), 16);
    assert.deepEqual(from, self);
    assert.equal(errnoName(door.recv(accepted, arena, 0)), "EAGAIN");
  });

  it("refuses what cannot be polled", () => {
    const file = openSync(fileURLToPath(import.meta.url), "r");
    assert.equal(errnoName(Number(door.watch(file, () => undefined))), "EPERM");
    assert.equal(errnoName(Number(door.watch(1_000_000, () => undefined))), "EBADF");
    closeSync(file);
  });

  it("goes on after the socket reported an error, which libuv alone would not", async () => {
    const { fd } = openUdp();
    const gone = openUdp();
    door.close(gone.fd);
    assert.equal(door.connect(fd, loopback(gone.port)), 0);
    const results: string[] = [];
    await new Promise<void>((resolve) => {
      const stop = door.watch(fd, () => {
        results.push(errnoName(door.recv(fd, arena, 0)));
        if (results.length < 3) door.send(fd, Uint8Array.of(1), NOTHING, 0);
        else if (typeof stop === "function") resolve(stop());
      });
      door.send(fd, Uint8Array.of(1), NOTHING, 0);
    });
    assert.deepEqual(results, ["ECONNREFUSED", "ECONNREFUSED", "ECONNREFUSED"]);
  });

  it("stops a watcher whose descriptor is closed, so the number can be used again", () => {
    const { fd } = openUdp();
    const stop = door.watch(fd, () => assert.fail("closed"));
    assert.ok(typeof stop === "function");
    assert.equal(door.close(fd), 0);
    const next = openUdp();
    assert.equal(next.fd, fd, "the kernel gives the lowest free number");
    const again = door.watch(next.fd, () => undefined);
    assert.ok(typeof again === "function");
    stop();
    assert.equal(errnoName(Number(door.watch(next.fd, () => undefined))), "EEXIST");
    again();
  });

  it("hands an exception in a callback to uncaughtException and lives on", () => {
    const script = `
      const door = process.getBuiltinModule("node:module").createRequire("/")(${JSON.stringify(doorPath())});
      let calls = 0;
      process.on("uncaughtException", (error) => console.log(error.message));
      const fd = door.timerfdCreate();
      const stop = door.watch(fd, () => {
        calls += 1;
        if (calls === 2) stop();
        throw new Error("thrown " + calls);
      });
      door.timerfdSet(fd, 1);
    `;
    const child = spawnSync(process.execPath, ["-e", script], { encoding: "utf8" });
    assert.deepEqual([child.stdout, child.stderr, child.status], ["thrown 1\nthrown 2\n", "", 0]);
  });

  it("survives the end of thirty workers that watch busy and quiet descriptors, and of the process", () => {
    const worker = `
      const { parentPort, workerData } = require("node:worker_threads");
      const door = require(workerData);
      for (let n = 0; n < 4; n += 1) {
        const fd = door.timerfdCreate();
        let seen = 0;
        const stop = door.watch(fd, () => { seen += 1; if (seen === 9) parentPort.postMessage("busy"); });
        if (n === 3) stop();
        if (n === 1) door.timerfdSet(fd, 1);
      }
    `;
    const script = `
      const { Worker } = require("node:worker_threads");
      const door = require(${JSON.stringify(doorPath())});
      door.watch(door.timerfdCreate(), () => {});
      const start = () => new Promise((resolve, reject) => {
        const worker = new Worker(${JSON.stringify(worker)}, { eval: true, workerData: ${JSON.stringify(doorPath())} });
        worker.once("error", reject);
        worker.once("message", () => resolve(worker.terminate()));
      });
      (async () => {
        for (let round = 0; round < 5; round += 1) await Promise.all(Array.from({ length: 6 }, start));
        process.exit(7);
      })();
    `;
    const child = spawnSync(process.execPath, ["-e", script], { encoding: "utf8" });
    assert.deepEqual([child.signal, child.stderr, child.status], [null, "", 7]);
  });

  it("runs on the event loop of the worker that made it", async () => {
    const worker = new Worker(
      `const { parentPort, workerData, threadId } = require("node:worker_threads");
       const door = require(workerData);
       const fd = door.timerfdCreate();
       const stop = door.watch(fd, () => { stop(); parentPort.postMessage(threadId); });
       door.timerfdSet(fd, 1);`,
      { eval: true, workerData: doorPath() },
    );
    const threadId = worker.threadId;
    const [message, code] = await Promise.all([
      new Promise((resolve) => worker.once("message", resolve)),
      new Promise((resolve) => worker.once("exit", resolve)),
    ]);
    assert.deepEqual([message, code], [threadId, 0]);
  });
});
