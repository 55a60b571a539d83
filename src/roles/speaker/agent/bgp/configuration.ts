/** Peers and BGPAdvertisements as they are in force: an invalid change leaves the last valid ones there, and is told. */
import { isDeepStrictEqual } from "node:util";
import type { TextMap } from "#core/kubernetes/meta";
import type { Configuration } from "#core/metallb/model";
import type { SpeakerEvent } from "#core/speaker/event";
import type { ClusterPort, Failure } from "#drivers/kubernetes/port";
import {
  type ConfigurationMirror,
  openConfigurationMirror,
  type RawObject,
} from "#runtime/cluster/configuration-mirror";
import { NOTHING_READ, problemTexts, readCurrent } from "#runtime/cluster/reading";

/** The kinds that say whom routers are told of, besides the pools. One that the API server does not know counts as empty. */
const KINDS: ReadonlySet<string> = new Set(["BGPAdvertisement", "BGPPeer", "BFDProfile", "Community"]);
const DECISIVE: ReadonlySet<string> = new Set([...KINDS, "IPAddressPool"]);

type Parts = {
  readonly cluster: ClusterPort;
  readonly namespace: string;
  /** The pools as they are now; `undefined` until they have been read. */
  readonly pools: () => readonly RawObject[] | undefined;
  /** Labels of all nodes, by name; `undefined` until they have been read. */
  readonly nodes: () => ReadonlyMap<string, TextMap> | undefined;
  readonly tell: (event: SpeakerEvent) => void;
  readonly trouble: (resource: string, failure: Failure | undefined) => void;
  /** Called with each configuration that comes into force. */
  readonly onApplied: (configuration: Configuration) => void;
  /** What was told already, by an agent before this one. */
  readonly refused: readonly string[];
};

export class BgpConfiguration {
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
      ...{ namespace, needed: new Set<string>(), besides: KINDS },
      listener: { changed: () => this.changed(), trouble },
    });
  }

  /** Whether one has come into force since the start. */
  get isInForce(): boolean {
    return this.#current.configuration !== undefined;
  }

  close(): void {
    this.#reading = "closed";
    this.#mirror.close();
  }

  /** Pools, nodes or what is read here may be others: reads once for all changes of one turn of the event loop. */
  changed(): void {
    if (this.#reading !== "none") return;
    this.#reading = "planned";
    setImmediate(() => {
      if (this.#reading === "closed") return;
      this.#reading = "none";
      this.#read();
    });
  }

  #read(): void {
    const { tell, onApplied, pools, nodes: labels } = this.#parts;
    const addresses = pools();
    const nodes = labels();
    if (!this.#mirror.isSynced || addresses === undefined || nodes === undefined) return;
    const objects = [...addresses, ...this.#mirror.objects()];
    const reading = readCurrent({ objects, namespaces: new Map(), nodes, decisive: DECISIVE }, this.#current);
    if (reading.type === "unchanged") return;
    const isFirst = this.#current.configuration === undefined;
    this.#current = reading.current;
    if (reading.type === "refused") {
      // What is wrong with pools is told by who reads them for layer 2.
      const problems = problemTexts(reading.current.problems.filter(({ kind }) => kind !== "IPAddressPool"));
      if (problems.length === 0) return;
      if (!isDeepStrictEqual(problems, this.#refused)) tell({ type: "bgp-configuration-refused", problems });
      this.#refused = problems;
      return;
    }
    const { peers, bgpAdvertisements } = reading.configuration;
    const { length: advertisements } = bgpAdvertisements;
    // Who uses no BGP need not hear of it.
    if (!isFirst || this.#refused.length > 0 || peers.length + advertisements > 0)
      tell({ type: "bgp-configuration-applied", peers: peers.length, advertisements });
    this.#refused = [];
    onApplied(reading.configuration);
  }
}
