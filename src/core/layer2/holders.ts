/** Recorded holders by Service. */
import type { ObjectKey } from "#core/kubernetes/meta";
import type { HolderRecord } from "./record.ts";

export class Holders {
  readonly #records = new Map<ObjectKey, HolderRecord>();
  readonly #byService = new Map<ObjectKey, Map<ObjectKey, string>>();

  /** The nodes recorded for any of the Services, each once. */
  of(services: readonly ObjectKey[]): readonly string[] {
    const nodes = new Set<string>();
    for (const service of services)
      for (const node of this.#byService.get(service)?.values() ?? []) nodes.add(node);
    return [...nodes];
  }

  set(record: HolderRecord): "changed" | "same" {
    const before = this.#records.get(record.key);
    if (before?.service === record.service && before.node === record.node) return "same";
    this.remove(record.key);
    this.#records.set(record.key, record);
    const nodes = this.#byService.get(record.service) ?? new Map<ObjectKey, string>();
    this.#byService.set(record.service, nodes);
    nodes.set(record.key, record.node);
    return "changed";
  }

  remove(key: ObjectKey): "changed" | "same" {
    const record = this.#records.get(key);
    if (record === undefined) return "same";
    this.#records.delete(key);
    const nodes = this.#byService.get(record.service);
    nodes?.delete(key);
    if (nodes?.size === 0) this.#byService.delete(record.service);
    return "changed";
  }
}
