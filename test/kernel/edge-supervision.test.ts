/** The edge under a service manager that listens as systemd does (sd_notify(3)). */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import type { Lab } from "#lab/index";
import { openDoor } from "#native/door";
import { unixSockaddr } from "#native/unix-address";
import { inBed, SMALL, until } from "./edge-bed.ts";
import { config, router, VIP } from "./edge-config.ts";

const door = openDoor();
const AF_UNIX = 1;
const SOCK_DGRAM = 2;

/** A service manager on a socket that `host` sees as /run/notify. */
const openManager = (lab: Lab, host: string) => {
  const fd = door.socket(AF_UNIX, SOCK_DGRAM, 0);
  const address = unixSockaddr(`/proc/${lab.pid}/root/run/lab/hosts/${host}/run/notify`);
  assert.ok(address !== undefined);
  assert.equal(door.bind(fd, address), 0);
  let all: string[] = [];
  const heard = (): readonly string[] => {
    const bytes = new Uint8Array(4096);
    for (let length = door.recv(fd, bytes, 0); length >= 0; length = door.recv(fd, bytes, 0)) {
      all.push(new TextDecoder().decode(bytes.subarray(0, length)));
    }
    return all;
  };
  return {
    heard,
    forget: (): void => {
      heard();
      all = [];
    },
    hears: (what: RegExp, withinMs = 5_000): Promise<true> =>
      until(String(what), async () => heard().some((text) => what.test(text)), { withinMs, seen: heard }),
    close: () => void door.close(fd),
  };
};

const ALIVE = "WATCHDOG=1";

/** Lets the edge's main thread hang for six seconds at SIGWINCH, its fast thread when there is a certain file. */
const HANG = `
import { existsSync } from "node:fs";
import { isMainThread } from "node:worker_threads";
const hang = () => { const end = Date.now() + 6_000; while (Date.now() < end); };
if (isMainThread) process.on("SIGWINCH", hang);
else { const look = setInterval(() => { if (existsSync("/run/edge/hang")) { clearInterval(look); hang(); } }, 50); look.unref(); }
`;

describe("the service manager", () => {
  it("hears when we are ready, reload, and stop; not from the agent, which knows no socket", async (context) => {
    await inBed(context, SMALL, async ({ lab, e1, holdings }) => {
      const manager = openManager(lab, "e1");
      try {
        const env = { NOTIFY_SOCKET: "/run/notify" };
        const { pid } = await e1.start(config(router({ priority: 150 })), { env });
        await manager.hears(/^READY=1$/);
        await holdings.settle(VIP, ["e1"]);
        await manager.hears(/^STATUS=1 of 1 router active$/);
        assert.deepEqual(
          manager.heard().filter((text) => text === ALIVE),
          [],
          "nobody asked for signs of life",
        );
        const environment = await e1.host.expect(["sh", "-c", `cat /proc/$(pgrep -P ${pid})/environ`]);
        assert.doesNotMatch(environment, /NOTIFY_SOCKET/);

        manager.forget();
        await e1.signal("SIGHUP");
        await manager.hears(/^READY=1$/);
        assert.match(manager.heard()[0] ?? "", /^RELOADING=1\nMONOTONIC_USEC=\d+$/);

        manager.forget();
        await e1.configure("kind: nothing\n");
        await e1.signal("SIGHUP");
        await manager.hears(/^READY=1$/);
        await manager.hears(/^STATUS=.*a changed configuration was refused$/);

        manager.forget();
        await e1.stop();
        assert.equal(manager.heard()[0], "STOPPING=1");
      } finally {
        manager.close();
      }
    });
  });

  it("hears no sign of life while the main thread hangs, nor while the fast thread does", async (context) => {
    await inBed(context, SMALL, async ({ lab, e1, holdings }) => {
      const manager = openManager(lab, "e1");
      try {
        await lab.write("hang.mjs", HANG);
        const env = {
          ...{ NOTIFY_SOCKET: "/run/notify", WATCHDOG_USEC: "400000" },
          NODE_OPTIONS: "--import /run/lab/hang.mjs",
        };
        await e1.start(config(router({ priority: 150 })), { env });
        await holdings.settle(VIP, ["e1"]);
        manager.forget();
        await pause(1_500);
        const beats = manager.heard().filter((text) => text === ALIVE).length;
        assert.ok(beats >= 5 && beats <= 9, `${beats} in 1.5 s at one in 200 ms`);

        for (const [what, hang] of [
          ["main thread", () => e1.signal("SIGWINCH")],
          ["fast thread", () => e1.host.write("/run/edge/hang", "")],
        ] as const) {
          await hang();
          // The fast thread is given three seconds; within the last two of six neither half may be vouched for.
          await pause(3_800);
          manager.forget();
          await pause(1_500);
          assert.deepEqual(manager.heard(), [], `while the ${what} hangs`);
          await manager.hears(/^WATCHDOG=1$/);
          await holdings.settle(VIP, ["e1"]);
        }
      } finally {
        manager.close();
      }
    });
  });
});
