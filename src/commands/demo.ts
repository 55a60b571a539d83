/** `steelyard demo`: two real edges, real load, and what clients see when the active one goes. */
import { broken, cells, edgeLog, HEADER, runDemo, summarize, VIRTUAL_ADDRESSES } from "#lab/demo/index";
import { type Lab, LabError, openLab, standardTopology, steelyardCommand } from "#lab/index";
import { table } from "./table.ts";

const PICTURE = `
  client cl --- router rt ---+--- edge e1 ---+--- node n1      10.2.0.100 is on e1 or e2:
                             |               |--- node n2        port   80  masquerade
                             +--- edge e2 ---+--- node n3        port 8080  direct server return
`;

/** What the demonstration is asked for. */
export type DemoOptions = {
  /** Print the findings as one JSON object instead of as a table. */
  readonly json: boolean;
};

const LOG_LINES = 20;

const showLogs = async (lab: Lab): Promise<void> => {
  for (const edge of ["e1", "e2"]) {
    const text = await lab.read(edgeLog(edge)).catch(() => "(nothing)");
    console.error(`\n${edge} said:\n${text.trimEnd().split("\n").slice(-LOG_LINES).join("\n")}`);
  }
};

const show = async (lab: Lab, { json }: DemoOptions): Promise<number> => {
  const evidence = await runDemo(lab, {
    edgeCommand: (config) => steelyardCommand("edge", "--config", config),
    say: (line) => json || console.log(`  ${line}`),
  });
  const rows = summarize(evidence);
  const findings = broken(rows);
  if (json) {
    console.log(JSON.stringify({ episodes: rows, broken: findings }, null, 2));
    return findings.length === 0 ? 0 : 1;
  }
  console.log(`\n${table(HEADER, rows.map(cells)).join("\n")}\n`);
  if (findings.length === 0) {
    console.log(
      "As promised: every download arrived whole, and no request failed that was not under way while the path changed.",
    );
    return 0;
  }
  for (const finding of findings) console.log(`NOT AS PROMISED: ${finding}`);
  await showLogs(lab);
  return 1;
};

/** Ends the lab before the program when the operator does not want to wait. */
const closeOnSignals = (lab: Lab): void => {
  for (const [signal, code] of [
    ["SIGINT", 130],
    ["SIGTERM", 143],
  ] as const) {
    process.once(signal, () => void lab.close().finally(() => process.exit(code)));
  }
};

/** Runs `steelyard demo`; gives the exit code: 0 only if everything is as promised. */
export const demo = async (options: DemoOptions): Promise<number> => {
  if (!options.json) console.log(`${PICTURE}\n  building the network`);
  try {
    const lab = await openLab(standardTopology({ directReturn: VIRTUAL_ADDRESSES }));
    closeOnSignals(lab);
    try {
      return await show(lab, options);
    } catch (error) {
      if (error instanceof LabError) await showLogs(lab);
      throw error;
    } finally {
      await lab.close();
    }
  } catch (error) {
    if (!(error instanceof LabError)) throw error;
    console.error(`steelyard demo: ${error.message}`);
    return 1;
  }
};
