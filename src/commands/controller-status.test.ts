import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { ControllerStatus } from "#api/controller";
import { controllerStatusLines } from "./controller-status.ts";

const STATUS: ControllerStatus = {
  ...{ role: "controller", version: "0.1.0", now: 100_000, pid: 7, startedAt: 10_000, identity: "pod-1" },
  leadership: { state: "leading", since: 40_000 },
  ...{ isSynced: true, shadow: false },
  pools: [
    {
      ...{ name: "public", services: 3 },
      families: [
        { family: "IPv4", assigned: 3, available: 8 },
        { family: "IPv6", assigned: 1, available: Number.MAX_SAFE_INTEGER },
      ],
    },
  ],
  ...{
    refused: [],
    services: { allocated: 3, pending: 1, foreign: 2 },
    trouble: [],
    differences: [],
    waitingWrites: 0,
  },
};

describe("the status of a controller", () => {
  it("says who leads, how Services are, and what is left of each pool", () => {
    assert.deepEqual(controllerStatusLines(STATUS), [
      "steelyard 0.1.0 controller pod-1, running for 1m30s, leads for 1m",
      "",
      "3 Services have addresses, 1 wait for one, 2 are another program's",
      "",
      "POOL    SERVICES  FAMILY  ASSIGNED  AVAILABLE",
      "public  3         IPv4    3         8",
      "                  IPv6    1         more than anybody needs",
    ]);
  });

  it("marks what wants attention, and commands no terminal", () => {
    const lines = controllerStatusLines({
      ...STATUS,
      leadership: { state: "standby", holder: "pod-2\u001b[2J" },
      ...{
        isSynced: false,
        trouble: ["services: forbidden"],
        refused: ["IPAddressPool a: bad"],
        waitingWrites: 2,
      },
      differences: [{ service: "shop/web", detail: "has none, would get 192.0.2.1" }],
    });
    assert.match(lines[0] ?? "", /stands by, pod-2\ufffd\[2J leads$/);
    assert.deepEqual(
      lines.filter((line) => line.startsWith("!")),
      [
        "! the cluster has not been read yet",
        "! cannot read services: forbidden",
        "! refused, what was in force stays: IPAddressPool a: bad",
        "! 2 writes wait",
        "! shop/web has none, would get 192.0.2.1",
      ],
    );
  });

  it("says that a shadow writes nothing", () => {
    assert.match(controllerStatusLines({ ...STATUS, shadow: true })[0] ?? "", /shadow: writes nothing$/);
  });
});
