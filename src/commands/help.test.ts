import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";

const root = join(import.meta.dirname, "../..");
const main = join(root, "src/main.ts");

/** A line of `/v1/events`; what is in it does not matter here. */
const EVENT = "{}\n";

const steelyard = (...args: readonly string[]) =>
  spawnSync(process.execPath, [main, ...args], { encoding: "utf8" });

describe("the command line", () => {
  it("says how each command that has one ends", () => {
    for (const command of [
      "edge",
      "vip",
      "check",
      "import keepalived",
      "import metallb",
      "import kube-vip",
      "import cilium",
      "speaker",
      "plan",
      "explain service",
      "router-config",
      "tls check",
      "tls fix",
      "kubeconfig",
      "status",
      "events",
      "doctor",
      "clean",
      "install",
      "uninstall",
    ]) {
      const { status, stdout } = steelyard(...command.split(" "), "--help");
      assert.equal(status, 0);
      assert.match(stdout, /Exit status: 0 /, command);
    }
  });

  it("ends with 2 and a remedy when it is wrong", () => {
    for (const args of [
      [],
      ["chekc"],
      ["edge"],
      ["vip"],
      ["vip", "--address", "192.0.2.10"],
      ["vip", "--address", "192.0.2.10", "--interface", "eth0", "--config", "vip.yaml"],
      ["check"],
      ["import"],
      ["import", "keepalived"],
      ["import", "metallb"],
      ["plan", "surplus"],
      ["explain"],
      ["explain", "service"],
      ["router-config"],
      ["router-config", "--vendor", "acme", "examples/pools/state"],
      ["tls"],
      ["tls", "fix", "--distribution", "minikube"],
      ["kubeconfig", "surplus"],
      ["tls", "check", "--output", "xml", "--address", "192.0.2.1"],
      ["status", "surplus"],
      ["lab", "upp"],
    ]) {
      const { status, stderr } = steelyard(...args);
      assert.equal(status, 2, args.join(" "));
      assert.match(stderr, /--help|Usage:/, args.join(" "));
    }
  });

  it("is content when nobody reads the rest of what it prints", async () => {
    const folder = mkdtempSync(join(tmpdir(), "steelyard-command-"));
    const socket = join(folder, "edge.sock");
    const server = createServer((_request, response) => {
      const more = setInterval(() => response.write(EVENT), 5);
      response.on("close", () => clearInterval(more));
    }).listen(socket);
    await once(server, "listening");
    const child = spawn(process.execPath, [main, "events", "--follow", "--json", "--admin", socket], {
      stdio: ["ignore", "pipe", "pipe"],
    });
    child.stdout.once("data", () => child.stdout.destroy());
    let complaint = "";
    child.stderr.on("data", (chunk: Buffer) => {
      complaint += chunk.toString();
    });
    const [status] = await once(child, "close");
    server.closeAllConnections();
    server.close();
    rmSync(folder, { recursive: true });
    assert.equal(complaint, "");
    assert.equal(status, 0);
  });
});
