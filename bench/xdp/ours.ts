/** Our program with the maps that a plan gives it. */
import { assert } from "#base/assert";
import { instant } from "#base/time";
import type { VirtualServer } from "#core/balance/model";
import { planForwarding } from "#core/balance/plan";
import type { ForwardingPlan } from "#core/balance/plan-model";
import { onePort } from "#core/balance/ports";
import type { CompiledProgram } from "#core/xdp/object";
import { NO_TABLES, nextTables } from "#core/xdp/tables";
import { type LoadedProgram, loadProgram } from "#drivers/balance/xdp/attachment";
import type { Bpf } from "#drivers/balance/xdp/bpf";
import { MapSet } from "#drivers/balance/xdp/maps";
import { BACKENDS, backendAddress, FAMILIES, type Family, OTHER, OWN, VIRTUAL } from "./packets.ts";

const CPUS = 64;
const WAY = { index: 7, mac: OWN, mtu: 1500 };

/** The default of virtual servers. */
export const SLOTS = 1021;

const server = (family: Family, port: number, size: { backends: number; slots: number }): VirtualServer => ({
  ...{ name: `${family} ${port}`, address: VIRTUAL[family], protocol: "tcp", ports: onePort(port) },
  mode: "dsr",
  scheduler: { type: "consistent-hash", tableSize: size.slots },
  backends: Array.from({ length: size.backends }, (_, index) => ({
    name: `w${index}`,
    address: backendAddress(family, index),
    weight: 1,
  })),
});

const planOf = (servers: readonly VirtualServer[], previous?: ForwardingPlan): ForwardingPlan =>
  planForwarding({
    servers,
    availability: () => "available",
    links: { ingress: () => ["eth0"], egress: () => "eth0" },
    previous,
    now: instant(0),
  });

/** Loads it, or a program around it. Port 80 is in rest, port 81 has a tenth of its slots in transition: backends have just come. */
export const loadOurs = (
  bpf: Bpf,
  { slots = SLOTS, compiled }: { readonly slots?: number; readonly compiled?: CompiledProgram },
): LoadedProgram & { readonly close: () => void } => {
  const servers = (backendsAt81: number): readonly VirtualServer[] =>
    FAMILIES.flatMap((family) => [
      server(family, 80, { backends: BACKENDS, slots }),
      server(family, 81, { backends: backendsAt81, slots }),
    ]);
  const before = planOf(servers(BACKENDS - 10));
  const plan = planOf(servers(BACKENDS), before);
  const surroundings = { way: () => WAY, neighbour: () => OTHER };
  const first = nextTables({ plan: before, surroundings, gap: false }, NO_TABLES);
  assert(first.ok, "the tables fit");
  // A place for flows is needed now, so the maps are made anew and everything is written again.
  const next = nextTables({ plan, surroundings, gap: false }, first.tables);
  assert(next.ok && next.renewed, "the tables fit, and are new");
  const maps = new MapSet(bpf, CPUS, next.tables.capacities, undefined);
  try {
    maps.write(next.writes);
    const { program, settings } = loadProgram(bpf, maps, WAY, "generic", compiled);
    const close = (): void => {
      for (const descriptor of [program, settings]) bpf.close(descriptor);
      maps.close();
    };
    return { program, settings, close };
  } catch (error) {
    maps.close();
    throw error;
  }
};
