/** Files and units for a machine's first start: Butane, Ignition, cloud-init. */
import { VIP_CONFIG_FILE, VIP_SERVICE } from "#core/install/names";
import { renderUnit, SYSUSERS } from "#core/install/unit";
import { renderDockerUnit, renderQuadlet } from "./container.ts";
import type { Variant } from "./names.ts";
import { type ArtefactPlan, BANNER } from "./plan.ts";
import { Verbatim, yaml } from "./yaml.ts";

type FirstFile = { readonly path: string; readonly text: string };
type FirstUnit = { readonly name: string; readonly text: string };

/** What is written there, whatever writes it. */
type FirstBoot = { readonly files: readonly FirstFile[]; readonly units: readonly FirstUnit[] };

const MODE = 0o644;

/** The configuration as a file. */
const renderConfiguration = ({ document }: ArtefactPlan): string => `# ${BANNER}\n${yaml(document)}`;

const firstBoot = (plan: ArtefactPlan): FirstBoot => {
  const configuration = { path: VIP_CONFIG_FILE, text: renderConfiguration(plan) };
  if (plan.variant === "fcos") {
    const quadlet = { path: "/etc/containers/systemd/steelyard-vip.container", text: renderQuadlet(plan) };
    return { files: [configuration, quadlet], units: [] };
  }
  return { files: [configuration], units: [{ name: VIP_SERVICE, text: renderDockerUnit(plan) }] };
};

/** Versions that every release of these systems in use reads (2022 and later). */
const BUTANE_VERSION: Readonly<Record<Variant, string>> = { fcos: "1.4.0", flatcar: "1.0.0" };
const IGNITION_VERSION = "3.3.0";

/** Butane, to be made into Ignition by the program of that name, or merged into a larger one. */
export const renderButane = (plan: ArtefactPlan): string => {
  const { files, units } = firstBoot(plan);
  return `# ${BANNER}\n${yaml({
    variant: plan.variant,
    version: BUTANE_VERSION[plan.variant],
    storage: {
      files: files.map(({ path, text }) => ({
        path,
        mode: new Verbatim(`0${MODE.toString(8)}`),
        contents: { inline: text },
      })),
    },
    ...(units.length === 0
      ? {}
      : { systemd: { units: units.map(({ name, text }) => ({ name, enabled: true, contents: text })) } }),
  })}`;
};

/** The same as Ignition reads it. */
export const renderIgnition = (plan: ArtefactPlan): string => {
  const { files, units } = firstBoot(plan);
  const config = {
    ignition: { version: IGNITION_VERSION },
    storage: {
      files: files.map(({ path, text }) => ({
        ...{ path, mode: MODE },
        contents: { source: `data:,${encodeURIComponent(text)}` },
      })),
    },
    ...(units.length === 0
      ? {}
      : { systemd: { units: units.map(({ name, text }) => ({ name, enabled: true, contents: text })) } }),
  };
  return `${JSON.stringify(config, undefined, 2)}\n`;
};

/** cloud-init for an image that has the program: configuration, unit, and its start. */
export const renderCloudInit = (plan: ArtefactPlan): string => {
  const unit = renderUnit({ program: plan.program, author: "cloud-init", role: "vip" });
  const file = (path: string, content: string): object => ({ path, permissions: "0644", content });
  return `#cloud-config\n# ${BANNER}\n${yaml({
    write_files: [
      file(VIP_CONFIG_FILE, renderConfiguration(plan)),
      file("/etc/sysusers.d/steelyard.conf", SYSUSERS),
      file(`/etc/systemd/system/${VIP_SERVICE}`, unit),
    ],
    runcmd: [
      ["systemd-sysusers", "steelyard.conf"],
      ["systemctl", "daemon-reload"],
      ["systemctl", "enable", "--now", VIP_SERVICE],
    ],
  })}`;
};
