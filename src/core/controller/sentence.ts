/** Says one event of a controller in one line for people. */
import type { Sentence, Severity } from "#core/observation/sentence";
import type { ControllerEvent } from "./event.ts";

const say = (severity: Severity, subject: string, text: string): Sentence => ({ severity, subject, text });

const counted = (count: number, noun: string): string => `${count} ${noun}${count === 1 ? "" : "s"}`;

const detailed = (text: string, detail: string | undefined): string =>
  detail === undefined || detail === "" ? text : `${text} (${detail})`;

type Of<Type extends ControllerEvent["type"]> = Extract<ControllerEvent, { readonly type: Type }>;

const controllerChangeSentence = ({ change, detail, warnings = [] }: Of<"controller">): Sentence =>
  warnings.length === 0
    ? say("info", "controller", detailed(change, detail))
    : say("warning", "controller", [detailed(change, detail), ...warnings].join("; "));

const leadershipSentence = ({ state, reason, holder }: Of<"leadership">): Sentence => {
  switch (state) {
    case "leading":
      return say("notice", "leadership", "this replica gives addresses now");
    case "lost":
      return say(
        "warning",
        "leadership",
        detailed(
          reason === "taken"
            ? "lost: the Lease names another replica"
            : "lost: the Lease could not be renewed in time",
          holder,
        ),
      );
    default:
      return say("info", "leadership", holder === undefined ? "standing by" : `standing by for ${holder}`);
  }
};

const poolsSentence = ({ pools, reservations, conflicts, warnings }: Of<"pools-applied">): Sentence => {
  const parts = [counted(pools, "pool")];
  if (reservations > 0) parts.push(counted(reservations, "reservation"));
  if (conflicts > 0) parts.push(counted(conflicts, "address conflict"));
  const applied = parts.join(", ");
  return warnings.length === 0
    ? say("notice", "pools", `in force: ${applied}`)
    : say("warning", "pools", `in force: ${applied}; ${warnings.join("; ")}`);
};

const serviceSentence = (
  event: Of<"allocated"> | Of<"allocation-refused"> | Of<"released"> | Of<"shadow-difference">,
): Sentence => {
  const subject = `service ${event.service}`;
  switch (event.type) {
    case "allocated":
      return say("notice", subject, `${event.addresses.join(", ")} from pool ${event.pool} (${event.how})`);
    case "allocation-refused":
      return say("warning", subject, `no address (${event.reason}): ${event.message}`);
    case "released":
      return say("notice", subject, `gave up ${event.addresses.join(", ")}`);
    default:
      return event.state === "begun"
        ? say("notice", subject, `would differ: ${event.detail}`)
        : say("info", subject, "would not differ any more");
  }
};

/** The line for an event. */
export const controllerSentence = (event: ControllerEvent): Sentence => {
  switch (event.type) {
    case "controller":
      return controllerChangeSentence(event);
    case "leadership":
      return leadershipSentence(event);
    case "pools-applied":
      return poolsSentence(event);
    case "pools-refused":
      return say("error", "pools", `refused, what was in force stays: ${event.problems.join("; ")}`);
    case "write-failed":
      return say("warning", event.subject, `not written (${event.reason}): ${event.message}`);
    case "api-trouble":
      return event.state === "begun"
        ? say("warning", "API server", `cannot read ${event.resource}: ${event.detail ?? "no reason given"}`)
        : say("notice", "API server", `reads ${event.resource} again`);
    case "webhook":
      return say(
        event.state === "serving" ? "info" : "warning",
        "webhook",
        detailed(event.state, event.detail),
      );
    case "certificate":
      return say(
        event.change === "failed" ? "error" : "notice",
        "certificate",
        detailed(event.change, event.detail),
      );
    case "other-balancer":
      return event.state === "found"
        ? say("warning", "other balancer", event.detail)
        : say("notice", "other balancer", `gone: ${event.detail}`);
    default:
      return serviceSentence(event);
  }
};
