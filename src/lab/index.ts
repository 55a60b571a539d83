/**
 * A whole network inside one private set of namespaces, and what one needs to break and observe it.
 *
 * Nothing touches the host: all hosts, switches, cables, files and programs live in namespaces that end with the lab's
 * first process, and that process ends with whoever opened the lab, even by SIGKILL. Works as root and, where the
 * kernel allows user namespaces, as anybody.
 *
 * Left out: delay and reordering (they need the netem queue, which many kernels lack), routing protocols, DNS.
 *
 * Start with `topology.ts` (what there is) and `lab.ts` (how to open it):
 *
 *     const lab = await openLab(standardTopology());
 *     const backend = await lab.host("n1").spawn(programCommand("servers", "n1"));
 *     await backend.said(/ready/);
 *     await lab.fault("silence e1");
 *     await lab.close();
 *
 * The parts: `build.ts` and `faults.ts` are pure and say what to run; `holder.ts` is the one program inside that runs
 * it, spoken to by `protocol.ts`; `launch.ts` starts it; `named.ts` keeps labs for `steelyard lab`; `probe/` are the
 * clients and backends.
 */
export { LabError } from "./connection.ts";
export type { LabHostHandle, LabProcess } from "./host.ts";
export { type Lab, openLab } from "./lab.ts";
export { steelyardCommand } from "./programs.ts";
export { standardTopology } from "./topology.ts";
