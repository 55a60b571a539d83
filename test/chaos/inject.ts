/** Bringing a fault about, and ending it. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import type { LabHostHandle } from "#lab/host";
import type { Lab } from "#lab/lab";
import { KEPT_ADDRESS, KEPT_DEVICE, NEEDED } from "./config.ts";
import type { ManagedEdge } from "./edge.ts";
import type { EdgeName, Fault } from "./plan.ts";

export type Scene = {
  readonly lab: Lab;
  readonly edges: Readonly<Record<EdgeName, ManagedEdge>>;
  /** The address that the edges share. */
  readonly address: string;
};

/** Ends a fault that is in force. */
export type End = () => Promise<void>;

const NOTHING_TO_END: End = async () => {};
/** From that share of its limit on a table is full, and the kernel throws entries out for new ones. */
const FULL = 0.98;
/** How long filling may take, in milliseconds: a hundred thousand entries take a second on an idle machine. */
const FILLED_WITHIN = 60_000;
/** A flow of one packet is remembered for so many seconds instead of 30, however long filling takes. */
const REMEMBERED = 300;
/** Datagrams of a flood each second. */
const FLOOD_RATE = 20_000;

const inSwitch = async ({ lab }: Scene, words: string): Promise<End> => {
  await lab.fault(words);
  return () => lab.fault("restore");
};

const flap = async ({ lab }: Scene, { node, times }: Fault & { type: "flap" }): Promise<End> => {
  const flapping = (async () => {
    for (let time = 0; time < times; time += 1) {
      await lab.fault(`link-down ${node}`);
      await pause(400);
      await lab.fault(`link-up ${node}`);
      await pause(400);
    }
    await lab.fault(`link-down ${node}`);
  })();
  return async () => {
    await flapping;
    await lab.fault(`link-up ${node}`);
  };
};

const flood = async ({ lab, address }: Scene, { seconds }: Fault & { type: "flood" }): Promise<End> => {
  const program = join(import.meta.dirname, "flooder.ts");
  const argv = [process.execPath, program, address, String(FLOOD_RATE), String(seconds)];
  const flooder = await lab.host("rt").spawn(argv);
  return async () => void (await flooder.exited);
};

/** From another box on the same network, so that the edge's own table fills and nobody else's. */
const fillTable = async ({ lab, edges }: Scene, edge: EdgeName): Promise<End> => {
  const remember = "net.netfilter.nf_conntrack_udp_timeout";
  await edges[edge].host.expect(["sysctl", "-qw", `${remember}=${REMEMBERED}`]);
  const limit = await edges[edge].host.expect(["cat", "/proc/sys/net/netfilter/nf_conntrack_max"]);
  const program = join(import.meta.dirname, "filler.ts");
  const own = edge === "e1" ? "10.2.0.11" : "10.2.0.12";
  const filler = await lab.host("rt").spawn([process.execPath, program, own, String(2 * Number(limit))]);
  const until = Date.now() + FILLED_WITHIN;
  for (;;) {
    const count = await edges[edge].host.expect(["cat", "/proc/sys/net/netfilter/nf_conntrack_count"]);
    if (Number(count) >= FULL * Number(limit)) break;
    assert(Date.now() < until, `the table of ${edge} is not full: ${count.trim()} of ${limit.trim()}`);
    await pause(50);
  }
  return async () => {
    await filler.stop();
    await edges[edge].host.expect(["sysctl", "-qw", `${remember}=30`]);
    // The kernel would not forget them before the end.
    await edges[edge].host.run(["sh", "-c", "conntrack -D -p udp --dport 7 >/dev/null"]);
  };
};

const replay = async ({ lab }: Scene, { copies, delay }: Fault & { type: "replay" }): Promise<End> => {
  const program = join(import.meta.dirname, "replayer.ts");
  const replayer = await lab.host("rt").spawn([process.execPath, program, "eth0", `${copies}`, `${delay}`]);
  await replayer.said(/^ready$/m);
  return async () => {
    await replayer.endInput();
    await replayer.exited;
  };
};

/** As a script does that configures the network anew: all that the edge needs is set back, and forwarding last. */
export const resetSettings = async (host: LabHostHandle): Promise<void> => {
  const back = Object.entries(NEEDED).map(([setting, needed]) => `${setting}=${needed === "1" ? 0 : 1}`);
  await host.expect(["sysctl", "-qw", ...back]);
  // Writing the value that it has changes nothing, so the one for all interfaces goes up and down.
  await host.expect(["sysctl", "-qw", "net.ipv4.ip_forward=1", "net.ipv4.ip_forward=0"]);
};

/** Brings a fault about and resolves when it is in force, with what ends it. */
export const inject = async (scene: Scene, fault: Fault): Promise<End> => {
  const { edges, address } = scene;
  switch (fault.type) {
    case "kill":
    case "restart": {
      const edge = edges[fault.edge];
      await edge.hold(true);
      if (fault.type === "restart") await edge.signal("wire", "SIGTERM");
      else await edge.signal(fault.part, "SIGKILL");
      return async () => {
        await pause(fault.restartAfter);
        await edge.hold(false);
      };
    }
    case "freeze": {
      const edge = edges[fault.edge];
      await edge.signal(fault.part, "SIGSTOP");
      return () => edge.signal(fault.part, "SIGCONT");
    }
    case "silence":
    case "link-down":
      return inSwitch(scene, `${fault.type} ${fault.edge}`);
    case "partition":
      return inSwitch(scene, "partition e1 e2");
    case "loss":
      return inSwitch(scene, `loss ${fault.percent} ${fault.from} ${fault.to ?? "any"}`);
    case "replay":
      return replay(scene, fault);
    case "flush":
      await edges[fault.edge].host.expect(["nft", "flush", "ruleset"]);
      return NOTHING_TO_END;
    case "remove-address":
      // It is not there when the other edge holds it.
      await edges[fault.edge].host.run(["ip", "address", "del", `${address}/24`, "dev", "eth0"]);
      await edges[fault.edge].host.run(["ip", "address", "del", `${KEPT_ADDRESS}/24`, "dev", KEPT_DEVICE]);
      return NOTHING_TO_END;
    case "reset-setting":
      await resetSettings(edges[fault.edge].host);
      return NOTHING_TO_END;
    case "full-disk": {
      const edge = edges[fault.edge];
      await edge.fillDisk(true);
      return () => edge.fillDisk(false);
    }
    case "clock-step": {
      const edge = edges[fault.edge];
      await edge.setClock(fault.seconds);
      return () => edge.setClock(0);
    }
    case "conntrack-full":
      return fillTable(scene, fault.edge);
    case "flap":
      return flap(scene, fault);
    case "flood":
      return flood(scene, fault);
  }
};
