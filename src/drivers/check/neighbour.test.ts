import assert from "node:assert/strict";
import { constants } from "node:os";
import { describe, it } from "node:test";
import { isIpv4 } from "#base/address";
import { type Door, openDoor } from "#native/door";
import { address } from "#testing/values";
import type { Answer } from "./attempt.ts";
import { startArp, startPing } from "./neighbour.ts";

const GATEWAY = address("192.0.2.1");

/** A door whose sockets exist in name only; `refuse` names the call that fails. */
const brokenDoor = (refuse: string, errno: number) => {
  const open = new Set<number>();
  const outcome = (call: string): number => (call === refuse ? -errno : 0);
  const door: Door = {
    ...openDoor(),
    socket() {
      if (refuse === "socket") return -errno;
      open.add(7);
      return 7;
    },
    close: (fd) => (open.delete(fd) ? 0 : -constants.errno.EBADF),
    setsockopt: () => outcome("setsockopt"),
    ioctl: () => outcome("ioctl"),
    connect: () => outcome("connect"),
    bind: () => outcome("bind"),
    send: () => outcome("send"),
    watch: () => () => undefined,
  };
  return { door, open };
};

const run = (start: ReturnType<typeof startPing>) => {
  const answers: Answer[] = [];
  let gone = 0;
  const running = start({
    answer: (answer) => void answers.push(answer),
    gone: () => {
      gone += 1;
    },
  });
  return { answers, running, gone: () => gone };
};

describe("a machine that is asked itself", () => {
  for (const [call, errno, reason] of [
    ["socket", constants.errno.EPERM, "unreachable"],
    ["socket", constants.errno.EMFILE, "overloaded"],
    ["setsockopt", constants.errno.ENODEV, "protocol"],
    ["connect", constants.errno.ENETUNREACH, "unreachable"],
    ["send", constants.errno.ENOBUFS, "overloaded"],
  ] as const) {
    it(`fails at once when ${call} is refused (${reason}), and leaves no socket`, () => {
      const { door, open } = brokenDoor(call, errno);
      const { answers, gone } = run(startPing(door, { address: GATEWAY, interface: "eth0" }));
      assert.deepEqual(
        answers.map((answer) => (answer.ok ? "ok" : answer.reason)),
        [reason],
      );
      assert.deepEqual([gone() > 0, open.size], [true, 0]);
    });
  }

  it("is given up at the deadline, with what was awaited", () => {
    const { door, open } = brokenDoor("nothing", 1);
    assert.equal(run(startPing(door, { address: GATEWAY })).running.abandon(), "the echo");
    assert.ok(isIpv4(GATEWAY));
    const { answers, running } = run(startArp(door, { address: GATEWAY, interface: "eth0" }));
    assert.deepEqual([answers, running.abandon(), open.size], [[], "the ARP reply", 0]);
  });
});
