import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { wallTime } from "#base/time";
import { VERSION } from "#base/version";
import { snapshotOf } from "#core/speaker/snapshot";
import { emptySpeakerView } from "#core/speaker/view";
import { get } from "#drivers/http/client";
import { openChannel } from "#drivers/ipc/channel";
import type { AgentToWire, WireToAgent } from "../messages.ts";
import { type SpeakerOptions, speakerOptionsText } from "../options.ts";

const MAIN = fileURLToPath(new URL("../../../main.ts", import.meta.url));

const optionsIn = (directory: string): SpeakerOptions => ({
  ...{ node: "node-a", namespace: "steelyard-system", kubeconfig: join(directory, "none") },
  ...{
    loadBalancerClass: undefined,
    rules: "steelyard",
    bind: false,
    ignoreExcludeLabel: false,
    spread: undefined,
  },
  ...{ secretFile: undefined, refresh: 100_000, probe: true, withoutGateway: "go-on", listen: undefined },
  ...{ admin: join(directory, "speaker.sock"), stateDirectory: directory },
  ...{
    logFormat: "text",
    logLevel: "info",
    bgpListen: undefined,
    bgpDrain: 0,
    bgpEngine: "own",
    frrSockets: undefined,
  },
});

const SNAPSHOT: WireToAgent = {
  ...{ type: "snapshot", view: snapshotOf(emptySpeakerView()), recent: [], told: 0 },
  wire: { pid: 1, startedAt: wallTime(0), version: VERSION },
  ...{ voices: [], links: [], bgp: [] },
};

describe("the process of a speaker's agent", () => {
  it("says in one line that nobody on the wire has started it", () => {
    for (const stdio of ["ignore", "pipe"] as const) {
      const command = [MAIN, "speaker-agent", speakerOptionsText(optionsIn("/nowhere"))];
      const { status, stderr } = spawnSync(process.execPath, command, {
        ...{ encoding: "utf8", timeout: 20_000, killSignal: "SIGKILL", stdio: [stdio, "pipe", "pipe"] },
      });
      assert.deepEqual(
        [status, stderr],
        [
          2,
          "steelyard speaker: its agent is part of `steelyard speaker`, which starts it: run that instead\n",
        ],
      );
    }
  });

  it("greets, answers on its socket without a cluster, and ends when it is asked to", async () => {
    const directory = await mkdtemp(join(tmpdir(), "steelyard-agent-"));
    const options = optionsIn(directory);
    const child = spawn(process.execPath, [MAIN, "speaker-agent", speakerOptionsText(options)], {
      stdio: ["ignore", "inherit", "inherit", "pipe"],
    });
    const exited = once(child, "exit");
    const socket = child.stdio[3];
    assert.ok(socket instanceof Socket);
    const heard: AgentToWire[] = [];
    const troubled = new Promise<void>((resolve) => {
      const channel = openChannel<AgentToWire, WireToAgent>(socket, {
        onMessage: (message) => {
          heard.push(message);
          if (message.type === "hello") channel.send(SNAPSHOT);
          // It has opened its pages before it looks for a cluster.
          if (message.type === "event") {
            void get(options.admin, "/readyz").then(async (answer) => {
              assert.deepEqual(answer, { ok: false, message: "the cluster has not been read yet" });
              channel.send({ type: "stop" });
              resolve();
            });
          }
        },
        onClose: () => {},
      });
    });
    await troubled;
    assert.deepEqual(await exited, [0, null]);
    assert.deepEqual(
      heard.map((message) => (message.type === "event" ? message.event.type : message.type)),
      ["hello", "api-trouble"],
    );
    await rm(directory, { recursive: true });
  });
});
