/** What a user has of a fault or a move: datagrams through a Service's address while it happens. */
import { setTimeout as pause } from "node:timers/promises";
import { toMillis } from "#base/time";
import type { LabHostHandle } from "#lab/index";
import { monotonicNow } from "#lab/probe/clock";
import { longestGap } from "#lab/probe/report";
import { startUdpProbe } from "#lab/probe/start";
import { address } from "./plan.ts";

export type Outage = {
  readonly address: string;
  readonly sent: number;
  /** Datagrams that nobody answered. */
  readonly lost: number;
  /** The longest time without an answer from the fault on, in milliseconds. */
  readonly longestMs: number;
};

/** Between two datagrams, in milliseconds. */
const SPACING = 10;
/** How long users have been there before, and stay after. */
const BEFORE_MS = 500;
const AFTER_MS = 500;

/** Sends a datagram to each address every ten milliseconds while something happens, and a little before and after it. */
export const outagesDuring = async (
  client: LabHostHandle,
  addresses: readonly string[],
  act: () => Promise<void>,
): Promise<readonly Outage[]> => {
  const probes = await Promise.all(
    addresses.map((each) => startUdpProbe(client, { address: address(each), port: 9000, interval: SPACING })),
  );
  await pause(BEFORE_MS);
  const from = monotonicNow();
  await act();
  await pause(AFTER_MS);
  const to = monotonicNow();
  const records = await Promise.all(probes.map((probe) => probe.finish()));
  return records.map(({ sent, answers }, index) => ({
    address: addresses[index] ?? "",
    sent,
    lost: sent - answers.length,
    longestMs: toMillis(longestGap(answers, { from, to }).length),
  }));
};
