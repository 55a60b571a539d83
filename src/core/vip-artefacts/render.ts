/** All kinds of artefact. */
import { renderUnit } from "#core/install/unit";
import { renderQuadlet } from "./container.ts";
import { renderButane, renderCloudInit, renderIgnition } from "./first-boot.ts";
import { ARTEFACTS, type ArtefactName } from "./names.ts";
import type { ArtefactPlan } from "./plan.ts";
import { renderDaemonSet, renderK3s, renderPod } from "./pod.ts";

const renderers: Readonly<Record<ArtefactName, (plan: ArtefactPlan) => string>> = {
  systemd: ({ program }) => renderUnit({ program, author: "`steelyard manifest`", role: "vip" }),
  "cloud-init": renderCloudInit,
  pod: renderPod,
  daemonset: renderDaemonSet,
  k3s: renderK3s,
  quadlet: renderQuadlet,
  butane: renderButane,
  ignition: renderIgnition,
};

export type Rendered =
  | { readonly ok: true; readonly text: string }
  /** Why there is no such artefact, with the remedy. */
  | { readonly ok: false; readonly problem: string };

/** Makes one. */
export const render = (name: ArtefactName, plan: ArtefactPlan): Rendered => {
  if (ARTEFACTS[name].contained && plan.balance)
    return {
      ok: false,
      problem: `--balance needs nft and kernel settings, which the container of "${name}" has not: leave it out, or use the unit (steelyard manifest systemd)`,
    };
  return { ok: true, text: renderers[name](plan) };
};
