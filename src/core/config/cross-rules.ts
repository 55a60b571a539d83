/** What must hold between resources. */
import { isLinkLocal } from "#base/address";
import type { VirtualServer } from "#core/balance/model";
import { formatPorts, particularity, portsOverlap, samePorts } from "#core/balance/ports";
import type { ConnectionSyncConfig } from "#core/connection-sync/config";
import type { VirtualRouterConfig } from "#core/vrrp/config";
import type { TrackedCheck } from "./desired.ts";
import { masqueradeProblems } from "./masquerade-rules.ts";
import { nearestHint } from "./nearest.ts";
import { error, type Finding, type Path, type Problem, warning } from "./problem.ts";

/** A resource whose parts are right by themselves, and the document it came from. */
export type Placed<Value> = { readonly document: number; readonly value: Value };

/** All resources whose parts are right by themselves. */
export type Resources = {
  readonly routers: readonly Placed<VirtualRouterConfig>[];
  readonly servers: readonly Placed<VirtualServer>[];
  readonly checks: readonly Placed<TrackedCheck>[];
  readonly syncs: readonly Placed<ConnectionSyncConfig>[];
  /** Names of the servers that routers are told of. */
  readonly routed: ReadonlySet<string>;
  /** Names of all tracked checks, also of those that could not be read: a reference to one is not a second mistake. */
  readonly checkNames: readonly string[];
  /** Whether something could not be read, so that what seems unused may be used there. */
  readonly incomplete: boolean;
  /** Whether not even its kind and name could be read, so that what seems missing may only be hidden. */
  readonly hidden: boolean;
};

const within =
  (document: number) =>
  (finding: Finding): Problem => ({ ...finding, document });

/** An error for every later resource that claims what an earlier one has. */
const claimedTwice = <Value extends { readonly name: string }>(
  placed: readonly Placed<Value>[],
  claimsOf: (value: Value) => readonly { readonly key: string; readonly path: Path; readonly what: string }[],
  hint: string,
): readonly Problem[] => {
  const ownerByKey = new Map<string, string>();
  return placed.flatMap(({ document, value }) =>
    claimsOf(value).flatMap(({ key, path, what }) => {
      const owner = ownerByKey.get(key);
      if (owner === undefined) {
        ownerByKey.set(key, value.name);
        return [];
      }
      const message = owner === value.name ? `${what} twice` : `${what}, and so does ${owner}`;
      return [within(document)(error(path, message, hint))];
    }),
  );
};

const routerProblems = ({ routers }: Resources): readonly Problem[] => [
  ...claimedTwice(
    routers,
    ({ interface: device, family, vrid }) => [
      {
        key: `${device} ${family} ${vrid}`,
        path: ["spec", "vrid"],
        what: `uses vrid ${vrid} for ${family} on ${device}`,
      },
    ],
    "Give each router of an interface and family its own vrid.",
  ),
  ...claimedTwice(
    routers,
    ({ virtualMacInterface: name }) =>
      name === undefined
        ? []
        : [{ key: name, path: ["spec", "virtualMac"], what: `has its virtual MAC address on ${name}` }],
    "Give each its own virtualMacInterface.",
  ),
  ...claimedTwice(
    routers,
    (router) =>
      (["addresses", "unadvertisedAddresses"] as const).flatMap((list) =>
        router[list].map(({ address, device = router.interface }, index) => ({
          // Link-local addresses are unique per link only (RFC 4291 §2.5.6).
          key: isLinkLocal(address) ? `${address}%${device}` : address,
          path: ["spec", list, index],
          what: `holds ${address}`,
        })),
      ),
    "Leave it to one of them.",
  ),
];

/**
 * An error for every server that overlaps an earlier one. A single port may lie within a range, and either within all
 * ports: the more particular server gets the packet.
 */
