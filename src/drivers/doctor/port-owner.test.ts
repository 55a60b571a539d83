import assert from "node:assert/strict";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { describe, it } from "node:test";
import { udpPortOwner } from "./port-owner.ts";

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

  it("is nobody where nothing can be read", () => {
    assert.equal(udpPortOwner(3_784, "/nonexistent"), undefined);
  });
});
