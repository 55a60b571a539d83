import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { type AddressInfo, connect, createServer } from "node:net";
import { describe, it } from "node:test";
import { commandWords, tcpPortOwners, udpPortOwners } from "./port-owner.ts";

describe("the program that has a UDP port", () => {
  it("is found by its socket, whichever family it is of, and is nobody once that is closed", async () => {
    for (const [type, host] of [
      ["udp4", "127.0.0.1"],
      ["udp6", "::1"],
    ] as const) {
      const socket = createSocket(type);
      socket.bind(0, host);
      await once(socket, "listening");
      const { port } = socket.address();
      const [owner, ...others] = udpPortOwners(port);
      assert.deepEqual(others, []);
      assert.equal(owner?.pid, process.pid);
      assert.ok(owner.name !== "" && owner.words.includes(process.execPath), owner.words.join(" "));
      socket.close();
      await once(socket, "close");
      assert.deepEqual(udpPortOwners(port), []);
    }
  });

  it("is each of them where sockets share it, which a second program may do unheard", async (test) => {
    const socket = createSocket({ type: "udp4", reusePort: true });
    socket.bind(0, "127.0.0.1");
    await once(socket, "listening");
    const { port } = socket.address();
    const script = `const s = require("dgram").createSocket({ type: "udp4", reusePort: true });
      s.bind(${port}, "127.0.0.1", () => console.log("bound"))`;
    const other = spawn(process.execPath, ["-e", script], { stdio: ["ignore", "pipe", "inherit"] });
    test.after(() => {
      other.kill("SIGKILL");
      socket.close();
    });
    await once(other.stdout, "data");
    const pids = udpPortOwners(port).map(({ pid }) => pid);
    assert.deepEqual(new Set(pids), new Set([process.pid, other.pid]));
  });

  it("has a command line, which is empty where there is no such process", () => {
    assert.ok(commandWords(process.pid).includes(process.execPath));
    assert.deepEqual(commandWords(process.pid, "/nonexistent"), []);
  });

  it("is nobody where nothing can be read", () => {
    assert.deepEqual(udpPortOwners(3_784, "/nonexistent"), []);
  });
});

describe("the program that waits for connections to a TCP port", () => {
  it("is found by its socket, and not by those of connections", async () => {
    const server = createServer().listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    const client = connect(port, "127.0.0.1");
    const [accepted] = await once(server, "connection");
    assert.deepEqual(
      tcpPortOwners(port).map(({ pid }) => pid),
      [process.pid],
    );
    server.close();
    assert.deepEqual(tcpPortOwners(port), []);
    client.destroy();
    accepted.destroy();
    assert.deepEqual(tcpPortOwners(port, "/nonexistent"), []);
  });
});
