/** Which ports a machine behind a `VirtualServer` may have. */
import { formatPorts, particularity } from "#core/balance/ports";
import { error, type Finding, type Path } from "./problem.ts";
import type { ServerSpec } from "./schema-server.ts";

/** What is wrong with `port` at `path`: a mode or several ports may leave it no choice. */
export const backendPortFindings = (
  { mode, port: ports }: ServerSpec,
  port: number,
  path: Path,
): readonly Finding[] => {
  if (particularity(ports) !== "one") {
    return [
      error(
        path,
        `${port} is one port, but the server has ${formatPorts(ports)}`,
        "Remove it: the port that the client asked for stays.",
      ),
    ];
  }
  if (mode !== "dsr" || port === ports.first) return [];
  return [
    error(
      path,
      `${port} differs from the server's ${ports.first}, and dsr cannot rewrite ports`,
      "Remove it, or use mode: masquerade.",
    ),
  ];
};
