/** What must hold of a `VirtualServer`'s ways with single clients and with backends on their way out. */
import { familyFindings, hostAddressFindings } from "./address-rules.ts";
import { backendPortFindings } from "./backend-port-rules.ts";
import { error, type Finding } from "./problem.ts";
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
    findings.push(error([...path, "address"], `${address} is the virtual server's own address`));
  }
  if (port !== undefined) findings.push(...backendPortFindings(spec, port, [...path, "port"]));
  const twin = backendsOf(spec).find((each) => each.address === address && each.port === (port ?? each.port));
  if (twin !== undefined) {
    const hint = "Give a machine, or a port of it, that serves nothing else here.";
    findings.push(error(path, `is the same machine and port as the backend ${twin.name}`, hint));
  }
  return findings;
};

/** Everything that is wrong with how one virtual server treats clients and leaving backends. */
export const trafficFindings = (spec: ServerSpec): readonly Finding[] => [...sorryFindings(spec)];
