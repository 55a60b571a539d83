/** What has been made so far of a configuration. */
import type { TextMap } from "#core/kubernetes/meta";
import { parseCommunity } from "#core/metallb/community";
import { Taken } from "./addresses.ts";
import { Names } from "./names.ts";
import type { Report, Subject } from "./report.ts";
import { given, type Kind, type Resource, versionOf } from "./resource.ts";

/** Whether a text is a community by value. */
export const isCommunityValue = (text: string): boolean => parseCommunity(text).type === "community";

/** What a resource is made of. */
export type Made = {
  /** The name that it should have, or one like it. */
  readonly wanted: string;
  readonly fallback: string;
  readonly origin: Subject;
  readonly spec: object;
  readonly labels?: TextMap;
  readonly annotations?: TextMap;
};

export class Draft {
  readonly report: Report;
  readonly resources: Resource[] = [];
  /** The addresses of the pools so far, by the names that the files give these. */
  readonly taken = new Taken();
  readonly #names = new Names();
  readonly #namespace: string;
  readonly #aliases = new Set<string>();

  constructor(namespace: string, report: Report) {
    this.#namespace = namespace;
    this.report = report;
  }

  /** Adds a resource, and gives the name that it got. */
  add(kind: Kind, { wanted, fallback, origin, spec, ...texts }: Made): string {
    const name = this.#names.take(kind, wanted, fallback);
    const metadata = { name, namespace: this.#namespace, ...given(texts) };
    this.resources.push({ origin, value: { apiVersion: versionOf(kind), kind, metadata, spec } });
    return name;
  }

  /** Remembers the name of a community. */
  nameCommunity(alias: string): void {
    this.#aliases.add(alias);
  }

  /** Whether a text means a community, by value or by a name that was given to one. */
  isCommunity(text: string): boolean {
    return this.#aliases.has(text) || isCommunityValue(text);
  }
}
