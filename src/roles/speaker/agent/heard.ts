/** What the wire has said so far: what is true of this node, as far as it does not come from the cluster. */
import type { IpAddress } from "#base/address";
import type { Verdict } from "#core/reachability/machine";
import type { BgpFacts } from "#core/speaker/bgp-facts";
import { viewOf } from "#core/speaker/snapshot";
import { projectSpeaker, type SpeakerView } from "#core/speaker/view";
import type { ReportedLink } from "#core/speaker-report/report";
import type { Voice, WireFacts, WireToAgent } from "../messages.ts";

type Snapshot = Extract<WireToAgent, { type: "snapshot" }>;

/** What of a message is another thing than before. */
export type News = "observation" | "members" | "voices" | "links" | "verdicts" | "counts" | "bgp";

export class Heard {
  view: SpeakerView;
  wire: WireFacts;
  /** Interfaces on which this node answers for an address, by what it holds. */
  readonly voices = new Map<IpAddress, readonly string[]>();
  links: readonly ReportedLink[];
  /** Of the addresses that this node asks for. */
  readonly verdicts = new Map<IpAddress, Verdict>();
  /** Packets dropped and not sent since the start of the wire process, by reason. */
  counts: Readonly<Record<string, number>> = {};
  /** How each BGP peer is. */
  bgp: BgpFacts;

  constructor(snapshot: Snapshot) {
    this.view = viewOf(snapshot.view);
    this.wire = snapshot.wire;
    this.links = snapshot.links;
    this.bgp = snapshot.bgp;
    this.#speak(snapshot.voices);
  }

  /** Takes note of a message. */
  take(message: Exclude<WireToAgent, { type: "stop" }>): readonly News[] {
    switch (message.type) {
      case "snapshot":
        this.view = viewOf(message.view);
        this.wire = message.wire;
        this.links = message.links;
        this.bgp = message.bgp;
        this.voices.clear();
        this.#speak(message.voices);
        return ["observation", "members", "voices", "links", "bgp"];
      case "observation":
        projectSpeaker(this.view, message.observation);
        if (message.observation.event.type === "member") return ["observation", "members"];
        break;
      case "voices":
        this.#speak(message.voices);
        break;
      case "links":
        this.links = message.links;
        break;
      case "verdicts":
        for (const { address, verdict } of message.verdicts) this.verdicts.set(address, verdict);
        break;
      case "bgp":
        this.bgp = message.facts;
        break;
      case "counts":
        this.counts = message.counts;
        break;
    }
    return [message.type];
  }

  /** Forgets what was found out about addresses that are asked for no more; gives whether there was something. */
  keepVerdicts(asked: ReadonlySet<IpAddress>): boolean {
    const before = this.verdicts.size;
    for (const address of this.verdicts.keys()) if (!asked.has(address)) this.verdicts.delete(address);
    return this.verdicts.size < before;
  }

  #speak(voices: readonly Voice[]): void {
    for (const { address, interfaces } of voices) {
      if (interfaces.length === 0) this.voices.delete(address);
      else this.voices.set(address, interfaces);
    }
  }
}
