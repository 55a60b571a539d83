/** Bringing a fault about, and ending it. */
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import type { Lab } from "#lab/lab";
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
  const limit = await edges[edge].host.expect(["cat", "/proc/sys/net/netfilter/nf_conntrack_max"]);
  const program = join(import.meta.dirname, "filler.ts");
  const own = edge === "e1" ? "10.2.0.11" : "10.2.0.12";
  const filler = await lab.host("rt").spawn([process.execPath, program, own, limit.trim()]);
  return async () => {
    await filler.stop();
    // Half a minute later the kernel would have forgotten them.
    await edges[edge].host.run(["conntrack", "-D", "-p", "udp", "--dport", "7"]);
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
      return NOTHING_TO_END;
    case "reset-setting":
      await edges[fault.edge].host.expect(["sysctl", "-qw", "net.ipv4.conf.eth0.forwarding=0"]);
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
