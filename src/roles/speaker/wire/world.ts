/** Opens everything that the wire process needs of this machine, and runs it until it is told to end. */
import type { ChildProcess } from "node:child_process";
import { randomInt } from "node:crypto";
import { setPriority } from "node:os";
import { join } from "node:path";
import { micros, millis, seconds, wallTime } from "#base/time";
import { VERSION } from "#base/version";
import type { Authentication } from "#core/bfd/authentication";
import { LONGEST_ESTATE } from "#core/bfd/legacy-words";
import { DEFAULT_OWNERSHIP } from "#core/ownership/config";
import { DEFAULTS as RESPONDER_DEFAULTS } from "#core/responder/config";
import { sysctlKey } from "#core/sysctl/key";
import { digest } from "#drivers/bfd/digest";
import { openBfdPort } from "#drivers/bfd/linux";
import { openBgpPort } from "#drivers/bgp/linux";
import { openClock } from "#drivers/clock/linux";
import { openBequest } from "#drivers/files/bequest";
import { openRecord } from "#drivers/files/record";
import { openFrr } from "#drivers/frr/linux";
import { readBootId } from "#drivers/host/linux";
import { expectWork, rest } from "#drivers/host/memory";
import { Child } from "#drivers/ipc/child";
import { openNetlink } from "#drivers/netlink/linux";
import { openResponderPort } from "#drivers/packet/linux-responder";
import { openSegmentPort } from "#drivers/packet/linux-segments";
import { openAdvertisementPort } from "#drivers/router-advertisement/linux";
import { openSysctl } from "#drivers/sysctl/linux";
import { createDeadlines } from "#runtime/deadlines";
import type { AgentToWire, WireToAgent } from "../messages.ts";
import { EXIT, type SpeakerOptions } from "../options.ts";
import { agentCommand } from "./agent-command.ts";
import { watchAuthentication } from "./authentication.ts";
import { openBgp } from "./bgp/open.ts";
import { type OpenFrrParts, openFrrBgp } from "./bgp/open-frr.ts";
import type { OpenBgp } from "./bgp/port.ts";
import { LONGEST_BGP_STATE } from "./bgp/state.ts";
import type { AgentOptions, WireParts } from "./parts.ts";
import { LONGEST_STATE } from "./state.ts";
import { Wire } from "./wire.ts";

/** Members and placements, in the state directory. */
const STATE = "cluster.json";
const LARGEST_NUMBER = 2 ** 32;

/** Peers, routes and passwords of BGP, beside it. */
const BGP_STATE = "bgp.json";
/** How long sessions may take to end besides the drain: slow peers are given some time for what is to be sent. */
const BGP_ENDING = seconds(14);
/** BFD sessions with routers, for the next run. */
const BFD_BEQUEST = "bfd.json";

const random = (): number => randomInt(LARGEST_NUMBER) / LARGEST_NUMBER;

type Circumstances = {
  readonly options: SpeakerOptions;
  readonly firstAgent: ChildProcess;
  readonly authentication: Authentication | undefined;
  /** Wall time in milliseconds. */
  readonly startedAt: number;
};

/** What this process starts by itself must not be preferred as it is. */
const beOrdinary = (pid: number): void => {
  try {
    setPriority(pid, 0);
  } catch {
    // It has ended already, or is as ordinary as it was.
  }
};

const childOf = ({ options, firstAgent }: Circumstances, agent: AgentOptions) =>
  new Child<AgentToWire, WireToAgent>({
    ...{ ...agent, command: agentCommand(options), first: firstAgent, onStart: beOrdinary },
  });

/** Whether a link of this namespace forwards IPv6. */
const createForwarding = (): ((link: string) => boolean) => {
  const sysctl = openSysctl();
  return (link) => {
    const key = sysctlKey("net", "ipv6", "conf", link, "forwarding");
    const observed = sysctl.observe([key]);
    return observed.ok && observed.value.get(key) === "1";
  };
};

