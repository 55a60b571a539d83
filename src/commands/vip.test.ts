import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Command } from "commander";
import type { EdgeOptions } from "#roles/edge/options";
import { addVip } from "./vip.ts";

const optionsOf = async (...words: readonly string[]): Promise<EdgeOptions> => {
  let given: EdgeOptions | undefined;
  const program = new Command().exitOverride().configureOutput({ writeErr: () => undefined });
  addVip(program, async (options) => {
    given = options;
  });
  await program.parseAsync(["vip", ...words], { from: "user" });
  return given ?? assert.fail("not run");
};

describe("steelyard vip", () => {
  it("spells a resource with its flags, with state and socket of its own", async () => {
    const line = ["--address", "192.0.2.10", "--address", "2001:db8::10", "--interface", "eth0", "--balance"];
    assert.deepEqual(await optionsOf(...line, "--vrid", "9", "--no-realtime"), {
      program: "vip",
      config: [],
      endpoint: {
        apiVersion: "steelyard.dev/v1alpha1",
        kind: "ControlPlaneEndpoint",
        metadata: { name: "api" },
        spec: {
          addresses: ["192.0.2.10", "2001:db8::10"],
          interface: "eth0",
          ...{ vrid: 9, balance: true, apiServer: {} },
        },
      },
      admin: "/run/steelyard-vip/vip.sock",
      runtimeDirectory: "/run/steelyard-vip",
      ...{ logFormat: "text", logLevel: "info", realtime: "never", engine: "nftables", bgpDrain: 5_000 },
    });
  });

  it("reads files instead, and then nothing of the resource from its flags", async () => {
    const options = await optionsOf("--config", "a.yaml", "-c", "b");
    assert.deepEqual(options.config, ["a.yaml", "b"]);
    assert.equal(options.endpoint, undefined);
    await assert.rejects(optionsOf("--config", "a.yaml", "--vrid", "9"), /--vrid and --config/);
  });

  it("says which flags it cannot do without", async () => {
    await assert.rejects(optionsOf("--address", "192.0.2.10"), /--address and --interface are needed/);
    await assert.rejects(optionsOf(), /--address and --interface are needed/);
  });
});
