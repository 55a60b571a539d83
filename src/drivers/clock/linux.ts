/** The real clock: CLOCK_MONOTONIC or CLOCK_BOOTTIME, and a timerfd. */
import { type Instant, instant } from "#base/time";
import { type Door, errnoName, openDoor } from "#native/door";
import type { ClockResult } from "./port.ts";

/** 0 would disarm the timer instead of firing it at once. */
const EARLIEST = 1;

type ClockRequest = {
  readonly onWake: () => void;
  /** Whether time goes on while the machine is suspended: others do not stand still then. */
  readonly inSuspend?: "stops" | "goes-on";
};

/** Opens a clock whose `onWake` runs on this thread's event loop, which it keeps alive until it is closed. */
export const openClock = (
  { onWake, inSuspend = "stops" }: ClockRequest,
  door: Door = openDoor(),
): ClockResult => {
  const goesOn = inSuspend === "goes-on";
  const micros = (): number => (goesOn ? door.bootMicros() : door.monotonicMicros());
  const fd = goesOn ? door.bootTimerfdCreate() : door.timerfdCreate();
  if (fd < 0) return { ok: false, error: { code: errnoName(fd), operation: "timerfd_create" } };
  let armedFor: Instant | undefined;
  const stop = door.watch(fd, () => {
    // The timer may have been set anew after it fired and before we were called.
    if (armedFor === undefined || micros() < armedFor) return;
    armedFor = undefined;
    // Disarming makes the descriptor unreadable again.
    door.timerfdSet(fd, 0);
    onWake();
  });
  if (typeof stop === "number") {
    door.close(fd);
    return { ok: false, error: { code: errnoName(stop), operation: "watch the timer" } };
  }
  let closed = false;
  return {
    ok: true,
    value: {
      now: () => instant(micros()),
      wake: (at) => {
        if (closed || at === armedFor) return;
        armedFor = at;
        door.timerfdSet(fd, at === undefined ? 0 : Math.max(at, EARLIEST));
      },
      close: () => {
        if (closed) return;
        closed = true;
        armedFor = undefined;
        stop();
        door.close(fd);
      },
    },
  };
};
