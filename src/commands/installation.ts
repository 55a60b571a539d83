/** What `steelyard install` writes and `steelyard uninstall` removes, and where. */
import { createHash } from "node:crypto";
import { realpathSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { CONFIG_FILE, SERVICE, VIP_CONFIG_FILE, VIP_SERVICE } from "#core/install/names";
import { STARTING_CONFIGURATION, STARTING_ENDPOINT } from "#core/install/starting";
import { type Role, renderUnit, SYSUSERS } from "#core/install/unit";
import type { PlacedFile } from "#drivers/files/place";

/** Where an installation of one role lies. */
export type Places = {
  readonly service: string;
  /** The record of what was written. */
  readonly record: string;
  /** The unit, where the machine's administrator keeps units. */
  readonly unit: string;
  /** How systemd remembers that the service is to start with the machine. */
  readonly enabled: string;
  readonly config: string;
  readonly starting: string;
};

const UNITS = "/etc/systemd/system";

const placesFor = (service: string, rest: Pick<Places, "record" | "config" | "starting">): Places => ({
  ...{ service, unit: `${UNITS}/${service}`, enabled: `${UNITS}/multi-user.target.wants/${service}` },
  ...rest,
});

/** Both roles may be installed on one machine, and one of them run. */
export const PLACES: Readonly<Record<Role, Places>> = {
  edge: placesFor(SERVICE, {
    ...{ record: "/var/lib/steelyard/install.json", config: CONFIG_FILE, starting: STARTING_CONFIGURATION },
  }),
  vip: placesFor(VIP_SERVICE, {
    ...{
      record: "/var/lib/steelyard/install-vip.json",
      config: VIP_CONFIG_FILE,
      starting: STARTING_ENDPOINT,
    },
  }),
};

/** Where the Debian package keeps the program, which needs no `install`. */
const PACKAGED = "/usr/lib/steelyard";
const SYSUSERS_FILE = "/etc/sysusers.d/steelyard.conf";
/** The service sees nothing of what is below these. */
const HIDDEN = ["/home/", "/root/", "/run/user/", "/tmp/", "/var/tmp/"];

/** The launcher of this program, which runs from a checkout or an unpacked package; or why it cannot be installed. */
export const findLauncher = (
  role: Role = "edge",
  script = realpathSync(process.argv[1] ?? ""),
): { readonly path: string } | { readonly problem: string } => {
  const folder = dirname(script);
  const path = join(dirname(folder), "bin", "steelyard");
  if (basename(folder) !== "dist")
    return { problem: 'this program was not built: run "npm run build" and bin/steelyard install' };
  if (path.startsWith(`${PACKAGED}/`) && role === "vip") return { path: "/usr/bin/steelyard" };
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
  readonly role: Role;
  readonly launcher: string;
  readonly hasConfiguration: boolean;
}): readonly PlacedFile[] => [
  ...(options.hasConfiguration
    ? []
    : [{ path: PLACES[options.role].config, text: PLACES[options.role].starting, mode: 0o644 }]),
  { path: SYSUSERS_FILE, text: SYSUSERS, mode: 0o644 },
  {
    path: PLACES[options.role].unit,
    text: renderUnit({
      program: options.launcher,
      author: "`steelyard install`",
      role: options.role,
    }),
    mode: 0o644,
  },
];

/** SHA-256 in hexadecimal. */
export const digestOf = (text: string): string => createHash("sha256").update(text).digest("hex");
