/** The real TCP driver of BGP between network namespaces. Needs root. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { describe, it } from "node:test";
import { millis, toMillis } from "#base/time";
import { CALLER_PAUSE, MOST_OF_CALLER, WAITS_IN_KERNEL } from "#drivers/bgp/constants";
import { bgpContract } from "#drivers/bgp/contract";
import { type Held, hold } from "#drivers/bgp/contract-bed";
import { sockaddr } from "#drivers/bgp/layout";
import type { BgpConnection, BgpListener } from "#drivers/bgp/port";
import { openDoor } from "#native/door";
import { ip, type KernelBgpLan, openKernelLan } from "./bgp-bed.ts";
import { quiet, settle, within } from "./namespaces.ts";

const PORT = 1_790;
const ANY_HOPS = { send: 64, least: undefined };

const door = openDoor();

bgpContract(openKernelLan);

/** Listens on the far host to the near one. */
const listenFar = (lan: KernelBgpLan) => {
  const arrived: Held[] = [];
  const onConnection = (connection: BgpConnection) => {
    const { held, events } = hold(connection);
    arrived.push(held);
    return events;
  };
  const onError = (): void => assert.fail("an error while accepting");
  const opened = lan.far.port.listen({ family: "IPv4", port: PORT, vrf: undefined, onConnection, onError });
  assert.ok(opened.ok);
  const caller = { address: lan.near.address.IPv4, link: undefined, password: undefined, hops: ANY_HOPS };
  opened.value.setCallers([caller]);
  return { listener: opened.value, arrived };
};

/** A socket on the near host that begins to connect to the far one from an address, and is otherwise left alone. */
const bareCall = (lan: KernelBgpLan, from: string): number =>
  within(lan.namespaces.name("near"), () => {
    const fd = door.socket(2, 1, 6);
    assert.ok(fd >= 0);
    assert.equal(door.bind(fd, sockaddr({ address: ip(from), port: 0 })), 0);
    door.connect(fd, sockaddr({ address: lan.far.address.IPv4, port: PORT }));
    return fd;
  });

const withLan = async (
  test: (lan: KernelBgpLan, far: { listener: BgpListener; arrived: Held[] }) => Promise<void>,
): Promise<void> => {
  const lan = openKernelLan(0);
  const far = listenFar(lan);
  try {
    await test(lan, far);
  } finally {
    far.listener.close();
    for (const { connection } of far.arrived) connection.reset();
    lan.close();
  }
};

