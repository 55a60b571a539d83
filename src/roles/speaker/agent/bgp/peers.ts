/** The peers of this node as the configuration, its labels and addresses, and Secrets have them now. */
import { isDeepStrictEqual } from "node:util";
import { type PeerPlan, planPeers, secretsNamed } from "#core/bgp-peers/plan";
import type { RefusedPeer } from "#core/bgp-peers/reason";
import type { Configuration } from "#core/metallb/model";
import type { Node } from "#core/node/node";
import type { SpeakerEvent } from "#core/speaker/event";
import type { ClusterPort } from "#drivers/kubernetes/port";
import { PeerSecrets } from "./secrets.ts";

type Parts = {
  readonly cluster: Pick<ClusterPort, "watch">;
  readonly namespace: string;
  readonly listening: "yes" | "no";
  readonly tell: (event: SpeakerEvent) => void;
  /** Refusals that an agent before this one has told of, by the peer's name. */
  readonly told: ReadonlyMap<string, Pick<RefusedPeer, "reason"> & { readonly detail: string }>;
  /** Called with each plan that is another one than before. */
  readonly onPlanned: (plan: PeerPlan) => void;
};

type Seen = { readonly node: Pick<Node, "name" | "labels" | "internalIps"> };

export class BgpPeers {
  readonly #parts: Parts;
  readonly #secrets: PeerSecrets;
  readonly #told = new Map<string, string>();
  #configuration: Pick<Configuration, "peers" | "bfdProfiles"> | undefined;
  #seen: Seen | undefined;
  #plan: PeerPlan | undefined;
  #beside: "metallb-speaker" | "nobody" | undefined;

  constructor(parts: Parts) {
    this.#parts = parts;
    const { cluster, namespace } = parts;
    for (const [name, { reason, detail }] of parts.told) this.#told.set(name, `${reason} ${detail}`);
    this.#secrets = new PeerSecrets({ cluster, namespace, changed: () => this.#replan() });
  }

  /** As it is in force; `undefined` before there was everything that it needs. */
  get plan(): PeerPlan | undefined {
    return this.#plan;
  }

  /** A configuration has come into force. */
  configure(configuration: Configuration): void {
    this.#configuration = configuration;
    this.#replan();
  }

  /** MetalLB's speaker runs on this node, or does not; `undefined`: it is not known yet, and nothing is planned. */
  setBeside(beside: "metallb-speaker" | "nobody" | undefined): void {
    if (this.#beside === beside) return;
    this.#beside = beside;
    this.#replan();
  }

  /** This node is so now. While it is not known, nothing is planned anew: sessions outlast its object. */
  setNode(node: Node | undefined): void {
    if (node === undefined) return;
    const { name, labels, internalIps } = node;
    const seen: Seen = { node: { name, labels, internalIps } };
    if (isDeepStrictEqual(seen, this.#seen)) return;
    this.#seen = seen;
    this.#replan();
  }

  close(): void {
    this.#secrets.close();
  }

  #replan(): void {
    const configuration = this.#configuration;
    const seen = this.#seen;
    const beside = this.#beside;
    if (configuration === undefined || seen === undefined || beside === undefined) return;
    const { listening, onPlanned } = this.#parts;
    const { node } = seen;
    this.#secrets.follow(secretsNamed({ configuration, node }));
    if (!this.#secrets.isSettled) return;
    const secretOf = (name: string) => this.#secrets.readingOf(name);
    const plan = planPeers({ configuration, node, secretOf, listening, beside });
    if (isDeepStrictEqual(plan, this.#plan)) return;
    this.#plan = plan;
    this.#tellRefusals(plan.refused);
    onPlanned(plan);
  }

  #tellRefusals(refused: readonly RefusedPeer[]): void {
    const { tell } = this.#parts;
    const now = new Map(refused.map((each) => [each.name, each]));
    for (const peer of [...this.#told.keys()]) {
      if (now.has(peer)) continue;
      this.#told.delete(peer);
      tell({ type: "bgp-refusal", peer, state: "ended" });
    }
    for (const { name: peer, reason, text: detail } of refused) {
      const text = `${reason} ${detail}`;
      if (this.#told.get(peer) === text) continue;
      this.#told.set(peer, text);
      tell({ type: "bgp-refusal", peer, state: "begun", reason, detail });
    }
  }
}
