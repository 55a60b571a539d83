/** Starts a process that speaks to us. It needs next to nothing, so that the other can start while we load. */
import { type ChildProcess, spawn } from "node:child_process";

/** Starts it with the socket to us as descriptor 3. Failures come as `error` and `exit` events of the child. */
export const spawnChild = ([program = process.execPath, ...args]: readonly string[]): ChildProcess =>
  spawn(program, args, { stdio: ["ignore", "inherit", "inherit", "pipe"] });
