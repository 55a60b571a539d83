/** By which rules nodes are ordered, as the command line says it. */
import { DEFAULT_RULES, METALLB_RULES, type Rules } from "#core/layer2/rules";
import type { SpeakerOptions } from "../options.ts";

/** Beside speakers of MetalLB addresses are never spread: those know nothing of it, and two nodes would answer. */
export const rulesOf = ({
  rules,
  spread,
  ignoreExcludeLabel,
}: Pick<SpeakerOptions, "rules" | "spread" | "ignoreExcludeLabel">): Rules => ({
  ...(rules === "metallb" ? METALLB_RULES : DEFAULT_RULES),
  ...(rules === "steelyard" && spread !== undefined ? { order: { type: "spread", slack: spread } } : {}),
  excludeLabel: ignoreExcludeLabel ? "ignored" : "respected",
});
