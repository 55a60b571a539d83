/** What must hold of a `VirtualServer`'s ways with single clients and with backends on their way out. */
import { familyFindings, hostAddressFindings } from "./address-rules.ts";
import { backendPortFindings } from "./backend-port-rules.ts";
import { error, type Finding, warning } from "./problem.ts";
import { backendsOf } from "./resolve-server.ts";
import type { ServerSpec } from "./schema-server.ts";

const sorryFindings = (spec: ServerSpec): readonly Finding[] => {
  const sorry = spec.sorryServer;
  if (sorry === undefined) return [];
  const path = ["spec", "sorryServer"];
  const { address, port } = sorry;
  const findings = [
    ...hostAddressFindings(address, [...path, "address"]),
    ...familyFindings(address, { like: spec.address, whose: "the server's", path: [...path, "address"] }),
  ];
  if (address === spec.address) {
    findings.push(
      error(
        [...path, "address"],
        `${address} is the virtual server's own address`,
        "Give the address that the machine itself has.",
      ),
    );
  }
  if (port !== undefined) findings.push(...backendPortFindings(spec, port, [...path, "port"]));
  const twin = backendsOf(spec).find((each) => each.address === address && each.port === (port ?? each.port));
  if (twin !== undefined) {
    const hint = "Give a machine, or a port of it, that serves nothing else here.";
    findings.push(error(path, `is the same machine and port as the backend ${twin.name}`, hint));
  }
  return findings;
};

const limitFindings = ({ limits, mode, protocol }: ServerSpec): readonly Finding[] => {
  if (limits === undefined) return [];
  const path = ["spec", "limits"];
  const findings: Finding[] = [];
  if (limits.connectionsPerSource === undefined && limits.newConnectionsPerSource === undefined) {
    const hint = "Give connectionsPerSource, newConnectionsPerSource or both, or remove the section.";
    findings.push(error(path, "limits nothing", hint));
  }
  if (mode !== "dsr") return findings;
  if (limits.connectionsPerSource !== undefined) {
    findings.push(
      error(
        [...path, "connectionsPerSource"],
        "cannot be counted in dsr, where this box does not see connections end",
        "Remove it, or use mode: masquerade.",
      ),
    );
  }
  if (limits.newConnectionsPerSource !== undefined && protocol === "UDP") {
    findings.push(
      error(
        [...path, "newConnectionsPerSource"],
        "cannot be told in dsr for UDP, where no packet says that it opens a flow",
        "Remove it, or use mode: masquerade.",
      ),
    );
  }
  return findings;
};

const leastFindings = ({ scheduler, mode }: ServerSpec): readonly Finding[] =>
  scheduler === "least-connections" && mode === "dsr"
    ? [
        warning(
          ["spec", "scheduler"],
          "is weighted in dsr, where this box does not see connections end",
          "Use mode: masquerade, or --engine ipvs, which guesses.",
        ),
      ]
    : [];

const synProxyFindings = ({ synProxy, mode, protocol }: ServerSpec): readonly Finding[] => {
  const path = ["spec", "synProxy"];
  if (!synProxy) return [];
  if (protocol === "UDP") return [error(path, "means nothing to UDP", "Remove it.")];
  if (mode !== "dsr") return [];
  const hint = "Remove it (the backends' own SYN cookies do the same), or use mode: masquerade.";
  return [error(path, "cannot be in dsr, where answers do not pass this box", hint)];
};

/** Everything that is wrong with how one virtual server treats clients and leaving backends. */
export const trafficFindings = (spec: ServerSpec): readonly Finding[] => [
  ...sorryFindings(spec),
  ...limitFindings(spec),
  ...leastFindings(spec),
  ...synProxyFindings(spec),
];