/** Who talks to BGP peers. */
const bgpOf = (options: SpeakerOptions, parts: Pick<OpenFrrParts, "deadlines" | "now">): OpenBgp => {
  const { node, bgpEngine, bgpListen, bgpDrain, frrSockets } = options;
  const common = {
    ...parts,
    time: () => wallTime(Date.now()),
    settings: {
      listen: bgpListen === undefined ? undefined : { port: bgpListen },
      drainTime: millis(bgpDrain),
    },
  };
  if (bgpEngine === "frr") {
    const shell = ["vtysh", ...(frrSockets === undefined ? [] : ["--vty_socket", frrSockets])];
    return openFrrBgp({ ...common, frr: openFrr({ shell }) });
  }
  return openBgp({
    ...{ ...common, node, tcp: openBgpPort(), routers: openAdvertisementPort(), random },
    // After the sockets that are ready now.
    afterReading: (run) => void setImmediate(run),
  });
};

/** Opens everything, or says in one sentence what is missing. */
const openWorld = (circumstances: Circumstances): Omit<WireParts, "end"> | string => {
  const { options, authentication, startedAt } = circumstances;
  const netlink = openNetlink();
  if (!netlink.ok) return `cannot talk to the kernel (${netlink.error.request}): ${netlink.error.code}`;
  const clock = openClock({ onWake: () => deadlines.runDue(), inSuspend: "goes-on" });
  if (!clock.ok) return `${clock.error.operation}: ${clock.error.code}`;
  const { now, wake } = clock.value;
  const deadlines = createDeadlines({ now, wake });
  const { gratuitous, ...responder } = RESPONDER_DEFAULTS;
  return {
    ...{ node: options.node, now, deadlines, authentication, netlink: netlink.value },
    facts: { pid: process.pid, startedAt: wallTime(startedAt), version: VERSION },
    time: () => wallTime(Date.now()),
    ...{
      bfd: openBfdPort(),
      packets: { ...openResponderPort(), ...openSegmentPort() },
      forwardsIpv6: createForwarding(),
    },
    random,
    digest,
    answerer: options.bind ? "kernel" : "responder",
    ownership: { ...DEFAULT_OWNERSHIP, withoutGateway: options.withoutGateway },
    responder: {
      ...{ ...responder, nonce: randomInt(LARGEST_NUMBER) },
      gratuitous: { ...gratuitous, refresh: millis(options.refresh) },
    },
    bootId: readBootId(),
    bequest: openBequest(join(options.stateDirectory, BFD_BEQUEST), LONGEST_ESTATE),
    openBgpState: (onFailure) =>
      openRecord(join(options.stateDirectory, BGP_STATE), onFailure, LONGEST_BGP_STATE),
    openBgp: bgpOf(options, { deadlines, now }),
    bgpLeaveLimit: micros(millis(options.bgpDrain) + BGP_ENDING),
    openState: (onFailure) => openRecord(join(options.stateDirectory, STATE), onFailure, LONGEST_STATE),
    complain: (message) => void process.stderr.write(`steelyard speaker: ${message}\n`),
    startAgent: (agent) => childOf(circumstances, agent),
    memory: { rest, expectWork },
  };
};

/** Runs until it is told to end, or cannot go on; gives the exit status. */
export const serve = async (circumstances: Circumstances): Promise<number> => {
  const world = openWorld(circumstances);
  if (typeof world === "string") {
    process.stderr.write(`steelyard speaker: ${world}\n`);
    // It waits for a word from us, and we would wait for it.
    circumstances.firstAgent.kill("SIGKILL");
    return EXIT.environment;
  }
  const { secretFile } = circumstances.options;
  const status = await new Promise<number>((resolve) => {
    const wire = new Wire({ ...world, end: resolve });
    for (const signal of ["SIGTERM", "SIGINT"] as const) process.on(signal, () => wire.stop(signal));
    // What a unit's RestartKillSignal= is to be: systemd alone knows whether a stop is a restart or the machine's end.
    process.on("SIGUSR2", () => wire.stop("SIGUSR2", "restart"));
    if (secretFile !== undefined)
      watchAuthentication(secretFile, (reading) =>
        wire.setAuthentication(typeof reading === "string" ? `${secretFile} ${reading}` : reading),
      );
  });
  // Sockets and timers would keep the process alive.
  setImmediate(() => process.exit(status));
  return status;
};
