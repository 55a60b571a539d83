/** From a checked probe section to the health check that runs. */
import { type IpAddress, isIpv4, isLinkLocal } from "#base/address";
import type { HealthCheckConfig, ProbeKind } from "#core/health/config";
import type { TrackedCheck } from "./desired.ts";
import { error, type Finding, type Path, warning } from "./problem.ts";
import type { CheckSpec } from "./schema-check.ts";
import type { ProbeSpec } from "./schema-probe.ts";

const probeOf = ({ http, https, script }: ProbeSpec): ProbeKind => {
  if (script !== undefined) return { type: "script", command: script.command };
  if (https !== undefined) return { type: "https", ...https };
  if (http !== undefined) return { type: "http", ...http, verify: false };
  return { type: "tcp" };
};

/** The health check that a probe section describes; an empty one asks by TCP. */
export const healthOf = (spec: ProbeSpec): HealthCheckConfig => ({
  probe: probeOf(spec),
  ...(spec.port === undefined ? {} : { port: spec.port }),
  interval: spec.interval,
  timeout: spec.timeout,
  retries: spec.retries,
  retryDelay: spec.retryDelay,
  rise: spec.rise,
  fall: spec.fall,
});

/** What is wrong with a probe section by itself. */
export const probeFindings = (
  spec: ProbeSpec & Partial<Pick<CheckSpec, "ping" | "arp">>,
  path: Path,
): readonly Finding[] => {
  const findings: Finding[] = [];
  const ways = ["tcp", "http", "https", "script", "ping", "arp"] as const;
  const chosen = ways.filter((type) => spec[type] !== undefined);
  if (chosen.length > 1) {
    findings.push(error(path, `asks in ${chosen.length} ways: ${chosen.join(", ")}`, "Keep one of them."));
  }
  const { https, script } = spec;
  if (https?.verify === false && https.caFile !== undefined) {
    findings.push(
      error(
        [...path, "https", "caFile"],
        "is given although nothing is verified",
        "Remove it, or set verify: true.",
      ),
    );
  }
  const program = script?.command[0];
  if (program !== undefined && !program.startsWith("/")) {
    findings.push(
      error(
        [...path, "script", "command", 0],
        `${JSON.stringify(program)} is not an absolute path`,
        "Write the program's whole path, such as /usr/local/bin/check.",
      ),
    );
  }
  if (script !== undefined && spec.port !== undefined) {
    findings.push(
      warning([...path, "port"], "means nothing to a script", "Remove it, or pass it as an argument."),
    );
  }
  return findings;
};

/** What is wrong with a check that asks a machine itself. */
const witnessFindings = ({ ping, arp, address, port }: CheckSpec): readonly Finding[] => {
  const findings: Finding[] = [];
  if (port !== undefined) {
    findings.push(warning(["spec", "port"], "means nothing to a machine that is asked itself", "Remove it."));
  }
  if (address === undefined) {
    findings.push(error(["spec", "address"], "is missing", "Say whom to ask, such as the gateway."));
  } else if (arp !== undefined && !isIpv4(address)) {
    findings.push(error(["spec", "address"], `${address} is not IPv4, all that ARP knows`, "Use ping."));
  } else if (ping !== undefined && ping.interface === undefined && isLinkLocal(address)) {
    findings.push(
      error(["spec", "ping"], `needs an interface for ${address}, which is link-local`, "Add interface."),
    );
  }
  return findings;
};

/** What is wrong with a tracked check by itself. */
export const checkFindings = (spec: CheckSpec): readonly Finding[] => {
  const findings = [...probeFindings(spec, ["spec"])];
  const { script, address, port } = spec;
  if (spec.ping !== undefined || spec.arp !== undefined) return [...findings, ...witnessFindings(spec)];
  if (script === undefined && (address === undefined || port === undefined)) {
    findings.push(
      error(
        ["spec", address === undefined ? "address" : "port"],
        "is missing",
        "Say whom to ask with address and port, or give a script.",
      ),
    );
  }
  if (script !== undefined && address !== undefined) {
    findings.push(
      warning(["spec", "address"], "means nothing to a script", "Remove it, or pass it as an argument."),
    );
  }
  return findings;
};

const targetOf = (address: IpAddress | undefined, port: number | undefined): Pick<TrackedCheck, "target"> =>
  address === undefined || port === undefined ? {} : { target: { address, port } };

/** The question to a machine itself; `undefined` when it is asked otherwise. */
const witnessOf = ({ ping, arp, address }: CheckSpec): ProbeKind | undefined => {
  if (address === undefined) return undefined;
  if (ping !== undefined) return { type: "ping", address, ...ping };
  return arp !== undefined && isIpv4(address) ? { type: "arp", address, ...arp } : undefined;
};

/** The tracked check that a `TrackedCheck` resource describes. */
export const checkOf = (name: string, spec: CheckSpec): TrackedCheck => ({
  name,
  health: { ...healthOf(spec), probe: witnessOf(spec) ?? probeOf(spec) },
  ...(spec.script === undefined && witnessOf(spec) === undefined ? targetOf(spec.address, spec.port) : {}),
});
