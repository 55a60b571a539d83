/** From a `vrrp_instance` to a `VirtualRouter`. */
import { familyOf, isIpv4, isLinkLocal } from "#base/address";
import { type Duration, micros, millis, seconds } from "#base/time";
import type { RouterInput } from "#core/config/schema-router";
import { type Address, addressInput } from "./address.ts";
import { clamp, spell } from "./arguments.ts";
import type { Announcing, Globals } from "./globals.ts";
import type { Instance } from "./instance.ts";
import type { Report } from "./report.ts";
import { type Tracking, trackingOf } from "./tracking.ts";

export type RouterContext = {
  readonly globals: Globals;
  /** The name of the sync group that the instance belongs to. */
  readonly syncGroup: string | undefined;
  /** Whether nobody has claimed this address before; link-local ones are told apart by their device. */
  readonly claim: (address: string) => boolean;
  /** Gives a name for an interface that no other router's virtual MAC address is on. */
  readonly ownInterface: (wanted: string) => string;
  /** What its tracking needs to know besides the instance. */
  readonly tracking: Omit<Parameters<typeof trackingOf>[1], "interfaceName" | "priority" | "grouped">;
  readonly report: Report;
};

/** A router and the scripts that it tracks, by their names in the file. */
export type Router = { readonly spec: RouterInput; readonly scripts: readonly string[] };

const OWNER = 255;
const DEFAULT_PRIORITY = 100;

/** keepalived makes a box with `state MASTER` and no priority the owner of the addresses. */
const priorityOf = (instance: Instance, report: Report): number => {
  if (instance.priority !== undefined) return instance.priority;
  if (!instance.initiallyMaster) return DEFAULT_PRIORITY;
  report.changed(instance.statement, "priority 255: state MASTER without a priority means the owner");
  return OWNER;
};

const DEFAULT_INTERVAL = seconds(1);

/** The interval as the version can say it; keepalived rounds to the nearest as well. */
const intervalOf = ({ interval }: Instance, version: 2 | 3, report: Report): Duration => {
  if (interval === undefined) return DEFAULT_INTERVAL;
  const step = version === 2 ? seconds(1) : millis(10);
  const max = version === 2 ? seconds(255) : millis(40_950);
  const rounded = micros(Math.round(interval.duration / step) * step);
  const given = clamp(rounded, { min: step, max });
  if (given !== interval.duration) {
    report.changed(
      interval.statement,
      `${spell(given)} instead of ${spell(interval.duration)}: all that version ${version} can say`,
    );
  }
  return given;
};

/** Advertised addresses are of one family, that of the first; keepalived leaves the others out. */
const ofOneFamily = ([first, ...rest]: readonly Address[], report: Report): readonly Address[] => {
  if (first === undefined) return [];
  const family = familyOf(first.network.address);
  return [
    first,
    ...rest.filter(({ network, statement }) => {
      if (familyOf(network.address) === family) return true;
      report.lost(
        statement,
        `the instance is for ${family}, so keepalived leaves it out too; virtual_ipaddress_excluded can hold it`,
      );
      return false;
    }),
  ];
};

/** The addresses that are not held already: keepalived adds one as often as it is written, the kernel has it once. */
const unclaimed = (
  addresses: readonly Address[],
  {
    interfaceName,
    claim,
    report,
  }: {
    readonly interfaceName: string;
    readonly claim: RouterContext["claim"];
    readonly report: Report;
  },
): readonly Address[] =>
  addresses.filter(({ network: { address }, device = interfaceName, statement }) => {
    if (claim(isLinkLocal(address) ? `${address}%${device}` : address)) return true;
    report.lost(statement, "is held already; each address belongs to one router, once");
    return false;
  });

const preemptionOf = (
  { nopreempt, preemptDelay, initiallyMaster }: Instance,
  priority: number,
  report: Report,
): Pick<RouterInput, "preempt" | "preemptDelay"> => {
  const ignored =
    priority === OWNER
      ? "the owner of the addresses (priority 255) always takes over"
      : "keepalived ignores it with state MASTER";
  if (priority === OWNER || initiallyMaster) {
    if (nopreempt !== undefined) report.needless(nopreempt, ignored);
    if (preemptDelay !== undefined) report.needless(preemptDelay.statement, ignored);
    return {};
  }
  if (nopreempt !== undefined) {
    if (preemptDelay !== undefined) report.needless(preemptDelay.statement, "has no effect with nopreempt");
    return { preempt: false };
  }
  return preemptDelay === undefined ? {} : { preemptDelay: spell(preemptDelay.duration) };
};

