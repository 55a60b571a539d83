import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { openDoor } from "#native/door";
import { unixSockaddr } from "#native/unix-address";
import { notifyContract } from "./contract.ts";
import { FakeNotify } from "./fake.ts";
import { openNotify } from "./linux.ts";

const directory = mkdtempSync(join(tmpdir(), "steelyard-notify-"));
after(() => rmSync(directory, { recursive: true }));

const door = openDoor();
const AF_UNIX = 1;
const SOCK_DGRAM = 2;
let managers = 0;

/** A service manager on a datagram socket of its own. */
const openManager = (name: string) => {
  const fd = door.socket(AF_UNIX, SOCK_DGRAM, 0);
  const address = unixSockaddr(name);
  assert.ok(fd >= 0 && address !== undefined);
  assert.equal(door.bind(fd, address), 0);
  const heard = (): readonly string[] => {
    const messages: string[] = [];
    for (;;) {
      const bytes = new Uint8Array(4096);
      const length = door.recv(fd, bytes, 0);
      if (length < 0) return messages;
      messages.push(new TextDecoder().decode(bytes.subarray(0, length)));
    }
  };
  return { name, heard, leave: () => void door.close(fd) };
};

for (const [kind, nameOf] of [
  ["a path", (number: number) => join(directory, `${number}.sock`)],
  ["an abstract name", (number: number) => `@steelyard-notify-${process.pid}-${number}`],
] as const) {
  describe(`the socket of a service manager at ${kind}`, () => {
    notifyContract(() => {
      managers += 1;
      const { name, heard, leave } = openManager(nameOf(managers));
      const port = openNotify(name);
      assert.ok(port !== undefined);
      const fill = (): void => {
        while (port.send("STATUS=more") === "sent");
      };
      return { port, heard, leave, fill };
    });
  });
}

describe("the fake service manager", () => {
  notifyContract(() => {
    const port = new FakeNotify();
    return {
      port,
      heard: () => port.heard,
      leave: () => port.answer("gone"),
      fill: () => port.answer("full"),
    };
  });
});

describe("a socket whose name is too long", () => {
  it("is not opened", () => assert.equal(openNotify(`/${"x".repeat(200)}`), undefined));
});
