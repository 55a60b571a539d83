/** Sends a datagram every millisecond or so and records when answers arrive: the sharpest eye for a gap. */
import { createSocket } from "node:dgram";
import { parseArgs } from "node:util";
import { after, type Instant, millis } from "#base/time";
import { monotonicNow } from "./clock.ts";
import { finish, lifeSignal, sayReady } from "./life.ts";

const OPTIONS = {
  address: { type: "string", default: "127.0.0.1" },
  port: { type: "string", default: "9000" },
  /** Milliseconds between datagrams. */
  interval: { type: "string", default: "1" },
  seconds: { type: "string" },
  /** Each datagram from a port of its own among so many: as many flows through a hashing balancer. */
  flows: { type: "string", default: "32" },
} as const;

/** How long answers may come in after the last datagram. */
const LAST_ANSWERS_MS = 100;

/** Probes until told to end, then prints a `UdpRecord`. */
export const probe = async (args: readonly string[]): Promise<void> => {
  const { values } = parseArgs({ args: [...args], options: OPTIONS });
  const { address } = values;
  const interval = millis(Number(values.interval));
  const life = lifeSignal(values.seconds === undefined ? undefined : Number(values.seconds));
  const answers: Instant[] = [];
  const byBackend: Record<string, number> = {};
  let sent = 0;

  const sockets = Array.from({ length: Number(values.flows) }, () => {
    const socket = createSocket(address.includes(":") ? "udp6" : "udp4");
    socket.on("message", (message) => {
      answers.push(monotonicNow());
      const backend = message.toString("latin1");
      byBackend[backend] = (byBackend[backend] ?? 0) + 1;
    });
    socket.on("error", () => {}); // "Network is unreachable" and the like are answers that do not come.
    return socket;
  });

  // Absolute times: a late round is followed by the ones it delayed, but never by a flood after a long stop.
  let next = monotonicNow();
  const sendDue = (): void => {
    if (life.aborted) return;
    const now = monotonicNow();
    if (now - next > millis(50)) next = now;
    for (; next <= now; next = after(next, interval)) {
      sockets[sent % sockets.length]?.send("?", Number(values.port), address);
      sent += 1;
    }
    setTimeout(sendDue, 1);
  };
  sayReady();
  sendDue();
  await new Promise<void>((resolve) => life.addEventListener("abort", () => resolve(), { once: true }));
  setTimeout(() => finish({ sent, answers, byBackend }), LAST_ANSWERS_MS);
};
