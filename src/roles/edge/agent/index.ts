/**
 * The agent: reads the configuration, answers on the admin socket, writes the log. It holds nothing that matters to
 * traffic, and learns from the wire process what is in force whenever it is started.
 *
 * Start reading at `run.ts`; what people see is made in `status.ts`, `metrics.ts` and `admin.ts`.
 */
export {};
