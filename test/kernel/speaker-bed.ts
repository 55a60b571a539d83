/**
 * Two real speakers in a lab without an API server: the built program, which goes on from what an earlier run left on disk.
 *
 * Who answers for the address is never taken from the program: the client's kernel says what it believes, and frames are seen on
 * the client's cable.
 */
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { type Lab, type LabHostHandle, type LabProcess, openLab } from "#lab/index";
import type { Topology } from "#lab/topology";
import { SMALL } from "./edge-bed.ts";

const MAIN = join(import.meta.dirname, "../../dist/main.js");
const STATE_FILE = "/run/steelyard/speaker/cluster.json";
const SECRET_FILE = "/run/speaker/secret";
const KUBECONFIG = "/run/speaker/kubeconfig";
const NAMES = ["e1", "e2"] as const;

/** The addresses of a Service. */
export const ADDRESSES = ["10.2.0.110", "fd02::110"] as const;
/** Far more than anything here takes: ten seconds until a speaker goes on alone, fifteen until it takes something back. */
const PATIENCE_MS = 60_000;

const HOST_NUMBERS = { e1: 11, e2: 12 } as const;
type Name = keyof typeof HOST_NUMBERS;
const addressOf = (name: Name): string => `10.2.0.${HOST_NUMBERS[name]}`;

/** The MAC address of a speaker's interface. */
export const macOf = (name: Name): string => `02:00:00:00:02:0${HOST_NUMBERS[name].toString(16)}`;

/** There is nobody at the API server's address. */
const KUBECONFIG_TEXT = JSON.stringify({
  ...{ apiVersion: "v1", kind: "Config", "current-context": "lab" },
  clusters: [{ name: "lab", cluster: { server: "https://127.0.0.1:9" } }],
  users: [{ name: "lab", user: { token: "none" } }],
  contexts: [{ name: "lab", context: { cluster: "lab", user: "lab" } }],
});

const stateText = (node: string): string =>
  JSON.stringify({
    ...{ version: 1, node },
    members: NAMES.map((name) => ({
      ...{ name, addresses: [addressOf(name)], macs: [macOf(name)], api: "ready" },
    })),
    placements: ADDRESSES.map((address) => ({ address, candidates: NAMES, interfaces: "all" })),
  });

/** Resolves with the first answer that is not `undefined`. */
export const eventually = async <Value>(
  what: string,
  look: () => Promise<Value | undefined>,
): Promise<Value> => {
  const limit = performance.now() + PATIENCE_MS;
  for (;;) {
    const found = await look();
    if (found !== undefined) return found;
    assert.ok(performance.now() < limit, `${what}: not within ${PATIENCE_MS} ms`);
    await pause(50);
  }
};

/** One node with its speaker. */
export type SpeakerHost = {
  readonly name: Name;
  readonly host: LabHostHandle;
  /** The command line. */
  command(...further: readonly string[]): readonly string[];
  /** Starts the program with these further arguments, and does not wait. */
  start(...further: readonly string[]): Promise<LabProcess>;
  /** Signals one of its two processes alone. */
  signal(part: "wire" | "agent", signal: NodeJS.Signals): Promise<void>;
  /** The process of the agent now. */
  agentPid(): Promise<string>;
  /** Everything that its programs have said. */
  log(): string;
};

export type SpeakerBed = {
  readonly lab: Lab;
  readonly e1: SpeakerHost;
  readonly e2: SpeakerHost;
  readonly client: LabHostHandle;
  /** Resolves when the client sends to this node for both addresses; it asks if it knows nobody. */
  believes(name: Name): Promise<void>;
  /** Senders of announcements and ARP answers for the addresses since the bed was opened, in order. */
  speakers(): Promise<readonly string[]>;
};

const openSpeaker = (host: LabHostHandle, name: Name, programs: LabProcess[]): SpeakerHost => {
  const own: LabProcess[] = [];
  const pid = (): string => {
    const last = own.at(-1);
    assert(last !== undefined, `${name} was not started`);
    return String(last.pid);
  };
  const agentPid = async (): Promise<string> =>
    await eventually(`the agent of ${name}`, async () => {
      const { stdout } = await host.run(["pgrep", "-P", pid()]);
      return stdout.trim() === "" ? undefined : stdout.trim();
    });
  const command: SpeakerHost["command"] = (...further) => {
    const paths = ["--kubeconfig", KUBECONFIG, "--secret-file", SECRET_FILE, "--node", name];
    return [process.execPath, MAIN, "speaker", ...paths, ...further];
  };
  return {
    ...{ name, host, agentPid, command },
    start: async (...further) => {
      const started = await host.spawn(command(...further));
      own.push(started);
      programs.push(started);
      return started;
    },
    signal: async (part, signal) => {
      await host.expect(["kill", `-${signal}`, part === "wire" ? pid() : await agentPid()]);
    },
    log: () => own.map((program) => `${program.stdout()}${program.stderr()}`).join(""),
  };
};

const SAID_BY =
  /(?:Reply 10\.2\.0\.110 is-at|Announcement 10\.2\.0\.110|neighbor advertisement, tgt is fd02::110)/;
const SENDER = /^\S+ ([0-9a-f:]{17}) > /;

/** Runs one test in a lab of its own, which is gone afterwards however the test ends. */
export const inSpeakerBed = async (
  context: TestContext,
  test: (bed: SpeakerBed) => Promise<void>,
  topology?: Topology,
): Promise<void> => {
  assert(existsSync(MAIN), 'run "npm run build" first');
  const programs: LabProcess[] = [];
  const lab = await openLab(topology ?? SMALL);
  try {
    const client = lab.host("cl");
    const tap = await client.spawn(["tcpdump", "-lnne", "-i", "eth0", "arp", "or", "icmp6"]);
    await tap.said(/listening on/);
    const hosts = NAMES.map((name) => openSpeaker(lab.host(name), name, programs));
    for (const { host, name } of hosts) {
      await host.expect(["mkdir", "-p", "-m", "700", "/run/steelyard/speaker", "/run/speaker"]);
      await host.write(STATE_FILE, stateText(name));
      await host.write(KUBECONFIG, KUBECONFIG_TEXT);
      await host.write(SECRET_FILE, "a secret of two speakers\n");
      await host.expect(["chmod", "600", SECRET_FILE]);
    }
    const [e1, e2] = hosts;
    assert(e1 !== undefined && e2 !== undefined);
    const believed = async (address: string): Promise<string | undefined> => {
      const entries: readonly { lladdr?: string }[] = JSON.parse(
        await client.expect(["ip", "-j", "neighbour", "show", "to", address]),
      );
      return entries[0]?.lladdr;
    };
    await test({
      ...{ lab, e1, e2, client },
      believes: async (name) => {
        for (const address of ADDRESSES)
          await eventually(`the client sends to ${name} for ${address}`, async () => {
            const mac = await believed(address);
            if (mac === undefined) await client.run(["bash", "-c", `echo > /dev/udp/${address}/9`]);
            return mac === macOf(name) ? true : undefined;
          });
      },
      speakers: async () =>
        tap
          .stdout()
          .split("\n")
          .flatMap((line) => (SAID_BY.test(line) ? (SENDER.exec(line)?.[1] ?? []) : [])),
    });
  } catch (error) {
    for (const program of programs) context.diagnostic(`${program.stdout()}${program.stderr()}`);
    throw error;
  } finally {
    await lab.close();
  }
};
