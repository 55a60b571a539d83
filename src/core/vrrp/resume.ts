/**
 * Going on after a crash: what a run of the program leaves on record, and whether the next may be active at once.
 *
 * A killed program takes nothing out of the kernel: addresses and forwarding are still there, and users notice nothing
 * until a peer misses three advertisements. A router that is back before then goes on where it was, and nothing moves.
 * The record says when the last advertisement was sent; a router waits its turn like any other when so much time has
 * passed that a peer may be active by now.
 *
 * With preemption, the bound is the time after which the most patient backup has taken over: nothing moves that would
 * not move anyway. Without it, or with a preempt delay, it is this router's own patience, for a backup that is no better
 * than this one has not become active before then. A better one may have; VRRP then lets it win, within an interval.
 */
import { between, type Duration, type Instant, instant, micros, seconds } from "#base/time";
import type { VirtualRouterConfig } from "./config.ts";
import { PRIORITY_LOWEST } from "./constants.ts";
import { activeDownInterval } from "./timers.ts";

/** A router that was active. */
export type PastRouter = {
  readonly name: string;
  /** Index of its interface: one that was made anew is another. */
  readonly linkIndex: number;
  readonly vrid: number;
  readonly family: string;
  readonly version: number;
  /** The interval that it advertised, which is what its peers' patience depends on. */
  readonly interval: Duration;
  /** When it last advertised, or a little before. */
  readonly spokeAt: Instant;
};

/** What a run of the program leaves behind. */
export type PastRun = {
  /** Tells whether the machine has been started anew since: the clock of another boot says nothing. */
  readonly bootId: string;
  readonly routers: readonly PastRouter[];
  /** Tracked checks that were healthy. */
  readonly healthyChecks: readonly string[];
};

/** Digits of a stamp: all have the same length, so that they can be written over in place. */
const STAMP_DIGITS = 16;

/** The first line of a record: when each of its routers last advertised. */
export const formatStamps = (spokeAt: readonly Instant[]): string =>
  `${spokeAt.map((at) => String(at).padStart(STAMP_DIGITS, "0")).join(" ")}\n`;

/** A record as text: the stamps, and all else as JSON. */
export const formatPastRun = ({ bootId, routers, healthyChecks }: PastRun): string => {
  const fixed = routers.map(({ spokeAt: _, ...router }) => router);
  const stamps = formatStamps(routers.map(({ spokeAt }) => spokeAt));
  return `${stamps}${JSON.stringify({ bootId, routers: fixed, healthyChecks })}\n`;
};

const isFields = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null;

const isText = (value: unknown): value is string => typeof value === "string";

const readRouter = (value: unknown, stamp: string | undefined): PastRouter[] => {
  if (!isFields(value) || stamp?.length !== STAMP_DIGITS || !/^\d+$/.test(stamp)) return [];
  const { name, linkIndex, vrid, family, version, interval } = value;
  if (!isText(name) || !isText(family)) return [];
  if (typeof linkIndex !== "number" || typeof vrid !== "number" || typeof version !== "number") return [];
  if (typeof interval !== "number" || !(interval > 0)) return [];
  const spokeAt = instant(Number(stamp));
  return [{ name, linkIndex, vrid, family, version, interval: micros(interval), spokeAt }];
};

const readJson = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
};

/** Reads a record; `undefined` when it is none, or one that was cut off. */
export const parsePastRun = (text: string): PastRun | undefined => {
  const end = text.indexOf("\n");
  const stamps = text.slice(0, Math.max(0, end)).split(" ");
  const rest = readJson(text.slice(end + 1));
  if (!isFields(rest)) return undefined;
  const { bootId, routers, healthyChecks } = rest;
  if (!isText(bootId) || !Array.isArray(routers) || !Array.isArray(healthyChecks)) return undefined;
  return {
    bootId,
    routers: routers.flatMap((router, index) => readRouter(router, stamps[index])),
    healthyChecks: healthyChecks.filter(isText),
  };
};

/** What a router that leaves for a moment says its interval is, if its own is shorter. */
const ABSENCE_INTERVAL = seconds(2);

/**
 * The interval to advertise last before a restart. Backups of version 3 go by the interval that they heard
 * (RFC 9568 §6.4.2), so they are patient for three of these: time enough for a small board to start a program, and a
 * bound for when it does not. Those of version 2 refuse any but their own.
 */
export const absenceInterval = ({ version, advertisementInterval }: VirtualRouterConfig): Duration =>
  version === 3 ? micros(Math.max(advertisementInterval, ABSENCE_INTERVAL)) : advertisementInterval;

/** How long this router may have been silent and still go on as if nothing had happened. */
const resumeLimit = (config: VirtualRouterConfig, interval: Duration): Duration => {
  const { version, priority, preempt, preemptDelay } = config;
  const patience = preempt && preemptDelay === 0 ? PRIORITY_LOWEST : priority;
  return activeDownInterval({ version, priority: patience, activeAdverInterval: interval });
};

/**
 * Whether a router on the interface with this index goes on being active at `now`. That its addresses are still there
 * is for the caller to see.
 */
export const mayResume = (
  config: VirtualRouterConfig,
  linkIndex: number,
  { past, bootId, now }: { readonly past: PastRun; readonly bootId: string; readonly now: Instant },
): boolean => {
  const router = past.routers.find(({ name }) => name === config.name);
  if (router === undefined || past.bootId !== bootId || router.linkIndex !== linkIndex) return false;
  if (router.vrid !== config.vrid || router.family !== config.family) return false;
  if (router.version !== config.version) return false;
  const silence = between(router.spokeAt, now);
  return silence >= 0 && silence < resumeLimit(config, router.interval);
};
