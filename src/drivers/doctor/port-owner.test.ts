import assert from "node:assert/strict";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { type AddressInfo, connect, createServer } from "node:net";
import { describe, it } from "node:test";
import { commandWords, tcpPortOwner, udpPortOwner } from "./port-owner.ts";

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
      const owner = udpPortOwner(port);
      assert.equal(owner?.pid, process.pid);
      assert.ok(owner.name !== "" && owner.words.includes(process.execPath), owner.words.join(" "));
      socket.close();
      await once(socket, "close");
      assert.equal(udpPortOwner(port), undefined);
    }
  });

  it("has a command line, which is empty where there is no such process", () => {
    assert.ok(commandWords(process.pid).includes(process.execPath));
    assert.deepEqual(commandWords(process.pid, "/nonexistent"), []);
  });

  it("is nobody where nothing can be read", () => {
    assert.equal(udpPortOwner(3_784, "/nonexistent"), undefined);
  });
});

describe("the program that waits for connections to a TCP port", () => {
  it("is found by its socket, and not by those of connections", async () => {
    const server = createServer().listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    const client = connect(port, "127.0.0.1");
    const [accepted] = await once(server, "connection");
    assert.equal(tcpPortOwner(port)?.pid, process.pid);
    server.close();
    assert.equal(tcpPortOwner(port), undefined);
    client.destroy();
    accepted.destroy();
    assert.equal(tcpPortOwner(port, "/nonexistent"), undefined);
  });
});