describe("BGP's TCP in the kernel", () => {
  it("keeps what a peer does not read, little of it in the kernel, and tells when it is gone", () =>
    withLan(async (lan, { arrived }) => {
      const fd = bareCall(lan, "192.0.2.1");
      assert.ok(await settle(() => arrived.length === 1));
      const [held] = arrived;
      assert.ok(held !== undefined);
      const piece = new Uint8Array(65_536);
      let written = 0;
      // Until the peer's window is full, which may grow meanwhile.
      for (let more = 0; more < 200 && held.connection.waiting() === 0; more += 1) {
        held.connection.write(piece);
        written += piece.length;
        await quiet(2);
      }
      assert.ok(held.connection.waiting() > 0);
      held.connection.write(piece);
      written += piece.length;
      await quiet(100);
      const before = held.progress();
      const taken = new Uint8Array(1 << 20);
      let read = 0;
      const end = performance.now() + 10_000;
      while (read < written && performance.now() < end) {
        const length = door.recv(fd, taken, 0);
        if (length > 0) read += length;
        else await quiet(1);
      }
      assert.equal(read, written);
      assert.ok(await settle(() => held.connection.waiting() === 0));
      assert.ok(held.progress() > before);
      assert.ok(WAITS_IN_KERNEL < 1 << 20);
      door.close(fd);
      assert.ok(await settle(() => held.closed.length === 1));
    }));

  it("reads little in one turn of the event loop from peers that send without end, and all of it in time", () =>
    withLan(async (lan, { arrived }) => {
      const fds = Array.from({ length: 4 }, () => bareCall(lan, "192.0.2.1"));
      assert.ok(await settle(() => arrived.length === fds.length));
      const heard = (): number => arrived.reduce((sum, held) => sum + held.heard().length, 0);
      const [piece, nobody] = [new Uint8Array(65_536), new Uint8Array(0)];
      const perTurn: number[] = [];
      let sent = 0;
      for (const fd of fds)
        for (let more = 0; more < 2; more += 1) sent += Math.max(0, door.send(fd, piece, nobody, 0));
      for (let before = 0; before < sent && perTurn.length < 5_000; before = heard()) {
        await new Promise((resolve) => setImmediate(resolve));
        perTurn.push(heard() - before);
      }
      assert.equal(heard(), sent);
      assert.ok(sent > 100_000);
      // Each has its first read, whatever the others do.
      assert.ok(Math.max(...perTurn) <= fds.length * 8_192, `${Math.max(...perTurn)}`);
      const full = perTurn.filter((each) => each > 2 * 8_192).length;
      assert.ok(full <= 2, `${perTurn}`);
      for (const fd of fds) door.close(fd);
      assert.ok(await settle(() => arrived.every(({ closed }) => closed.length === 1)));
    }));

  it("gets rid of a connection that was closed although its peer reads nothing", () =>
    withLan(async (lan, { arrived }) => {
      const fd = bareCall(lan, "192.0.2.1");
      assert.ok(await settle(() => arrived.length === 1));
      const [held] = arrived;
      assert.ok(held !== undefined);
      held.connection.write(new Uint8Array(8 << 20));
      held.connection.close();
      assert.match(socketsOf(lan), /192\.0\.2\.1:/);
      await quiet(toMillis(millis(1_300)));
      assert.doesNotMatch(socketsOf(lan), /192\.0\.2\.1:/);
      door.close(fd);
    }));

  it("closes thousands of strangers at once, and serves the peer among them", () =>
    withLan(async (lan, { listener, arrived }) => {
      const count = 3_000;
      let begun = 0;
      const open: number[] = [];
      const end = performance.now() + 30_000;
      while (listener.counters().refused < count && performance.now() < end) {
        for (let more = 0; more < 50 && begun < count; more += 1, begun += 1)
          open.push(bareCall(lan, "192.0.2.101"));
        if (begun === count / 2 && arrived.length === 0) open.push(bareCall(lan, "192.0.2.1"));
        await quiet(1);
        while (open.length > 500) door.close(open.shift() ?? 0);
      }
      assert.ok(await settle(() => arrived.length === 1));
      assert.deepEqual(listener.counters(), { accepted: 1, refused: count });
      for (const fd of open) door.close(fd);
    }));

  it("spends a few sockets on a caller at most, however often it calls", () =>
    withLan(async (lan, { listener, arrived }) => {
      const total = (): number => listener.counters().accepted + listener.counters().refused;
      const open = Array.from({ length: 100 }, () => bareCall(lan, "192.0.2.1"));
      assert.ok(await settle(() => total() === open.length));
      assert.deepEqual(listener.counters(), { accepted: MOST_OF_CALLER, refused: 100 - MOST_OF_CALLER });
      // Those that it has closed do not count any more after a while.
      for (const fd of open) door.close(fd);
      assert.ok(await settle(() => arrived.every(({ closed }) => closed.length === 1)));
      await quiet(toMillis(CALLER_PAUSE) + 300);
      open.push(bareCall(lan, "192.0.2.1"));
      assert.ok(await settle(() => total() === open.length));
      assert.equal(listener.counters().accepted, MOST_OF_CALLER + 1);
      door.close(open.at(-1) ?? 0);
    }));

  it("keeps to the device of a VRF in both directions", async () => {
    // This kernel may have no VRFs; what binds a socket to one binds it to any device.
    const lan = openKernelLan(0);
    const outcomes: string[] = [];
    const connections: BgpConnection[] = [];
    const onError = (): void => assert.fail("an error while accepting");
    const listen = (vrf: string): BgpListener => {
      const onConnection = (connection: BgpConnection) => {
        outcomes.push(`accepted on ${vrf} from ${connection.remote.address}`);
        connections.push(connection);
        return hold(connection).events;
      };
      const opened = lan.far.port.listen({ family: "IPv4", port: PORT, vrf, onConnection, onError });
      assert.ok(opened.ok);
      const { near } = lan;
      opened.value.setCallers([
        { address: near.address.IPv4, link: undefined, password: "secret", hops: ANY_HOPS },
      ]);
      return opened.value;
    };
    const listeners: BgpListener[] = [];
    const connect = (vrf: string): void => {
      lan.near.port.connect({
        ...{ remote: { address: lan.far.address.IPv4, port: PORT }, link: undefined, source: undefined, vrf },
        ...{ password: "secret", hops: ANY_HOPS, timeout: millis(300) },
        onConnected: (connection) => {
          connections.push(connection);
          return hold(connection).events;
        },
        onFailed: ({ code }) => outcomes.push(`${vrf} ${code}`),
      });
    };
    try {
      for (const device of ["lo", "wire0"]) listeners.push(listen(device));
      for (const device of ["wire0", "absent0"]) connect(device);
      await settle(() => outcomes.length >= 2);
      assert.deepEqual(outcomes.sort(), ["absent0 ENODEV", "accepted on wire0 from 192.0.2.1"]);
    } finally {
      for (const listener of listeners) listener.close();
      for (const connection of connections) connection.reset();
      lan.close();
    }
  });

  it("leaves no socket behind", () =>
    withLan(async (lan, { listener, arrived }) => {
      const fd = bareCall(lan, "192.0.2.1");
      assert.ok(await settle(() => arrived.length === 1));
      listener.close();
      arrived[0]?.connection.reset();
      await quiet();
      assert.equal(socketsOf(lan), "");
      door.close(fd);
    }));
});

/** TCP sockets of the far host but those that wait for old segments, as ss prints them. */
const socketsOf = (lan: KernelBgpLan): string => {
  const command = ["netns", "exec", lan.namespaces.name("far"), "ss", "-Htan4", "exclude", "time-wait"];
  return execFileSync("ip", command, { encoding: "utf8" });
};
