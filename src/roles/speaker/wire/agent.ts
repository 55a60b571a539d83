/**
 * The agent as the wire process sees it: told of everything at its pace, and never in the way.
 *
 * What happens is told a moment later and in pieces: while ten thousand addresses are taken over, the next address matters more
 * than the news of the last.
 */
import { after, type Instant, millis } from "#base/time";
import type { SpeakerEvent, SpeakerObservation } from "#core/speaker/event";
import { snapshotOf } from "#core/speaker/snapshot";
import type { SpeakerView } from "#core/speaker/view";
import type { ChildExit } from "#drivers/ipc/child";
import { Pump } from "#drivers/ipc/pump";
import type { Deadlines } from "#runtime/deadlines";
import type { Journal } from "#runtime/journal";
import type { AgentToWire, WireFacts, WireToAgent } from "../messages.ts";
import type { News } from "./news.ts";
import type { AgentOptions, AgentPort } from "./parts.ts";

/** How long news wait for more. */
const PAUSE = millis(5);
/** Observations in one turn. */
const TURN = 256;
/** Between two times that counts are told. */
const COUNTS_PAUSE = millis(200);
/** How long an agent may take to end when it is asked to, in milliseconds: it takes back what it has written. */
const STOP_LIMIT = 5_000;

type AgentParts = {
  readonly journal: Journal<SpeakerEvent, SpeakerView>;
  readonly news: News;
  readonly facts: WireFacts;
  readonly deadlines: Deadlines;
  readonly now: () => Instant;
  readonly startAgent: (agent: AgentOptions) => AgentPort;
  /** It has said its first word and was given the snapshot. */
  readonly onBegin: () => void;
  readonly onMessage: (message: AgentToWire) => void;
  readonly onExit: (exit: ChildExit) => "restart" | "leave";
};

export class Agent {
  readonly #parts: AgentParts;
  readonly #port: AgentPort;
  readonly #pump: Pump<SpeakerObservation>;
  readonly #send = (message: WireToAgent): boolean => this.#port.send(message);
  #isTelling = false;
  #countsTold: Instant | undefined;

  constructor(parts: AgentParts) {
    this.#parts = parts;
    this.#pump = new Pump({
      journal: parts.journal,
      sendSnapshot: (recent, told) => this.#sendSnapshot(recent, told),
      sendObservation: (observation) => this.#send({ type: "observation", observation }),
    });
    this.#port = parts.startAgent({
      version: parts.facts.version,
      stop: { message: { type: "stop" }, limit: STOP_LIMIT },
      versionIn: (message) => (message.type === "hello" ? message.version : undefined),
      onGreeted: () => {
        parts.onBegin();
        this.#pump.begin();
        this.tellSoon();
      },
      onMessage: parts.onMessage,
      onDrain: () => this.tellSoon(),
      onExit: parts.onExit,
    });
  }

  /** There is something new to tell. */
  tellSoon(): void {
    if (this.#isTelling) return;
    this.#isTelling = true;
    this.#parts.deadlines.set("tell the agent", after(this.#parts.now(), PAUSE), this.#tell);
  }

  /** Tells it everything, as far as it listens, and asks it to end; resolves when it has, by force after a while. */
  stop(): Promise<void> {
    this.#parts.deadlines.set("tell the agent", undefined, this.#tell);
    if (this.#port.isReady) {
      this.#parts.news.tell(this.#send);
      this.#pump.run();
    }
    return this.#port.stop();
  }

  /** Ends it at once. */
  kill(): void {
    this.#port.kill();
  }

  readonly #tell = (now: Instant): void => {
    this.#isTelling = false;
    if (!this.#port.isReady) return;
    const isAll = this.#pump.run(TURN) && this.#parts.news.tell(this.#send);
    this.#tellCounts(now);
    if (!isAll && this.#port.isReady) this.tellSoon();
  };

  #tellCounts(now: Instant): void {
    const { news, deadlines } = this.#parts;
    const due = this.#countsTold === undefined ? now : after(this.#countsTold, COUNTS_PAUSE);
    if (due <= now) {
      if (news.tellCounts(this.#send)) this.#countsTold = now;
    } else deadlines.set("tell counts", due, () => this.tellSoon());
  }

  #sendSnapshot(recent: readonly SpeakerObservation[], told: number): void {
    const { journal, facts, news } = this.#parts;
    const { voices, links, bgp } = news.begin();
    this.#send({
      ...{ type: "snapshot", view: snapshotOf(journal.view), recent, told },
      ...{ wire: facts, voices, links, bgp },
    });
  }
}
