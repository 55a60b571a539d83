/** What the bench of a speaker beside many others saw. Pure arithmetic and text. */
import { type Bar, figure, type Result } from "./report.ts";
import type { PeersCost } from "./speaker-peers.ts";

/** Of one processor at rest, beside so few others that everybody has them. */
const FEW = 3;
const REST_PERCENT = 1;

const percentOf = ({ cpu, seconds }: PeersCost): number => (100 * cpu) / seconds;

/** What each session adds to a speaker without any; a dash where there is nothing to compare. */
const eachOf = (cost: PeersCost, alone: PeersCost | undefined): string =>
  alone === undefined || cost.sessions === 0
    ? "-"
    : `${((percentOf(cost) - percentOf(alone)) / cost.sessions).toFixed(3)} %`;

const barsOf = (costs: readonly PeersCost[]): readonly Bar[] =>
  costs
    .filter(({ peers }) => peers <= FEW)
    .map((cost) => ({
      what: `beside ${cost.peers} others: CPU at rest`,
      limit: `below ${REST_PERCENT} %`,
      measured: `${percentOf(cost).toFixed(2)} %`,
      met: percentOf(cost) < REST_PERCENT,
    }));

/** Table and bars. */
export const reportSpeakerPeers = (costs: readonly PeersCost[]): Result => {
  const alone = costs.find(({ sessions }) => sessions === 0);
  return {
    bench: "speaker-peers",
    tables: [
      {
        title: "**The wire process at rest (megabytes, and share of one processor)**",
        header: ["others", "sessions", "PSS", "private", "CPU", "for each session"],
        rows: costs.map((cost) => [
          ...[`${cost.peers}`, `${cost.sessions}`, figure(cost.wire.pssMb), figure(cost.wire.privateMb)],
          ...[`${percentOf(cost).toFixed(2)} %`, eachOf(cost, alone)],
        ]),
        notes: [`At rest for ${[...new Set(costs.map(({ seconds }) => seconds))].join(" or ")} s.`],
      },
    ],
    bars: barsOf(costs),
    measurements: costs,
  };
};
