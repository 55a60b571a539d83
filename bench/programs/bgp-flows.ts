/**
 * Flows of datagrams from as many ports, each of which sends one every few milliseconds, until standard input ends. Prints a
 * `FlowsRecord`.
 *
 * Arguments: address, port, flows, milliseconds between two datagrams of a flow.
 */
import { createSocket } from "node:dgram";
import { monotonicNow } from "#lab/probe/clock";
import { finish, lifeSignal, sayReady } from "#lab/probe/life";
import type { Answer } from "../bgp-outages.ts";

const [, , address = "", port = "", flowCount = "", spacing = ""] = process.argv;
/** How long answers may come in after the last datagram. */
const LAST_ANSWERS_MS = 100;

const life = lifeSignal(undefined);

const openFlow = async (): Promise<{ readonly ask: () => void; readonly answers: readonly Answer[] }> => {
  const answers: Answer[] = [];
  const socket = createSocket("udp4");
  socket.on("message", (message) => answers.push([monotonicNow(), message.toString("latin1")]));
  // "Network is unreachable" and the like are answers that do not come.
  socket.on("error", () => {});
  await new Promise<void>((resolve) => socket.connect(Number(port), address, resolve));
  return { answers, ask: () => socket.send("?", () => {}) };
};

const flows = await Promise.all(Array.from({ length: Number(flowCount) }, openFlow));
const turns = setInterval(() => {
  for (const { ask } of flows) ask();
}, Number(spacing));
sayReady();
life.addEventListener(
  "abort",
  () => {
    clearInterval(turns);
    setTimeout(() => finish({ flows: flows.map(({ answers }) => answers) }), LAST_ANSWERS_MS);
  },
  { once: true },
);
