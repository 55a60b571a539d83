/** The three intervals everything else is made of (RFC 9568 §6.1, RFC 3768 §6.1). */
import { type Duration, micros, seconds } from "#base/time";

/** What the intervals depend on. */
export type TimerParameters = {
  readonly version: 2 | 3;
  /** The local router's effective priority, 1..255. */
  readonly priority: number;
  /** The interval of the router that is Active (version 3) or of this router (version 2). */
  readonly activeAdverInterval: Duration;
};

/** Skew_Time: higher priority, shorter skew, so the best backup wins the race. In version 2 its base is a second. */
export const skewTime = ({ version, priority, activeAdverInterval }: TimerParameters): Duration =>
  micros(((256 - priority) * (version === 2 ? seconds(1) : activeAdverInterval)) / 256);

/** Active_Down_Interval: how long silence must last before a backup takes over. */
export const activeDownInterval = (parameters: TimerParameters): Duration =>
  micros(3 * parameters.activeAdverInterval + skewTime(parameters));
