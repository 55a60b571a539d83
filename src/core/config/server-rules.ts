/** What must hold within one `VirtualServer` beyond what its schema says. */
import { formatInterfaceAddress, networkOf } from "#base/prefix";
import { formatPorts, particularity } from "#core/balance/ports";
import { duplicateFindings, familyFindings, hostAddressFindings } from "./address-rules.ts";
import { backendPortFindings } from "./backend-port-rules.ts";
import { error, type Finding, warning } from "./problem.ts";
import { probeFindings } from "./resolve-health.ts";
import { backendsOf, DEFAULT_TABLE_SIZE } from "./resolve-server.ts";
import type { ServerSpec } from "./schema-server.ts";
import { trafficFindings } from "./traffic-rules.ts";

const isPrime = (n: number): boolean => {
  for (let divisor = 2; divisor * divisor <= n; divisor += 1) if (n % divisor === 0) return false;
  return n >= 2;
};

const nextPrime = (n: number): number => (isPrime(n) ? n : nextPrime(n + 1));

const schedulerFindings = (spec: ServerSpec): readonly Finding[] => {
  const { scheduler, tableSize = DEFAULT_TABLE_SIZE, backends } = spec;
  const path = ["spec", "tableSize"];
  if (scheduler !== "consistent-hash" && scheduler !== "source-hash") {
    if (spec.tableSize === undefined) return [];
    return [error(path, `means nothing to ${scheduler}`, "Remove it, or use scheduler: consistent-hash.")];
  }
  if (!isPrime(tableSize))
    return [error(path, `${tableSize} is not a prime`, `The next one is ${nextPrime(tableSize)}.`)];
  if (tableSize < backends.length) {
    const hint = `Use at least ${nextPrime(backends.length * 10)}.`;
    return [error(path, `${tableSize} slots cannot serve ${backends.length} backends`, hint)];
  }
  if (tableSize < backends.length * 10) {
    const hint = `Use at least ${nextPrime(backends.length * 10)} for even shares.`;
    return [warning(path, `${tableSize} slots are few for ${backends.length} backends`, hint)];
  }
  return [];
};

const OWN_ADDRESS_HINT = "Give the address that the machine itself has.";

const backendFindings = (spec: ServerSpec): readonly Finding[] => {
  const backends = backendsOf(spec);
  return [
    ...spec.backends.flatMap(({ address, port }, index) => {
      const path = ["spec", "backends", index];
      const findings = [
        ...hostAddressFindings(address, [...path, "address"]),
        ...familyFindings(address, { like: spec.address, whose: "the server's", path: [...path, "address"] }),
      ];
      if (address === spec.address) {
        findings.push(
          error([...path, "address"], `${address} is the virtual server's own address`, OWN_ADDRESS_HINT),
        );
      }
      if (port !== undefined) findings.push(...backendPortFindings(spec, port, [...path, "port"]));
      return findings;
    }),
    ...duplicateFindings(
      backends.map(({ name }) => name),
      (index) => ["spec", "backends", index, spec.backends[index]?.name === undefined ? "address" : "name"],
    ),
    ...backends.flatMap(({ name, address, port }, index) => {
      const same = backends.findIndex((other) => other.address === address && other.port === port);
      const other = backends[same];
      if (other === undefined || same >= index || other.name === name) return [];
      return [
        error(
          ["spec", "backends", index, "address"],
          `${name} is the same machine and port as ${other.name}`,
          "Remove one of them; for a greater share use weight.",
        ),
      ];
    }),
  ];
};

const masqueradeFindings = ({
  address,
  mode,
  masqueradeAddress,
  backends,
}: ServerSpec): readonly Finding[] => {
  const path = ["spec", "masqueradeAddress"];
  if (masqueradeAddress === undefined) return [];
  if (mode !== "masquerade") {
    return [error(path, `means nothing to mode ${mode}`, "Remove it, or use mode: masquerade.")];
  }
  const findings = [
    ...hostAddressFindings(masqueradeAddress, path),
    ...familyFindings(masqueradeAddress, { like: address, whose: "the server's", path }),
  ];
  if (backends.some((backend) => backend.address === masqueradeAddress)) {
    findings.push(error(path, `${masqueradeAddress} is a backend's address`));
  }
  return findings;
};

const sourceFindings = ({ address, sourceRanges = [] }: ServerSpec): readonly Finding[] => [
  ...sourceRanges.flatMap((network, index) => {
    const path = ["spec", "sourceRanges", index];
    const base = networkOf(network);
    return [
      ...familyFindings(network.address, { like: address, whose: "the server's", path }),
      ...(base.address === network.address
        ? []
        : [
            error(
              path,
              `${formatInterfaceAddress(network)} is a host in a network`,
              `Write the network, ${formatInterfaceAddress(base)}, or the host alone, ${network.address}.`,
            ),
          ]),
    ];
  }),
  ...duplicateFindings(sourceRanges.map(formatInterfaceAddress), (index) => ["spec", "sourceRanges", index]),
];

const healthFindings = ({ health, protocol, port }: ServerSpec): readonly Finding[] => {
  if (health === undefined) return [];
  const findings = [...probeFindings(health, ["spec", "health"])];
  if (particularity(port) !== "one" && health.script === undefined && health.port === undefined) {
    findings.push(
      error(
        ["spec", "health"],
        `does not say which of the ports ${formatPorts(port)} to ask`,
        "Give health.port, or a script.",
      ),
    );
  } else if (protocol === "UDP" && health.script === undefined && health.port === undefined) {
    findings.push(
      warning(
        ["spec", "health"],
        "asks over TCP for a UDP service",
        "Give the TCP port that tells its health, or a script.",
      ),
    );
  }
  return findings;
};

/** Things that are allowed and probably not meant. */
const doubtfulFindings = (spec: ServerSpec): readonly Finding[] => {
  const weights = spec.backends.map(({ weight }) => weight);
  const fate = spec.sorryServer === undefined ? "be refused" : "go to the sorry server";
  if (weights.length === 0)
    return [warning(["spec", "backends"], `lists nobody: every connection will ${fate}`)];
  const findings: Finding[] = [];
  if (weights.every((weight) => weight === 0)) {
    findings.push(warning(["spec", "backends"], `has only weights of 0: every new connection will ${fate}`));
  } else if (spec.scheduler === "round-robin" && new Set(weights.filter((weight) => weight > 0)).size > 1) {
    findings.push(
      warning(["spec", "scheduler"], "is round-robin, which ignores weights", "Use scheduler: weighted."),
    );
  }
  if (spec.health === undefined) {
    findings.push(
      warning(
        ["spec"],
        "has no health check: a dead backend keeps its share",
        "Add health: {} to ask by TCP.",
      ),
    );
  }
  return findings;
};

/** Everything that is wrong with one virtual server by itself. */
export const serverFindings = (spec: ServerSpec): readonly Finding[] => [
  ...hostAddressFindings(spec.address, ["spec", "address"]),
  ...schedulerFindings(spec),
  ...masqueradeFindings(spec),
  ...sourceFindings(spec),
  ...backendFindings(spec),
  ...healthFindings(spec),
  ...trafficFindings(spec),
  ...doubtfulFindings(spec),
];
