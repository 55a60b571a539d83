/** The verdict of tracking on one router: told to its machine and to people when it changes, and not before. */
import { judge, type SubjectHealth } from "#core/election/tracking";
import type { Event } from "#core/observation/event";
import type { Tracked, VirtualRouterConfig } from "#core/vrrp/config";
import type { Standing } from "#core/vrrp/state";

const judgedText = (standing: Standing, failed: readonly string[]): string =>
  JSON.stringify([standing, failed]);

/** The verdict while nothing has failed. */
const flawless = ({ priority }: VirtualRouterConfig): string => judgedText({ type: "able", priority }, []);

export class Verdict {
  readonly #emit: (event: Event) => void;
  /** The last one that the machine was told. */
  #told: string;
  /** The last one that was said to people, by this router or the one before it under this name. */
  #said: string;
  /** A changed configuration made people forget what was said; what is configured is then taken for granted. */
  #forgotten: boolean;

  /** `predecessor` is that of the router of this name that another configuration has just ended. */
  constructor(config: VirtualRouterConfig, emit: (event: Event) => void, predecessor?: Verdict) {
    this.#emit = emit;
    this.#told = flawless(config);
    this.#said = predecessor === undefined ? this.#told : predecessor.#said;
    this.#forgotten = predecessor !== undefined;
  }

  /** Another configuration is in force. */
  reconfigured(): void {
    this.#forgotten = true;
  }

  /** Judges again; gives the standing when the machine does not know it yet. */
  judge(
    config: VirtualRouterConfig,
    healthOf: (subject: Tracked["subject"]) => SubjectHealth,
  ): Standing | undefined {
    const { standing, penalties } = judge(config, healthOf);
    const failed = penalties.map(({ subject, health }) => `${subject.kind} ${subject.name} ${health}`);
    const judged = judgedText(standing, failed);
    if (judged !== this.#said || (this.#forgotten && judged !== flawless(config))) {
      const priority = standing.type === "fault" ? "fault" : standing.priority;
      this.#emit({ type: "router-priority", router: config.name, priority, failed });
    }
    this.#said = judged;
    this.#forgotten = false;
    if (judged === this.#told) return undefined;
    this.#told = judged;
    return standing;
  }
}
