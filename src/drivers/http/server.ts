/** Serves a few GET routes on a unix socket of mode 0600, in a directory that is there. */
import { chmod, lstat, rm } from "node:fs/promises";
import { connect } from "node:net";
import { closeRouteServer, createRouteServer, type Route } from "./routes.ts";

export type AdminServer = { close(): Promise<void> };

/** Why the socket could not be opened, and what to do about it. */
export type AdminError = { readonly message: string };

/** What the kernel has room for (unix(7)), without the final zero byte. */
const MAX_PATH_BYTES = 107;

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** Whether the path is free, a leftover of a dead process, or why it cannot be had. */
const examine = async (path: string): Promise<"free" | "leftover" | AdminError> => {
  const there = await lstat(path).catch(() => undefined);
  if (there === undefined) return "free";
  if (!there.isSocket()) return { message: `admin socket ${path}: there is a file that is no socket` };
  return new Promise((resolve) => {
    const probe = connect(path);
    probe.on("connect", () => {
      probe.destroy();
      const message = `another steelyard answers on ${path}: stop it, or choose another socket with --admin`;
      resolve({ message });
    });
    probe.on("error", (error: NodeJS.ErrnoException) => {
      // Whatever else the kernel says (EAGAIN: its queue is full, EACCES: another user's), somebody may be there.
      if (error.code === "ECONNREFUSED" || error.code === "ENOENT") resolve("leftover");
      else resolve({ message: `admin socket ${path}: ${error.message}` });
    });
  });
};

/** Opens the socket, taking over a leftover of a dead process but never that of a living one. */
export const openAdminServer = async (
  path: string,
  routes: Readonly<Record<string, Route>>,
): Promise<AdminServer | AdminError> => {
  if (Buffer.byteLength(path) > MAX_PATH_BYTES) {
    return { message: `admin socket ${path}: a unix socket path has at most ${MAX_PATH_BYTES} bytes` };
  }
  const found = await examine(path);
  if (typeof found === "object") return found;
  const server = createRouteServer(routes);
  try {
    if (found === "leftover") await rm(path, { force: true });
    const before = process.umask(0o177);
    try {
      await new Promise<void>((resolve, reject) => {
        server.once("error", reject);
        server.listen(path, resolve);
      });
    } finally {
      process.umask(before);
    }
    await chmod(path, 0o600);
  } catch (error) {
    server.close();
    return { message: `admin socket ${path}: ${messageOf(error)}` };
  }
  // A connection that cannot be accepted (EMFILE) is the client's bad luck.
  server.on("error", () => {});
  return { close: () => closeRouteServer(server) };
};
