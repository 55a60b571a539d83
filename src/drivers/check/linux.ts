/** The real prober: sockets and processes of this machine. */
import type { SecureContext } from "node:tls";
import { micros } from "#base/time";
import type { ProbeKind } from "#core/health/config";
import type { ProbeOutcome } from "#core/health/probe";
import { type Door, openDoor } from "#native/door";
import { createPlaces, type Running, runAttempt, type Start } from "./attempt.ts";
import { type Authorities, createAuthorities } from "./authorities.ts";
import { startHttp } from "./http.ts";
import { startArp, startPing } from "./neighbour.ts";
import type { CheckPort, ProbeRequest } from "./port.ts";
import { startScript } from "./script.ts";
import { startTcp } from "./tcp.ts";

/** How many attempts may run at the same time; the others wait for a place, within their timeout. */
export type CheckLimits = { readonly connections: number; readonly scripts: number };

const DEFAULT_LIMITS: CheckLimits = { connections: 1_024, scripts: 16 };

type NetworkProbe = Exclude<ProbeKind, { type: "script" | "ping" | "arp" }>;
type Target = NonNullable<ProbeRequest["target"]>;

/** An HTTPS check that verifies reads its authorities from a file first; every other check starts at once. */
const startNetwork =
  (probe: NetworkProbe, target: Target, authorities: Authorities): Start =>
  (report) => {
    if (probe.type === "tcp") return startTcp(target)(report);
    if (probe.type === "http") return startHttp(probe, target)(report);
    if (!probe.verify) return startHttp(probe, target, authorities.none)(report);
    let running: Running | undefined;
    let abandoned = false;
    const fail = (error: unknown): void => {
      report.answer({ ok: false, reason: "not-started", detail: String(error) });
      report.gone();
    };
    const begin = (context: SecureContext): void => {
      if (abandoned) report.gone();
      else running = startHttp(probe, target, context)(report);
    };
    authorities.trusting(probe.caFile).then(begin).catch(fail);
    return {
      abandon() {
        abandoned = true;
        return running === undefined ? "the file of authorities" : running.abandon();
      },
    };
  };

const MISSING_TARGET = "a check of this kind needs an address and a port";

/** Opens the prober. It holds nothing open between attempts and needs no closing. */
export const openChecks = (limits: CheckLimits = DEFAULT_LIMITS, door: () => Door = openDoor): CheckPort => {
  const connections = createPlaces(limits.connections);
  const scripts = createPlaces(limits.scripts);
  const authorities = createAuthorities();
  return {
    probe({ probe, target, timeout }: ProbeRequest): Promise<ProbeOutcome> {
      if (probe.type === "script") return runAttempt(scripts, timeout, startScript(probe.command, target));
      if (probe.type === "ping")
        return runAttempt(connections, timeout, (report) => startPing(door(), probe)(report));
      if (probe.type === "arp")
        return runAttempt(connections, timeout, (report) => startArp(door(), probe)(report));
      if (target !== undefined) {
        return runAttempt(connections, timeout, startNetwork(probe, target, authorities));
      }
      return Promise.resolve({ ok: false, reason: "not-started", detail: MISSING_TARGET, took: micros(0) });
    },
  };
};
