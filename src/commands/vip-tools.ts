/** `steelyard manifest` and `steelyard preflight` on the command line: what goes before `steelyard vip`. */
import { Argument, type Command, InvalidArgumentError, Option } from "commander";
import { parseDuration, seconds, toMillis } from "#base/time";
import { VERSION } from "#base/version";
import {
  ARTEFACT_NAMES,
  ARTEFACTS,
  type ArtefactName,
  VARIANTS,
  type Variant,
} from "#core/vip-artefacts/names";
import { configOption, requireEndpoint, withEndpoint } from "./vip.ts";
import type { EndpointFlags } from "./vip-endpoint.ts";

const MANIFEST_HELP = `
Artefacts:
${ARTEFACT_NAMES.map((name) => `  ${name.padEnd(12)}${ARTEFACTS[name].description}`).join("\n")}

Where each belongs, and what to expect: docs/install-vip.md.

Exit status: 0 when printed, 2 when there is no such artefact of what is asked for, or the command line is wrong.`;

const PREFLIGHT_HELP = `
Changes nothing, and holds nothing: it asks for the address as RFC 5227 lets one ask who does not have it. What it can find, and
what mends it: docs/reference/preflight.md.

Exit status: 0 when nothing is in the way or only warnings were found, 1 when an error was, 2 when the command line is wrong.`;

type Around = { readonly finish: (status: number) => void; readonly endWithReader: () => void };

type ManifestFlags = EndpointFlags & {
  readonly image: string;
  readonly program: string;
  readonly variant: Variant;
};

const addManifest = (program: Command, { finish, endWithReader }: Around): void => {
  withEndpoint(
    program
      .command("manifest")
      .description("print what starts `steelyard vip` on a host: a unit, a pod, a quadlet, ...")
      .addArgument(new Argument("<artefact>", "which one").choices(ARTEFACT_NAMES))
      .addOption(configOption())
      .option("--image <image>", "where the image lies", `localhost/steelyard:${VERSION}`)
      .option("--program <path>", "where the program lies on the host", "/usr/bin/steelyard")
      .addOption(
        new Option("--variant <system>", "whom Butane and Ignition are for")
          .choices(VARIANTS)
          .default("fcos"),
      )
      .addHelpText("after", MANIFEST_HELP),
  ).action(async (artefact: ArtefactName, flags: ManifestFlags, command: Command) => {
    endWithReader();
    // The unit reads a file, whatever is in it.
    if (artefact !== "systemd" || flags.config !== undefined) requireEndpoint(flags, command);
    const { manifest } = await import("./manifest.ts");
    const { image, program: place, variant } = flags;
    finish(manifest({ ...{ artefact, image, program: place, variant }, endpoint: flags }));
  });
};

/** In milliseconds. Others advertise once a second unless told otherwise, and are missed after three times. */
const listening = (text: string): number => {
  const duration = parseDuration(text);
  if (duration !== undefined && duration >= seconds(1) && duration <= seconds(60)) return toMillis(duration);
  throw new InvalidArgumentError("It is a duration from 1s to 1m.");
};

type PreflightFlags = EndpointFlags & { readonly listen: number; readonly json?: boolean };

const addPreflight = (program: Command, { finish, endWithReader }: Around): void => {
  withEndpoint(
    program
      .command("preflight")
      .description("find what would keep this host from holding the API servers' address")
      .addOption(configOption())
      .option("--listen <duration>", "how long other routers are listened for, 1s to 1m", listening, 3_000)
      .option("--json", "print JSON")
      .addHelpText("after", PREFLIGHT_HELP),
  ).action(async (flags: PreflightFlags, command: Command) => {
    endWithReader();
    requireEndpoint(flags, command);
    const { runPreflight } = await import("./preflight.ts");
    finish(await runPreflight({ endpoint: flags, listen: flags.listen, json: flags.json === true }));
  });
};

/** Adds both. */
export const addVipTools = (program: Command, around: Around): void => {
  addManifest(program, around);
  addPreflight(program, around);
};
