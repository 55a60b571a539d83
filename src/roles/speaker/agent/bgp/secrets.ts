/**
 * The Secrets that peers of this node have their passwords from: each is watched by its name, so that a right to it by name is enough,
 * and a password that is changed is another one at once.
 */
import { type NamedSecret, readSecret, type SecretReading } from "#core/bgp-peers/secret";
import type { ClusterPort, Failure, Watch } from "#drivers/kubernetes/port";
import { SECRETS } from "#runtime/cluster/resources";

type Parts = {
  readonly cluster: Pick<ClusterPort, "watch">;
  readonly namespace: string;
  /** Something is known now that was not, or is another thing. */
  readonly changed: () => void;
};

/** Reasons that do not go by themselves; of all others it is waited for the API server. */
const LASTING: ReadonlySet<Failure["reason"]> = new Set(["forbidden", "not-found", "invalid"]);

const isSameReading = (left: NamedSecret, right: NamedSecret): boolean =>
  JSON.stringify(left.reading) === JSON.stringify(right.reading);

const UNKNOWN: SecretReading = { type: "unread", detail: "it was not asked for yet" };

export class PeerSecrets {
  readonly #parts: Parts;
  readonly #watches = new Map<string, Pick<Watch<NamedSecret>, "close">>();
  readonly #readings = new Map<string, SecretReading>();

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /** These are needed from now on, and no others. */
  follow(names: ReadonlySet<string>): void {
    for (const [name, watch] of this.#watches) {
      if (names.has(name)) continue;
      watch.close();
      this.#watches.delete(name);
      this.#readings.delete(name);
    }
    for (const name of names) if (!this.#watches.has(name)) this.#watches.set(name, this.#watch(name));
  }

  /** Whether something is known of each: until then a peer might seem to have no password that has one. */
  get isSettled(): boolean {
    return this.#readings.size === this.#watches.size;
  }

  readingOf(name: string): SecretReading {
    return this.#readings.get(name) ?? UNKNOWN;
  }

  close(): void {
    this.follow(new Set());
  }

  #watch(name: string): Pick<Watch<NamedSecret>, "close"> {
    const { cluster, namespace } = this.#parts;
    return cluster.watch<NamedSecret>(
      {
        ...{ resource: SECRETS, namespace, fieldSelector: `metadata.name=${name}`, project: readSecret },
        ...{ keyOf: (secret) => `${namespace}/${secret.name}`, isSame: isSameReading },
      },
      {
        changed: ({ reading }) => this.#note(name, reading),
        removed: () => this.#note(name, { type: "absent" }),
        synced: () => {
          const known = this.#readings.get(name);
          // A watch that has told all there is and has not told of it: it is not there.
          if (known === undefined || known.type === "unread") this.#note(name, { type: "absent" });
        },
        trouble: (trouble) => {
          if (trouble === undefined || !LASTING.has(trouble.failure.reason)) return;
          // What was read once is not forgotten because it may not be read any more.
          const known = this.#readings.get(name);
          if (known === undefined || known.type === "unread")
            this.#note(name, { type: "unread", detail: trouble.failure.message });
        },
      },
    );
  }

  #note(name: string, reading: SecretReading): void {
    if (!this.#watches.has(name)) return;
    this.#readings.set(name, reading);
    this.#parts.changed();
  }
}