const overlaps = (servers: Resources["servers"]): readonly Problem[] => {
  const earlierByKey = new Map<string, VirtualServer[]>();
  return servers.flatMap(({ document, value }) => {
    const { address, protocol, ports } = value;
    const kind = particularity(ports);
    const key = `${address} ${protocol} ${kind === "one" ? ports.first : kind}`;
    const earlier = earlierByKey.get(key) ?? [];
    const other = earlier.find((candidate) => portsOverlap(candidate.ports, ports));
    earlier.push(value);
    earlierByKey.set(key, earlier);
    if (other === undefined) return [];
    const what = `serves ${protocol} ${kind === "one" ? "port" : "ports"} ${formatPorts(ports)} of ${address}`;
    const theirs = samePorts(other.ports, ports) ? "so does" : `${formatPorts(other.ports)} belong to`;
    const message = `${what}, and ${theirs} ${other.name}`;
    return [within(document)(error(["spec", "port"], message, "Give one of them another port or address."))];
  });
};

const serverProblems = ({ servers, routers, routed, incomplete }: Resources): readonly Problem[] => {
  const held = new Set(
    routers.flatMap(({ value }) =>
      [...value.addresses, ...value.unadvertisedAddresses].map(({ address }) => address),
    ),
  );
  return [
    ...overlaps(servers),
    ...masqueradeProblems({ servers, routers, incomplete }),
    ...servers
      .filter(({ value }) => !incomplete && !held.has(value.address) && !routed.has(value.name))
      .map(({ document, value }) =>
        within(document)(
          warning(
            ["spec", "address"],
            `${value.address} is held by no VirtualRouter`,
            "Fine if something else brings it to this box; it will not move to another one.",
          ),
        ),
      ),
  ];
};

const checkProblems = ({
  routers,
  checks,
  checkNames,
  incomplete,
  hidden,
}: Resources): readonly Problem[] => {
  const used = new Set<string>();
  const problems = routers.flatMap(({ document, value }) =>
    value.track
      .filter(({ subject }) => subject.kind === "check")
      .flatMap(({ subject }, index) => {
        used.add(subject.name);
        if (hidden || checkNames.includes(subject.name)) return [];
        const message = `there is no TrackedCheck named ${subject.name}`;
        const path = ["spec", "track", "checks", index, "name"];
        const hint =
          checkNames.length === 0
            ? "Add a document of kind TrackedCheck with that name."
            : nearestHint(subject.name, checkNames);
        return [within(document)(error(path, message, hint))];
      }),
  );
  const idle = checks
    .filter(({ value }) => !incomplete && !used.has(value.name))
    .map(({ document }) =>
      within(document)(
        warning(
          ["metadata", "name"],
          "is tracked by no VirtualRouter",
          "Name it under spec.track.checks of one, or remove it.",
        ),
      ),
    );
  return [...problems, ...idle];
};

const syncGroupProblems = ({ routers, incomplete }: Resources): readonly Problem[] =>
  routers.flatMap(({ document, value }) => {
    const group = value.syncGroup;
    if (group === undefined) return [];
    const members = routers.filter((other) => other.value.syncGroup === group);
    const path = ["spec", "syncGroup"];
    if (members.length === 1) {
      return incomplete
        ? []
        : [
            within(document)(
              warning(path, `${group} has no other member`, "Give another router the same, or remove it."),
            ),
          ];
    }
    const mixed = members.some((other) => (other.value.priority === 255) !== (value.priority === 255));
    return mixed && value.priority === 255
      ? [
          within(document)(
            error(
              path,
              `${group} mixes an owner (priority 255) with others, which cannot change state together`,
            ),
          ),
        ]
      : [];
  });

/** One daemon keeps one table in sync with one peer; without anything to keep it does not run. */
const connectionSyncProblems = ({ syncs, servers, incomplete }: Resources): readonly Problem[] => {
  const keepsSome = servers.some(({ value }) => value.mode !== "dsr" || value.persistence !== undefined);
  return syncs.flatMap(({ document }, index) => [
    ...(index === 0
      ? []
      : [within(document)(error(["kind"], "is the second ConnectionSync of this box", "Keep one of them."))]),
    ...(keepsSome || incomplete
      ? []
      : [
          within(document)(
            warning(
              ["spec"],
              "has nothing to keep: no server uses masquerade, nat or persistence",
              "Remove it: dsr by itself keeps no connections.",
            ),
          ),
        ]),
  ]);
};

/** Everything that is wrong between resources. */
export const crossProblems = (resources: Resources): readonly Problem[] => [
  ...routerProblems(resources),
  ...serverProblems(resources),
  ...checkProblems(resources),
  ...syncGroupProblems(resources),
  ...connectionSyncProblems(resources),
];
