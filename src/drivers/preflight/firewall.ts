/** The rules of this machine's firewall, as nft prints them. */
import { spawn } from "node:child_process";
import { decodeRuleset, type Ruleset } from "#core/input-filter/ruleset";

/** A machine with ten thousand Services has some tens of megabytes of rules. */
const MOST_BYTES = 128 * 1_024 * 1_024;
const PATIENCE_MS = 10_000;

export type FirewallAnswer =
  | { readonly type: "rules"; readonly ruleset: Ruleset }
  | { readonly type: "no-nft" }
  | { readonly type: "unread"; readonly problem: string };

/** Reads them. Ends in bounded time, whatever `program` does. */
export const readFirewall = (program = "nft", patience = PATIENCE_MS): Promise<FirewallAnswer> =>
  new Promise((resolve) => {
    const child = spawn(program, ["-j", "list", "ruleset"], {
      stdio: ["ignore", "pipe", "pipe"],
      env: { PATH: `${process.env.PATH ?? ""}:/usr/sbin:/sbin`, LC_ALL: "C" },
    });
    const chunks: Buffer[] = [];
    let complaint = "";
    let size = 0;
    const end = (answer: FirewallAnswer): void => {
      clearTimeout(timer);
      child.kill("SIGKILL");
      resolve(answer);
    };
    const timer = setTimeout(() => end({ type: "unread", problem: "nft does not come to an end" }), patience);
    child.stdout.on("data", (chunk: Buffer) => {
      chunks.push(chunk);
      size += chunk.length;
      if (size > MOST_BYTES) end({ type: "unread", problem: "there are too many rules" });
    });
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      if (complaint.length < 1_000) complaint += text;
    });
    child.on("error", ({ message, ...error }: NodeJS.ErrnoException) =>
      end(error.code === "ENOENT" ? { type: "no-nft" } : { type: "unread", problem: message }),
    );
    child.on("close", (status) => {
      const ruleset = status === 0 ? decodeRuleset(Buffer.concat(chunks).toString()) : undefined;
      if (ruleset !== undefined) return end({ type: "rules", ruleset });
      const [line = ""] = complaint.trim().split("\n");
      end({ type: "unread", problem: line === "" ? "nft prints no JSON" : line });
    });
  });
