/** What the backends are in the map. */
import { concatBytes } from "#base/bytes";
import type { BackendId, PlannedBackend } from "#core/balance/plan-model";
import { encodeBackend, encodeIndex, MAPS } from "./layout.ts";
import type { Places } from "./places.ts";
import type { Surroundings } from "./surroundings.ts";
import { elementWrite, type Write } from "./writes.ts";

/** The value of each backend. */
export type BackendContents = ReadonlyMap<BackendId, Uint8Array>;

/** What is to be known of these backends. */
export const describeBackends = (
  backends: ReadonlyMap<BackendId, PlannedBackend>,
  { way, neighbour }: Surroundings,
): BackendContents => {
  const contents = new Map<BackendId, Uint8Array>();
  for (const [id, { device, address, availability }] of backends) {
    const link = device === undefined ? undefined : way(device);
    const mac = link === undefined ? undefined : neighbour(link.index, address);
    contents.set(id, encodeBackend({ id, mac, link, serving: availability !== "unavailable" }));
  }
  return contents;
};

const isSame = (one: Uint8Array, other: Uint8Array | undefined): boolean =>
  other !== undefined && one.every((byte, index) => byte === other[index]);

/** Writes the backends that are new or not as before. */
export function* backendWrites(
  contents: BackendContents,
  previous: BackendContents,
  { byId }: Pick<Places, "byId">,
): Generator<Write> {
  const changed = [...contents].filter(([id, value]) => !isSame(value, previous.get(id)));
  if (changed.length === 0) return;
  yield {
    map: "backends",
    keys: concatBytes(...changed.map(([id]) => encodeIndex(byId.get(id) ?? 0))),
    values: concatBytes(...changed.map(([, value]) => value)),
  };
}

/** Empties places that nobody refers to any more, so that no record leads there. */
export function* releaseWrites(places: readonly number[]): Generator<Write> {
  for (const place of places) yield elementWrite("backends", place, new Uint8Array(MAPS.backends.valueSize));
}
