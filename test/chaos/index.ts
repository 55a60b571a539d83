/**
 * Chaos: faults from a seed, played against two real edges under load, and whether what was promised was kept.
 *
 *     npm run chaos -- --seed 7 --steps 40        one run from one seed
 *     npm run chaos -- --minutes 120              seed after seed; ends at the first broken promise
 *     npm run chaos -- --engines xdp,nftables     what forwards on each edge
 *
 * `npm run bench -- soak` is one long run that spares the processes, to see whether they grow.
 *
 * `plan.ts` is what goes wrong, `play.ts` plays it in a lab, `verdict.ts` says what was promised. A run that broke a
 * promise says how to play it again, and leaves the edges' logs in a folder. Left out: delay, since many kernels have no
 * netem queue. The time of day, which all namespaces of a machine share, is what libfaketime says it is.
 */
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { planChaos } from "./plan.ts";
import { type PlayOptions, play } from "./play.ts";
import { brokenPromises } from "./verdict.ts";
import { describeWeights } from "./weigh.ts";

const ENGINES = ["nftables", "nftables"] as const;

/** Plays one seed. A run that broke a promise is saved, and told how to play again. */
export const runChaos = async (
  order: Parameters<typeof planChaos>[0] & { readonly engines?: readonly string[] },
  say: PlayOptions["say"],
): Promise<readonly string[]> => {
  const { seed, steps, engines = ENGINES } = order;
  const [e1 = ENGINES[0], e2 = e1] = engines;
  const { logs, ...seen } = await play({ plan: planChaos(order), engines: { e1, e2 }, say });
  const broken = brokenPromises(seen);
  for (const [name, weights] of Object.entries(seen.weights)) say(`${name}: ${describeWeights(weights)}`);
  if (broken.length === 0) return [];
  const folder = mkdtempSync(join(tmpdir(), `steelyard-chaos-${seed}-`));
  writeFileSync(join(folder, "seen.json"), JSON.stringify(seen, undefined, 1));
  for (const [name, text] of Object.entries(logs)) writeFileSync(join(folder, `${name}.log`), text);
  return [
    ...broken,
    `again: npm run chaos -- --seed ${seed} --steps ${steps} --engines ${e1},${e2}; logs in ${folder}`,
  ];
};

const main = async (): Promise<number> => {
  const { values } = parseArgs({
    options: {
      seed: { type: "string" },
      steps: { type: "string", default: "30" },
      minutes: { type: "string" },
      engines: { type: "string", default: ENGINES.join() },
    },
  });
  const until = performance.now() + Number(values.minutes ?? 0) * 60_000;
  let seed = Number(values.seed ?? Date.now() % 1_000_000);
  do {
    console.log(`seed ${seed}`);
    const broken = await runChaos(
      { seed, steps: Number(values.steps), engines: values.engines.split(",") },
      (line) => console.log(`  ${line}`),
    );
    for (const promise of broken) console.log(`BROKEN: ${promise}`);
    if (broken.length > 0) return 1;
    seed += 1;
  } while (performance.now() < until);
  console.log("every promise was kept");
  return 0;
};

if (import.meta.main) process.exitCode = await main();
