/**
 * Tells the other speakers of this node's links, in the annotation of its `ConfigurationState`.
 *
 * The object is shared with whoever writes its status, so only the annotation and the labels are merged into it; the controller's own
 * is another one. It is made if it is absent, and made true again if somebody takes it away. It belongs to the Node: Kubernetes removes it
 * once the node is gone for good.
 */
import type { Instant } from "#base/time";
import { fieldsOf } from "#core/kubernetes/read";
import { stateObject } from "#core/metallb/status";
import {
  hasSameLinks,
  LINKS_ANNOTATION,
  type ReportedLink,
  reportText,
  type SpeakerReport,
} from "#core/speaker-report/report";
import type { Target } from "#drivers/kubernetes/port";
import { CONFIGURATION_STATES } from "#runtime/cluster/resources";
import type { Writes } from "#runtime/cluster/writes";
import type { Attempts } from "./attempts.ts";

export type LinkReportParts = {
  readonly self: string;
  readonly namespace: string;
  readonly writes: Writes;
  readonly attempts: Attempts;
  readonly now: () => Instant;
  /** What the mirror shows of this node's report, and of whose it is. */
  readonly seen: () => SpeakerReport | undefined;
  readonly seenOwners: () => readonly unknown[];
  /** Of the object of this node; `undefined` while there is none. */
  readonly nodeUid: () => string | undefined;
  /** Has `look` called again at that time. */
  readonly lookAgain: (when: Instant) => void;
};

export class LinkReport {
  readonly #parts: LinkReportParts;
  readonly #target: Target & { readonly name: string };
  #links: readonly ReportedLink[] | undefined;

  constructor(parts: LinkReportParts) {
    this.#parts = parts;
    const { name, namespace } = stateObject({ type: "speaker", node: parts.self }, parts.namespace).metadata;
    this.#target = { resource: CONFIGURATION_STATES, namespace, name };
  }

  /** These are the links from now on; to be followed by `look`. */
  set(links: readonly ReportedLink[]): void {
    this.#links = links;
  }

  /** Writes the report unless the mirror shows it already. */
  look(): void {
    const { writes, attempts, now, seen, lookAgain } = this.#parts;
    const links = this.#links;
    if (links === undefined) return;
    const key = `ConfigurationState ${this.#target.name}`;
    const before = seen();
    const owners = this.#ownersToWrite();
    if (before !== undefined && hasSameLinks(before, { links }) && owners === undefined) {
      writes.drop(key);
      return;
    }
    const text = `${reportText(links)} ${before === undefined ? "" : reportText(before.links)} ${JSON.stringify(owners)}`;
    const due = attempts.dueAt(key, text, now());
    if (due > now()) {
      lookAgain(due);
      return;
    }
    attempts.sent(key, text, now());
    this.#patch(key, links);
    lookAgain(attempts.dueAt(key, text, now()));
  }

  /** The owners that the object should have; `undefined` if it has them, or it is not known which node this is. */
  #ownersToWrite(): readonly unknown[] | undefined {
    const { self, seenOwners, nodeUid } = this.#parts;
    const uid = nodeUid();
    if (uid === undefined || uid === "") return undefined;
    const seen = seenOwners();
    const isOurs = (owner: unknown): boolean =>
      fieldsOf(owner).kind === "Node" && fieldsOf(owner).name === self;
    const ours = seen.filter(isOurs);
    if (ours.length === 1 && fieldsOf(ours[0]).uid === uid) return undefined;
    // An object that names a node which is no more would go, although this one is here.
    return [...seen.filter((owner) => !isOurs(owner)), { apiVersion: "v1", kind: "Node", name: self, uid }];
  }

  #patch(key: string, links: readonly ReportedLink[]): void {
    const { writes } = this.#parts;
    const { apiVersion, kind, metadata } = this.#objectOf(links);
    const { labels, annotations } = metadata;
    const owners = this.#ownersToWrite();
    const ownerReferences = owners === undefined ? {} : { ownerReferences: owners };
    writes.put(key, {
      request: () => ({
        target: this.#target,
        write: {
          verb: "patch",
          type: "merge",
          body: { metadata: { labels, annotations, ...ownerReferences } },
        },
      }),
      done: ({ answer }) => {
        if (answer.ok || answer.failure.reason !== "not-found") return;
        const { name: _, ...collection } = this.#target;
        writes.put(key, {
          request: () => ({
            target: collection,
            write: {
              verb: "create",
              body: { apiVersion, kind, metadata: { ...metadata, ...ownerReferences } },
            },
          }),
        });
      },
    });
  }

  #objectOf(links: readonly ReportedLink[]) {
    const { self, namespace } = this.#parts;
    const object = stateObject({ type: "speaker", node: self }, namespace);
    return {
      ...object,
      metadata: { ...object.metadata, annotations: { [LINKS_ANNOTATION]: reportText(links) } },
    };
  }
}
