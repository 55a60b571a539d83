/** IPVS without a kernel: services in memory, with the refusals of the real one. */
import { describeChange, type IpvsChange } from "#core/ipvs/change";
import {
  destinationKey,
  type IpvsDestination,
  type IpvsService,
  type SyncDaemon,
  serviceKey,
} from "#core/ipvs/model";
import type { ChangeError, IpvsKernel, KernelResult } from "./kernel.ts";

type Entry = { service: IpvsService; readonly destinations: Map<string, IpvsDestination> };

export type FakeIpvs = IpvsKernel & {
  /** Everything that is there, as lines: a service, then its destinations with weights. */
  readonly list: () => readonly string[];
  /** How often destinations were read. */
  readonly looks: () => number;
  /** The changes that were made, in words. */
  readonly made: string[];
  /** Called before each batch of changes. */
  onChange: () => void;
  /** Somebody removes everything. */
  readonly flush: () => void;
  /** Lets every change of this service fail with this errno; `undefined` lets them succeed again. */
  readonly refuse: (key: string, code: string | undefined) => void;
  /** Lets every call fail with this errno from now on; `undefined` lets them succeed again. */
  readonly failWith: (code: string | undefined) => void;
};

/** The errno of a change, as the kernel would give it; `undefined` when it was made. */
const make = (
  entries: Map<string, Entry>,
  daemons: Map<string, SyncDaemon>,
  change: IpvsChange,
): string | undefined => {
  if ("daemon" in change) {
    const { state } = change.daemon;
    if (change.type === "start-daemon") {
      if (daemons.has(state)) return "EEXIST";
      daemons.set(state, change.daemon);
      return undefined;
    }
    return daemons.delete(state) ? undefined : "ESRCH";
  }
  const key = serviceKey(change.service);
  const entry = entries.get(key);
  if (change.type === "add-service") {
    if (entry !== undefined) return "EEXIST";
    entries.set(key, { service: change.service, destinations: new Map() });
    return undefined;
  }
  if (entry === undefined) return "ESRCH";
  if (change.type === "edit-service") entry.service = change.service;
  if (change.type === "remove-service") entries.delete(key);
  if (!("destination" in change)) return undefined;
  const destination = destinationKey(change.destination);
  const isThere = entry.destinations.has(destination);
  if (isThere === (change.type === "add-destination")) return isThere ? "EEXIST" : "ENOENT";
  if (change.type === "remove-destination") entry.destinations.delete(destination);
  else entry.destinations.set(destination, change.destination);
  return undefined;
};

/** A fake with nothing in it. */
export const openFakeIpvs = (): FakeIpvs => {
  const entries = new Map<string, Entry>();
  const daemons = new Map<string, SyncDaemon>();
  const refusals = new Map<string, string>();
  const made: string[] = [];
  let looks = 0;
  let failure: string | undefined;
  const answer = <Value>(request: string, value: () => Value | undefined): KernelResult<Value> => {
    const found = failure === undefined ? value() : undefined;
    return found === undefined
      ? { ok: false, error: { code: failure ?? "ESRCH", request } }
      : { ok: true, value: found };
  };
  const errnoOf = (change: IpvsChange): string | undefined =>
    failure ?? ("service" in change ? refusals.get(serviceKey(change.service)) : undefined);
  const fake: FakeIpvs = {
    services: () => answer("list", () => [...entries.values()].map(({ service }) => service)),
    destinations: (service) => {
      looks += 1;
      return answer("list", () => [...(entries.get(serviceKey(service))?.destinations.values() ?? [])]);
    },
    daemons: () => answer("list", () => [...daemons.values()]),
    change: (changes): readonly ChangeError[] => {
      if (changes.length > 0) fake.onChange();
      return changes.flatMap((change) => {
        const code = errnoOf(change) ?? make(entries, daemons, change);
        if (code === undefined) made.push(describeChange(change));
        return code === undefined ? [] : [{ code, request: describeChange(change), change }];
      });
    },
    close: () => undefined,
    list: () => [
      ...[...entries.values()].flatMap(({ service, destinations }) => [
        `${serviceKey(service)} ${service.scheduler}`,
        ...[...destinations.values()].map(
          (entry) => `  ${destinationKey(entry)} ${entry.forwarding} ${entry.weight}`,
        ),
      ]),
      ...[...daemons.values()].map((daemon) => `${daemon.state} ${daemon.interface} ${daemon.id}`),
    ],
    looks: () => looks,
    made,
    onChange: () => undefined,
    flush: () => {
      entries.clear();
      daemons.clear();
    },
    refuse: (key, code) => {
      if (code === undefined) refusals.delete(key);
      else refusals.set(key, code);
    },
    failWith: (code) => {
      failure = code;
    },
  };
  return fake;
};
