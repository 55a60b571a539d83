/** Segments that the kernel has dropped because of their signature (TCP MD5, RFC 2385). */
import { readFileSync } from "node:fs";
import type { Md5Drops } from "#core/doctor/facts";

const NAMES = { wrong: "TCPMD5Failure", missing: "TCPMD5NotFound", unexpected: "TCPMD5Unexpected" } as const;

/** One line of names, and one of numbers below it. */
const counted = (text: string): ReadonlyMap<string, number> => {
  const [names = "", numbers = ""] = text.split("\n").filter((line) => line.startsWith("TcpExt:"));
  const values = numbers.split(" ");
  return new Map(names.split(" ").map((name, index) => [name, Number(values[index])]));
};

/** Counts of this network namespace; `undefined` where the kernel does not count. `proc` is /proc but in tests. */
export const readMd5Drops = (proc = "/proc"): Md5Drops | undefined => {
  let text: string;
  try {
    text = readFileSync(`${proc}/net/netstat`, "latin1");
  } catch {
    return undefined;
  }
  const counts = counted(text);
  const count = (name: string): number => {
    const value = counts.get(name) ?? 0;
    return Number.isSafeInteger(value) && value > 0 ? value : 0;
  };
  if (!counts.has(NAMES.wrong)) return undefined;
  return { wrong: count(NAMES.wrong), missing: count(NAMES.missing), unexpected: count(NAMES.unexpected) };
};
