/** From a checked probe section to the health check that runs. */
import type { IpAddress } from "#base/address";
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
export const probeFindings = (spec: ProbeSpec, path: Path): readonly Finding[] => {
  const findings: Finding[] = [];
  const chosen = (["tcp", "http", "https", "script"] as const).filter((type) => spec[type] !== undefined);
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

/** What is wrong with a tracked check by itself. */
export const checkFindings = (spec: CheckSpec): readonly Finding[] => {
  const findings = [...probeFindings(spec, ["spec"])];
  const { script, address, port } = spec;
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

/** The tracked check that a `TrackedCheck` resource describes. */
export const checkOf = (name: string, spec: CheckSpec): TrackedCheck => ({
  name,
  health: healthOf(spec),
  ...(spec.script === undefined ? targetOf(spec.address, spec.port) : {}),
});