const announcingOf = (instance: Announcing, globals: Announcing): Pick<RouterInput, "gratuitous"> => {
  const { repeat, delay, refresh, interval } = { ...globals, ...instance };
  const gratuitous = {
    ...(repeat === undefined ? {} : { repeat }),
    ...(interval === undefined ? {} : { interval: spell(interval) }),
    ...(delay === undefined ? {} : { delay: spell(delay) }),
    ...(refresh === undefined ? {} : { refresh: spell(refresh) }),
  };
  return Object.keys(gratuitous).length === 0 ? {} : { gratuitous };
};

const versionOf = (instance: Instance, globals: Globals, first: Address): 2 | 3 =>
  isIpv4(first.network.address) ? (instance.version ?? globals.version) : 3;

const passwordOf = (
  { password }: Instance,
  version: 2 | 3,
  report: Report,
): Pick<RouterInput, "authentication"> => {
  if (password === undefined) return {};
  if (version === 2) return { authentication: { simplePassword: password.text } };
  report.needless(password.statement, "keepalived ignores it in version 3, which has no authentication");
  return {};
};

const transportOf = ({ peers, sourceAddress }: Instance): Pick<RouterInput, "unicast" | "sourceAddress"> => ({
  ...(peers === undefined || peers.length === 0 ? {} : { unicast: { peers: [...peers] } }),
  ...(sourceAddress === undefined ? {} : { sourceAddress }),
});

const trackOf = ({ track }: Tracking): Pick<RouterInput, "track"> =>
  Object.keys(track).length === 0 ? {} : { track };

const virtualMacOf = (
  { virtualMac }: Instance,
  {
    usual,
    priority,
    ownInterface,
    report,
  }: {
    /** The name that the interface has without another one. */
    readonly usual: string;
    readonly priority: number;
    readonly ownInterface: (wanted: string) => string;
    readonly report: Report;
  },
): Pick<RouterInput, "virtualMac" | "virtualMacInterface"> => {
  if (virtualMac === undefined) return {};
  const { statement, interfaceName = usual } = virtualMac;
  if (priority === OWNER) {
    report.lost(statement, "the owner of the addresses (priority 255) has them on its interface for good");
    return {};
  }
  const name = ownInterface(interfaceName);
  if (name !== interfaceName)
    report.changed(statement, `on ${name}, since another router has ${interfaceName}`);
  return { virtualMac: true, ...(name === usual ? {} : { virtualMacInterface: name }) };
};

/** The router for an instance; `undefined`, with a note, when something essential is missing. */
export const routerFrom = (
  instance: Instance,
  { globals, syncGroup, claim, ownInterface, tracking, report }: RouterContext,
): Router | undefined => {
  const { statement, vrid, interfaceName = globals.defaultInterface } = instance;
  if (vrid === undefined) {
    report.lost(statement, "has no virtual_router_id");
    return undefined;
  }
  const claiming = { interfaceName, claim, report };
  const addresses = unclaimed(ofOneFamily(instance.addresses, report), claiming);
  const [first] = addresses;
  if (first === undefined) {
    report.lost(statement, "has no virtual_ipaddress of its own");
    return undefined;
  }
  if (instance.interfaceName === undefined) {
    report.changed(statement, `names no interface, so it is ${interfaceName}`);
  }
  const version = versionOf(instance, globals, first);
  const written = priorityOf(instance, report);
  const tracked = trackingOf(
    instance.tracked,
    { ...tracking, interfaceName, priority: written, grouped: syncGroup !== undefined },
    report,
  );
  const interval = intervalOf(instance, version, report);
  const usual = `${isIpv4(first.network.address) ? "vrrp" : "vrrp6"}.${vrid}`;
  const mac = virtualMacOf(instance, { usual, priority: written, ownInterface, report });
  const carrier = mac.virtualMac === true ? (mac.virtualMacInterface ?? usual) : interfaceName;
  const inputOf = (address: Address) => addressInput(address, { interfaceName, carrier, report });
  const excluded = unclaimed(instance.excluded, claiming).map(inputOf);
  return {
    scripts: tracked.scripts,
    spec: {
      interface: interfaceName,
      vrid,
      version,
      priority: tracked.priority,
      advertisementInterval: spell(interval),
      ...preemptionOf(instance, written, report),
      ...transportOf(instance),
      ...(instance.accepts === false && written !== OWNER ? { acceptMode: false } : {}),
      ...mac,
      ...passwordOf(instance, version, report),
      addresses: addresses.map(inputOf),
      ...(excluded.length === 0 ? {} : { unadvertisedAddresses: excluded }),
      ...trackOf(tracked),
      ...(syncGroup === undefined ? {} : { syncGroup }),
      ...announcingOf(instance.announcing, globals.announcing),
    },
  };
};
