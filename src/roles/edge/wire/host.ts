/** What the machine needs besides forwarding and addresses: interfaces with virtual MAC addresses, and kernel settings. */
import { after, type Instant, millis, seconds } from "#base/time";
import type { Desired } from "#core/config/desired";
import { loopbackAddresses } from "#core/edge-routes/addresses";
import type { Event } from "#core/observation/event";
import { createLoopback, type Loopback } from "./loopback.ts";
import type { WireParts } from "./parts.ts";
import { createPaths, type Paths } from "./paths.ts";
import { createSettings, type Settings } from "./settings.ts";
import { createVirtualLinks, type VirtualLinks } from "./virtual-links.ts";

/** Pause between two looks at the kernel settings: of changes to most of them the kernel tells nobody. */
const SETTINGS_WATCH = seconds(5);
const DEADLINE_ID = "settings";
/** One command changes many settings; they are looked at when it is through. */
const SETTLE = millis(20);
const TOLD_ID = "settings-told";

type Parts = Pick<WireParts, "netlink" | "sysctl" | "clock" | "deadlines" | "options"> & {
  readonly emit: (event: Event) => void;
  /** Interfaces, addresses or routes are no longer what they were. */
  readonly onPathsChanged: () => void;
};

export class HostState {
  readonly #parts: Parts;
  readonly #virtualLinks: VirtualLinks;
  readonly #loopback: Loopback;
  readonly #settings: Settings;
  /** Which interfaces lead where. */
  readonly paths: Paths;
  #desired: Desired | undefined;
  #closed = false;
  #isTold = false;
  readonly #stopListening: () => void;

  constructor(parts: Parts) {
    this.#parts = parts;
    const { netlink, sysctl, options, emit } = parts;
    this.paths = createPaths(netlink, () => this.#onPathsChanged());
    this.#virtualLinks = createVirtualLinks({ netlink, emit });
    this.#loopback = createLoopback({ netlink, emit });
    this.#settings = createSettings({
      sysctl,
      host: () => ({ ...this.paths.host(this.#desired?.routers ?? []), ipvs: options.engine === "ipvs" }),
      directory: options.runtimeDirectory,
      emit,
    });
    // Where it cannot be had, the look every few seconds is what there is.
    const listening = netlink.subscribeSettings(() => this.#onSettingTold());
    this.#stopListening = listening.ok ? listening.value : () => {};
  }

  /** Makes the machine what this configuration needs, and looks from then on that it stays so. */
  apply(desired: Desired): void {
    this.#desired = desired;
    this.paths.route(desired);
    this.refresh();
    this.#watchSettings(this.#parts.clock.now());
  }

  /** Makes it so again: interfaces come before their settings, and those before the routers that use them. */
  refresh(): void {
    if (this.#desired === undefined) return;
    if (this.#virtualLinks.apply(this.#desired.routers)) this.paths.refresh();
    this.#loopback.apply(loopbackAddresses(this.#desired));
    this.refreshSettings();
  }

  /** Settings may be there now that were not before: a module was loaded. */
  refreshSettings(): void {
    if (this.#desired !== undefined) this.#settings.apply(this.#desired);
  }

  /** Looks no more; what is there stays. */
  close(): void {
    this.#closed = true;
    this.#stopListening();
  }

  /** Puts the settings back and removes the interfaces and the addresses of the loopback interface. */
  restore(): void {
    this.#loopback.apply([]);
    this.#settings.restore();
    this.#virtualLinks.remove();
  }

  /** Somebody who sets it back again and again is answered at this pace, and no faster. */
  #onSettingTold(): void {
    if (this.#closed || this.#isTold) return;
    this.#isTold = true;
    this.#parts.deadlines.set(TOLD_ID, after(this.#parts.clock.now(), SETTLE), () => {
      this.#isTold = false;
      if (!this.#closed) this.#settings.recheck();
    });
  }

  #onPathsChanged(): void {
    if (!this.#closed) this.refresh();
    this.#parts.onPathsChanged();
  }

  readonly #watchSettings = (now: Instant): void => {
    if (this.#closed) return;
    this.#settings.recheck();
    this.#parts.deadlines.set(DEADLINE_ID, after(now, SETTINGS_WATCH), this.#watchSettings);
  };
}
