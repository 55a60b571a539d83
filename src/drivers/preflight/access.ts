/** Whether the service's user may read a file of certificates, and what it holds. */
import { X509Certificate } from "node:crypto";
import { readFileSync, realpathSync, type Stats, statSync } from "node:fs";
import { dirname } from "node:path";
import type { CaFacts } from "#core/preflight/facts";

const MOST_BYTES = 1_024 * 1_024;
const OTHERS_READ = 0o004;
const OTHERS_ENTER = 0o001;

const attempt = <Value>(look: () => Value): Value | undefined => {
  try {
    return look();
  } catch {
    return undefined;
  }
};

/** From the root down to the file. */
const wayTo = (path: string): readonly string[] => {
  const above = dirname(path);
  return above === path ? [path] : [...wayTo(above), path];
};

const isOpen = ({ mode, uid, gid }: Stats, user: User | undefined, needed: number): boolean => {
  // The owner's and the group's bits count instead of the others', not besides.
  if (user?.uid === uid) return (mode & (needed << 6)) !== 0;
  if (user?.gid === gid) return (mode & (needed << 3)) !== 0;
  return (mode & needed) !== 0;
};

type User = { readonly uid: number; readonly gid: number };

/** A user of this machine by name; `undefined` while it has none of that name. */
const userOf = (name: string): User | undefined => {
  const lines = (attempt(() => readFileSync("/etc/passwd", "utf8")) ?? "").split("\n");
  const [, , uid, gid] = lines.find((line) => line.startsWith(`${name}:`))?.split(":") ?? [];
  return uid === undefined || gid === undefined ? undefined : { uid: Number(uid), gid: Number(gid) };
};

/** The first folder on the way, or the file, that `user` may not use. */
const closedAt = (path: string, user: User | undefined): string | undefined =>
  wayTo(path).find((each) => {
    const stats = attempt(() => statSync(each));
    return stats !== undefined && !isOpen(stats, user, each === path ? OTHERS_READ : OTHERS_ENTER);
  });

const isForbidden = (path: string): boolean => {
  try {
    statSync(path);
  } catch (error) {
    return error instanceof Error && "code" in error && error.code === "EACCES";
  }
  return false;
};

/** Looks at the file with the cluster's authority, for a service that runs as the user of this name. */
export const readAuthority = (path: string, user: string, now = Date.now()): CaFacts | undefined => {
  const real = attempt(() => realpathSync(path));
  if (real === undefined) {
    // Who may not enter a folder on the way cannot tell whether the file is there.
    return isForbidden(path) ? undefined : { state: "absent" };
  }
  const closed = closedAt(real, userOf(user));
  const size = attempt(() => statSync(real).size) ?? 0;
  const text = size > MOST_BYTES ? undefined : attempt(() => readFileSync(real));
  if (text !== undefined) {
    const certificate = attempt(() => new X509Certificate(text));
    if (certificate === undefined) return { state: "no-certificate" };
    if (certificate.validToDate.getTime() < now) return { state: "expired", until: certificate.validTo };
  }
  return closed === undefined ? { state: "readable" } : { state: "closed", at: closed };
};
