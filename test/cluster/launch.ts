/** How the launcher and the image start Node.js, so that what is tested and measured is what people run. */
import { readFileSync } from "node:fs";
import { join } from "node:path";

const LAUNCHER = join(import.meta.dirname, "../../bin/steelyard");

export type Launch = {
  readonly flags: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
};

/** Reads it in the launcher, whose word the image takes as well. */
export const readLaunch = (): Launch => {
  const launcher = readFileSync(LAUNCHER, "utf8");
  const flags = /exec "\$node" (--.*) "\$main"/.exec(launcher)?.[1]?.split(" ");
  const settings = /^ *export (MALLOC.*)$/m.exec(launcher)?.[1]?.split(" ");
  if (flags === undefined || settings === undefined) throw new Error(`${LAUNCHER} starts Node.js otherwise`);
  return {
    flags,
    environment: Object.fromEntries(
      settings.map((setting) => {
        const [name = "", value = ""] = setting.split("=");
        return [name, value];
      }),
    ),
  };
};
