/** Pools and L2Advertisements as they are in force: an invalid change leaves the last valid ones there, and is told. */
import { isDeepStrictEqual } from "node:util";
import type { Configuration } from "#core/metallb/model";
import type { SpeakerEvent } from "#core/speaker/event";
import type { ClusterPort, Failure } from "#drivers/kubernetes/port";
import {
  type ConfigurationMirror,
  openConfigurationMirror,
  type RawObject,
} from "#runtime/cluster/configuration-mirror";
import { NOTHING_READ, problemTexts, readCurrent } from "#runtime/cluster/reading";

/** The kinds that decide who answers for what. With half of them every address would be nobody's. */
const KINDS: ReadonlySet<string> = new Set(["IPAddressPool", "L2Advertisement"]);

type Parts = {
  readonly cluster: ClusterPort;
  readonly namespace: string;
  readonly tell: (event: SpeakerEvent) => void;
  readonly trouble: (resource: string, failure: Failure | undefined) => void;
  /** Called with each configuration that comes into force. */
  readonly onApplied: (configuration: Configuration) => void;
  /** Called when anything is another thing than before, valid or not. */
  readonly onChanged: () => void;
  /** What was told already, by an agent before this one. */
  readonly refused: readonly string[];
};

export class SpeakerConfiguration {
  readonly #parts: Parts;
  readonly #mirror: ConfigurationMirror;
  #current = NOTHING_READ;
  #refused: readonly string[];
  #reading: "none" | "planned" | "closed" = "none";

  constructor(parts: Parts) {
    this.#parts = parts;
    this.#refused = parts.refused;
    const { cluster, namespace, trouble } = parts;
    this.#mirror = openConfigurationMirror(cluster, {
      ...{ namespace, needed: KINDS, besides: new Set<string>() },
      listener: { changed: () => this.#changed(), trouble },
    });
  }

  /** Whether one has come into force since the start. */
  get isInForce(): boolean {
    return this.#current.configuration !== undefined;
  }

  /** The pools as they are now, valid or not; `undefined` until they have been read. */
  pools(): readonly RawObject[] | undefined {
    return this.#mirror.isSynced
      ? this.#mirror.objects().filter(({ kind }) => kind === "IPAddressPool")
      : undefined;
  }

  close(): void {
    this.#reading = "closed";
    this.#mirror.close();
  }

  #changed(): void {
    this.#parts.onChanged();
    this.#planRead();
  }

  /** Reads once for all changes of one turn of the event loop. */
  #planRead(): void {
    if (this.#reading !== "none") return;
    this.#reading = "planned";
    setImmediate(() => {
      if (this.#reading === "closed") return;
      this.#reading = "none";
      this.#read();
    });
  }

  #read(): void {
    const { tell, onApplied } = this.#parts;
    const objects = this.#mirror.objects();
    // To which namespaces a pool gives addresses is the controller's business, as are warnings.
    const reading = readCurrent({ objects, namespaces: new Map(), decisive: KINDS }, this.#current);
    if (reading.type === "unchanged") return;
    this.#current = reading.current;
    if (reading.type === "refused") {
      const problems = problemTexts(reading.current.problems);
      if (!isDeepStrictEqual(problems, this.#refused)) tell({ type: "configuration-refused", problems });
      this.#refused = problems;
      return;
    }
    this.#refused = [];
    const { pools, l2Advertisements } = reading.configuration;
    tell({
      type: "configuration-applied",
      ...{ pools: pools.length, advertisements: l2Advertisements.length },
    });
    onApplied(reading.configuration);
  }
}
