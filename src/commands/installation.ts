/** What `steelyard install` writes and `steelyard uninstall` removes, and where. */
import { createHash } from "node:crypto";
import { realpathSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { CONFIG_FILE, SERVICE } from "#core/install/names";
import { STARTING_CONFIGURATION } from "#core/install/starting";
import { renderUnit, SYSUSERS } from "#core/install/unit";
import type { PlacedFile } from "#drivers/files/place";

/** The record of what was written. */
export const MANIFEST_FILE = "/var/lib/steelyard/install.json";
/** The unit, where the machine's administrator keeps units. */
export const UNIT_FILE = `/etc/systemd/system/${SERVICE}`;
/** How systemd remembers that the service is to start with the machine. */
export const ENABLED_LINK = `/etc/systemd/system/multi-user.target.wants/${SERVICE}`;
/** Where the Debian package keeps the program, which needs no `install`. */
const PACKAGED = "/usr/lib/steelyard";
const SYSUSERS_FILE = "/etc/sysusers.d/steelyard.conf";
/** The service sees nothing of what is below these. */
const HIDDEN = ["/home/", "/root/", "/run/user/", "/tmp/", "/var/tmp/"];

/** The launcher of this program, which runs from a checkout or an unpacked package; or why it cannot be installed. */
export const findLauncher = (
  script = realpathSync(process.argv[1] ?? ""),
): { readonly path: string } | { readonly problem: string } => {
  const folder = dirname(script);
  const path = join(dirname(folder), "bin", "steelyard");
  if (basename(folder) !== "dist")
    return { problem: 'this program was not built: run "npm run build" and bin/steelyard install' };
  if (path.startsWith(`${PACKAGED}/`))
    return { problem: "this is the Debian package, which is installed: edit /etc/steelyard/edge.yaml" };
  const hidden = HIDDEN.find((place) => path.startsWith(place));
  return hidden === undefined
    ? { path }
    : {
        problem: `the service sees nothing below ${hidden}: move ${dirname(folder)} to /opt, say, and install from there`,
      };
};

/** Everything that is written but the record; the configuration only where there is none. */
export const filesToInstall = (options: {
  readonly launcher: string;
  readonly hasConfiguration: boolean;
}): readonly PlacedFile[] => [
  ...(options.hasConfiguration ? [] : [{ path: CONFIG_FILE, text: STARTING_CONFIGURATION, mode: 0o644 }]),
  { path: SYSUSERS_FILE, text: SYSUSERS, mode: 0o644 },
  {
    path: UNIT_FILE,
    text: renderUnit({
      program: options.launcher,
      author: "`steelyard install`",
    }),
    mode: 0o644,
  },
];

/** SHA-256 in hexadecimal. */
export const digestOf = (text: string): string => createHash("sha256").update(text).digest("hex");
