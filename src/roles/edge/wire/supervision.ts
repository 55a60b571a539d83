/**
 * Tells the service manager how we are: ready, reloading, stopping, in one line of words, and alive.
 *
 * A sign of life is sent from the main loop's own timer, and only while the fast thread gives one too: a program of
 * which either half hangs is to be killed and started again, whatever the other half can still do.
 */
import { after, between, type Duration, type Instant, micros, millis, seconds } from "#base/time";
import type { Event } from "#core/observation/event";
import type { View } from "#core/observation/view";
import { type Notification, renderNotification } from "#core/supervision/notification";
import { statusLine } from "#core/supervision/status";
import type { NotifyPort } from "#drivers/notify/port";
import type { Deadlines } from "#runtime/deadlines";

/** A fast thread that was silent for longer hangs; it looks at its lease five times a second. */
const FAST_SILENCE = seconds(3);
/** Pause before what found no room is sent again. */
const RETRY = millis(50);
/** Pause between two lines of status: a thousand backends may change at once. */
const STATUS_PAUSE = millis(250);

export type Supervision = {
  /** Something happened; `view` has it already. */
  observe(event: Event, view: View): void;
  /** A reload was asked for. */
  reloading(): void;
  /** The last reload that was asked for is over, whatever became of it. */
  reloaded(): void;
};

type Parts = {
  /** `undefined` when nobody supervises us. */
  readonly notify: NotifyPort | undefined;
  /** How long we may be silent; `undefined` when nobody minds. */
  readonly watchdog: Duration | undefined;
  readonly now: () => Instant;
  readonly deadlines: Deadlines;
  /** The fast thread's last sign of life. */
  readonly fastSeenAt: () => Instant;
};

class ManagedSupervision implements Supervision {
  readonly #parts: Parts & { readonly notify: NotifyPort };
  /** What found no room, oldest first; a later one of its type replaces it. */
  readonly #unsaid = new Map<Notification["type"], Notification>();
  #view: View | undefined;
  #status = "";
  #statusPlanned = false;
  #ready = false;
  #reloading = false;

  constructor(parts: Parts & { readonly notify: NotifyPort }) {
    this.#parts = parts;
    const { watchdog, now, deadlines } = parts;
    if (watchdog === undefined) return;
    // As sd_watchdog_enabled(3) advises, twice as often as needed.
    const pause = micros(watchdog / 2);
    const alive = renderNotification({ type: "alive" });
    const beat = (at: Instant): void => {
      const isAlive = between(parts.fastSeenAt(), at) < FAST_SILENCE;
      // One that finds no room is not kept: what was true then may not be when there is some.
      const isHeard = !isAlive || parts.notify.send(alive) !== "full";
      deadlines.set("watchdog", after(at, isHeard ? pause : RETRY), beat);
    };
    beat(now());
  }

  observe(event: Event, view: View): void {
    this.#view = view;
    if (event.type === "process" && event.part === "wire") {
      if (event.change === "ready" && !this.#ready) {
        this.#ready = true;
        this.#sayStatus();
        this.#say({ type: "ready" });
      }
      if (event.change === "stopping") this.#say({ type: "stopping" });
    }
    if (this.#ready && !this.#statusPlanned) this.#planStatus();
  }

  reloading(): void {
    if (!this.#ready) return;
    this.#reloading = true;
    this.#say({ type: "reloading", at: this.#parts.now() });
  }

  reloaded(): void {
    if (!this.#reloading) return;
    this.#reloading = false;
    this.#say({ type: "ready" });
  }

  #planStatus(): void {
    const { now, deadlines } = this.#parts;
    this.#statusPlanned = true;
    deadlines.set("status", after(now(), STATUS_PAUSE), () => {
      this.#statusPlanned = false;
      this.#sayStatus();
    });
  }

  #sayStatus(): void {
    const text = this.#view === undefined ? "" : statusLine(this.#view);
    if (text === this.#status) return;
    this.#status = text;
    this.#say({ type: "status", text });
  }

  #say(notification: Notification): void {
    this.#unsaid.delete(notification.type);
    this.#unsaid.set(notification.type, notification);
    this.#flush();
  }

  #flush(): void {
    const { notify, now, deadlines } = this.#parts;
    for (const [type, notification] of this.#unsaid) {
      if (notify.send(renderNotification(notification)) === "full") {
        deadlines.set("notify", after(now(), RETRY), () => this.#flush());
        return;
      }
      this.#unsaid.delete(type);
    }
  }
}

const NOBODY: Supervision = { observe: () => {}, reloading: () => {}, reloaded: () => {} };

/** Speaks to the manager from now on, if there is one. */
export const createSupervision = (parts: Parts): Supervision =>
  parts.notify === undefined ? NOBODY : new ManagedSupervision({ ...parts, notify: parts.notify });
