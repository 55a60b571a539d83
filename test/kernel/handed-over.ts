/** What a client may notice when one edge hands over to the other while it asks every 10 ms. */
import assert from "node:assert/strict";
import { parseAddress } from "#base/address";
import { standardTopology } from "#lab/index";
import { WITH_NODES } from "./edge-bed.ts";
import { VIP } from "./edge-config.ts";

const DIRECT = standardTopology({ client: "lan", directReturn: [parseAddress(VIP) ?? assert.fail(VIP)] });

/**
 * Modes, their networks, and how many questions may be under way at a hand-over and find nobody who knows them: with direct server return the
 * answer needs no edge; in `masquerade` a node sends it to the virtual address, so to the edge that has it by then.
 */
export const HANDED_OVER = [
  ["dsr", DIRECT, 0],
  ["masquerade", WITH_NODES, 1],
] as const;

/** Fails when more datagrams were lost than may be under way. */
export const assertServed = (seen: {
  readonly sent: number;
  readonly answers: number;
  readonly underWay: number;
}): void => {
  const lost = seen.sent - seen.answers;
  assert(seen.sent > 50, `only ${seen.sent} were sent`);
  assert(lost <= seen.underWay, `of ${seen.sent} datagrams ${lost} were lost`);
};
