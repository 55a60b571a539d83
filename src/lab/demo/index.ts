/**
 * The demonstration: two real edges in a lab, real load, and what clients see when the active edge goes.
 *
 * `config.ts` is what an operator would write, `scenario.ts` what happens, `outcome.ts` what it means and how it is
 * shown. Start with `scenario.ts`.
 */

export { VIRTUAL_ADDRESSES } from "./config.ts";
export { broken, cells, HEADER, summarize } from "./outcome.ts";
export { edgeLog, runDemo } from "./scenario.ts";
