/** What must hold within one `VirtualRouter` beyond what its schema says. */

import { isIpv4, isLinkLocal } from "#base/address";
import { formatDuration, millis, seconds } from "#base/time";
import {
  duplicateFindings,
  familyFindings,
  hostAddressFindings,
  networkAddressFindings,
} from "./address-rules.ts";
import { error, type Finding, type Path, warning } from "./problem.ts";
import { firstAddressOf as first, interfaceAddressOf, virtualMacInterfaceOf } from "./resolve-router.ts";
import type { RouterSpec } from "./schema-router.ts";

const versionFindings = (spec: RouterSpec): readonly Finding[] => {
  const findings: Finding[] = [];
  const interval = spec.advertisementInterval;
  const path = ["spec", "advertisementInterval"];
  if (spec.version === 2) {
    if (interval % seconds(1) !== 0) {
      findings.push(
        error(
          path,
          `${formatDuration(interval)} is not whole seconds, all that version 2 can say`,
          "Use 1s..255s, or version: 3.",
        ),
      );
    }
    if (!isIpv4(first(spec))) {
      findings.push(error(["spec", "version"], "is 2, which knows IPv4 only", "Use version: 3."));
    }
    return findings;
  }
  if (interval > millis(40_950)) {
    findings.push(error(path, `${formatDuration(interval)} is above 40.95s, the most version 3 can say`));
  }
  if (interval % millis(10) !== 0) {
    findings.push(
      error(
        path,
        `${formatDuration(interval)} is not a multiple of 10ms, the step of version 3`,
        "Use 10ms, 20ms and so on.",
      ),
    );
  }
  if (spec.authentication !== undefined) {
    findings.push(
      error(
        ["spec", "authentication"],
        "does not exist in version 3 (RFC 9568 §9)",
        "Remove it, or use version: 2.",
      ),
    );
  }
  return findings;
};

const ownerFindings = (spec: RouterSpec): readonly Finding[] => {
  if (spec.priority !== 255) return [];
  const weights = (["interfaces", "checks"] as const).flatMap((kind) =>
    spec.track[kind].flatMap((tracked, index) =>
      tracked.weight === undefined
        ? []
        : [
            error(
              ["spec", "track", kind, index, "weight"],
              "cannot lower the priority of an owner (255)",
              "Use fault: true, or a priority of at most 254.",
            ),
          ],
    ),
  );
  const preempt = spec.preempt
    ? []
    : [
        error(
          ["spec", "preempt"],
          "is false, but an owner (priority 255) always takes over (RFC 9568 §6.1)",
          "Use a priority of at most 254.",
        ),
      ];
  return [...weights, ...preempt];
};

const transportFindings = (spec: RouterSpec): readonly Finding[] => {
  const family = { like: first(spec), whose: "the router" };
  const peers = spec.unicast?.peers ?? [];
  const peerPath = (index: number): Path => ["spec", "unicast", "peers", index];
  const source = spec.sourceAddress;
  const sourcePath = ["spec", "sourceAddress"];
  return [
    ...peers.flatMap((peer, index) => [
      ...hostAddressFindings(peer, peerPath(index)),
      ...familyFindings(peer, { ...family, path: peerPath(index) }),
      ...(peer === source
        ? [error(peerPath(index), `${peer} is this box's own sourceAddress`, "List the other boxes only.")]
        : []),
    ]),
    ...duplicateFindings(peers, peerPath),
    ...(source === undefined
      ? []
      : [
          ...hostAddressFindings(source, sourcePath),
          ...familyFindings(source, { ...family, path: sourcePath }),
        ]),
  ];
};

const virtualMacFindings = (spec: RouterSpec): readonly Finding[] => {
  const findings: Finding[] = [];
  if (spec.virtualMac && spec.priority === 255) {
    const message = "is true, but an owner (priority 255) has the addresses on its interface for good";
    findings.push(error(["spec", "virtualMac"], message, "Use a priority of at most 254."));
  }
  if (!spec.virtualMac && spec.virtualMacInterface !== undefined) {
    findings.push(
      error(
        ["spec", "virtualMacInterface"],
        "is given without virtualMac",
        "Add virtualMac: true, or remove it.",
      ),
    );
  }
  if (spec.virtualMac && spec.virtualMacInterface === spec.interface) {
    findings.push(
      error(
        ["spec", "virtualMacInterface"],
        `${spec.interface} is the interface itself`,
        "Give a name that no interface has.",
      ),
    );
  }
  return findings;
};

const addressFindings = (spec: RouterSpec): readonly Finding[] =>
  (["addresses", "unadvertisedAddresses"] as const).flatMap((key) =>
    spec[key].flatMap((given, index): readonly Finding[] => {
      const path: Path = ["spec", key, index];
      const network = interfaceAddressOf(given);
      const findings = [
        ...hostAddressFindings(network.address, path),
        ...networkAddressFindings(network, path),
      ];
      if (key === "addresses") {
        findings.push(
          ...familyFindings(network.address, { like: first(spec), whose: "the first one", path }),
        );
      }
      if ("prefixLength" in given || given.label === undefined) return findings;
      const device = given.device ?? virtualMacInterfaceOf(spec) ?? spec.interface;
      const labelPath = [...path, "label"];
      if (!isIpv4(network.address)) {
        findings.push(error(labelPath, "is given to an IPv6 address, which cannot carry one", "Remove it."));
      } else if (!given.label.startsWith(`${device}:`)) {
        findings.push(
          error(
            labelPath,
            `${JSON.stringify(given.label)} does not start with its device`,
            `Write ${device}:TEXT.`,
          ),
        );
      }
      return findings;
    }),
  );

const trackFindings = (spec: RouterSpec): readonly Finding[] =>
  (["interfaces", "checks"] as const).flatMap((kind) => [
    ...duplicateFindings(
      spec.track[kind].map(({ name }) => name),
      (index) => ["spec", "track", kind, index, "name"],
    ),
    ...spec.track[kind].flatMap(({ weight, fault }, index) => {
      const path = ["spec", "track", kind, index];
      if (weight !== undefined && fault === true) {
        return [error(path, "has both a weight and fault: true", "Keep one of them.")];
      }
      if (weight === undefined && fault === false) {
        return [
          error(
            [...path, "fault"],
            "is false, and there is no weight",
            "Give a weight, or remove the entry.",
          ),
        ];
      }
      return [];
    }),
  ]);

/** Things that are allowed and probably not meant. */
const doubtfulFindings = (spec: RouterSpec): readonly Finding[] => {
  const findings: Finding[] = [];
  if (!spec.preempt && spec.preemptDelay > 0) {
    findings.push(warning(["spec", "preemptDelay"], "has no effect with preempt: false"));
  }
  if (!spec.acceptMode && spec.priority === 255) {
    findings.push(warning(["spec", "acceptMode"], "has no effect: an owner (priority 255) accepts always"));
  }
  if (!isIpv4(first(spec)) && !isLinkLocal(first(spec))) {
    findings.push(
      warning(
        ["spec", "addresses", 0],
        `${first(spec)} is not link-local, as the first IPv6 address should be (RFC 9568 §5.2.9)`,
        "Put a virtual link-local address such as fe80::10/64 first; hosts can use it as their gateway.",
      ),
    );
  }
  return findings;
};

/** Everything that is wrong with one virtual router by itself. */
export const routerFindings = (spec: RouterSpec): readonly Finding[] => [
  ...versionFindings(spec),
  ...ownerFindings(spec),
  ...transportFindings(spec),
  ...addressFindings(spec),
  ...virtualMacFindings(spec),
  ...trackFindings(spec),
  ...doubtfulFindings(spec),
];
