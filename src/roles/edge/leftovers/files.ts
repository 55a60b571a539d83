/** Sockets and files that mean nothing without the process that made them. */
import { lstat, rm } from "node:fs/promises";
import { join } from "node:path";
import type { Finder, Leftover } from "./leftover.ts";

/** In the runtime directory; `sysctls.json` and `ipvs.json` are missing, because they go with what they record. */
const NAMES = [
  "ruleset.nft",
  "ruleset.nft.new",
  "change.nft",
  "change.nft.new",
  "forwarding.json",
  "forwarding.json.new",
  "forwarding.seal",
  "forwarding.seal.new",
  "probe.nft",
  "ipvs-forwarding.json",
  "ipvs-forwarding.json.new",
  "ipvs.json.new",
  "sysctls.json.new",
  "bfd.json",
  "bfd.json.new",
  "routers",
  "routers.new",
] as const;

const codeOf = (error: unknown): string =>
  error instanceof Error && "code" in error ? String(error.code) : String(error);

const leftoverAt = async (path: string, kind: "file" | "socket"): Promise<Leftover[]> => {
  const there = await lstat(path).catch(() => undefined);
  // A name that the operator gave may be anything.
  if (there === undefined || !(kind === "socket" ? there.isSocket() : there.isFile())) return [];
  const remove = (): Promise<string | undefined> => rm(path, { force: true }).then(() => undefined, codeOf);
  return [{ what: `${kind} ${path}`, remove }];
};

/** The admin socket, on which nobody may answer any more, and the files of the runtime directory. */
export const findFiles =
  ({ runtimeDirectory, admin }: { readonly runtimeDirectory: string; readonly admin: string }): Finder =>
  async () => {
    const files = await Promise.all(NAMES.map((name) => leftoverAt(join(runtimeDirectory, name), "file")));
    return [...files.flat(), ...(await leftoverAt(admin, "socket"))];
  };
