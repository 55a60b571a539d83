import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { instant, seconds, wallTime } from "#base/time";
import { emptyView, project } from "#core/observation/view";
import { readSupervisor } from "./environment.ts";
import { renderNotification } from "./notification.ts";
import { statusLine } from "./status.ts";

const PID = 42;

describe("the environment of a service manager", () => {
  it("names a socket, by path or in the abstract namespace, and how long we may be silent", () => {
    assert.deepEqual(readSupervisor({ NOTIFY_SOCKET: "/run/systemd/notify" }, PID), {
      socket: "/run/systemd/notify",
    });
    assert.deepEqual(
      readSupervisor({ NOTIFY_SOCKET: "@manager", WATCHDOG_USEC: "10000000", WATCHDOG_PID: "42" }, PID),
      { socket: "@manager", watchdog: seconds(10) },
    );
  });

  it("watches nobody when it means another process or says no time", () => {
    for (const asked of [
      { WATCHDOG_USEC: "10000000", WATCHDOG_PID: "43" },
      { WATCHDOG_USEC: "0" },
      { WATCHDOG_USEC: "soon" },
      { WATCHDOG_USEC: "-5" },
      {},
    ]) {
      assert.deepEqual(readSupervisor({ NOTIFY_SOCKET: "/n", ...asked }, PID), { socket: "/n" });
    }
  });

  it("that names no socket we can open is no manager", () => {
    for (const name of [undefined, "", "/", "@", "vsock:2:1", "relative"]) {
      assert.equal(readSupervisor({ NOTIFY_SOCKET: name }, PID), undefined);
    }
  });
});

describe("a notification", () => {
  it("is written as sd_notify(3) says", () => {
    assert.equal(renderNotification({ type: "ready" }), "READY=1");
    assert.equal(renderNotification({ type: "stopping" }), "STOPPING=1");
    assert.equal(renderNotification({ type: "alive" }), "WATCHDOG=1");
    assert.equal(renderNotification({ type: "reloading", at: instant(7) }), "RELOADING=1\nMONOTONIC_USEC=7");
  });

  it("of a status is one assignment, whatever is in it", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (text) => {
        const rendered = renderNotification({ type: "status", text: `a\nREADY=1${text}` });
        assert.equal(rendered.split("\n").length, 1);
        assert.ok(rendered.startsWith("STATUS=a READY=1") && rendered.length <= 207);
      }),
    );
  });
});

describe("the line for systemctl status", () => {
  it("counts what is active and healthy, and says what is wrong", () => {
    const view = emptyView();
    assert.equal(statusLine(view), "nothing is configured");
    const at = wallTime(0);
    const transition = { type: "router-state", from: "backup", reason: "active-down-timer" } as const;
    project(view, { sequence: 1, at, event: { ...transition, router: "front", to: "active" } });
    assert.equal(statusLine(view), "1 of 1 router active");
    project(view, { sequence: 2, at, event: { ...transition, router: "back", to: "initialize" } });
    const health = { type: "backend-health", server: "web", from: "unknown" } as const;
    project(view, { sequence: 3, at, event: { ...health, backend: "n1", to: "healthy" } });
    project(view, { sequence: 4, at, event: { ...health, backend: "n2", to: "failed" } });
    project(view, { sequence: 5, at, event: { type: "config-refused", problems: ["bad"] } });
    project(view, { sequence: 6, at, event: { type: "forwarding-failed", detail: "no nft" } });
    assert.equal(
      statusLine(view),
      "1 of 2 routers active, 1 of 2 backends healthy, a changed configuration was refused, forwarding failed",
    );
  });
});
