/** Says one event of a speaker in one line for people. */
import { type Duration, formatDuration, millis, toMillis } from "#base/time";
import type { DeathCause } from "#core/liveness/standing";
import type { Sentence, Severity } from "#core/observation/sentence";
import type { Verdict as Company } from "#core/ownership/company";
import type { TransitionCause } from "#core/ownership/state";
import { bgpSentence, isBgpEvent } from "./bgp.ts";
import type { Hearing, SpeakerEvent } from "./event.ts";

const say = (severity: Severity, subject: string, text: string): Sentence => ({ severity, subject, text });

const detailed = (text: string, detail: string | undefined): string =>
  detail === undefined || detail === "" ? text : `${text} (${detail})`;

const counted = (count: number, noun: string): string => `${count} ${noun}${count === 1 ? "" : "s"}`;

type Of<Type extends SpeakerEvent["type"]> = Extract<SpeakerEvent, { readonly type: Type }>;

/** Why an address moves, as the end of `claiming -> holding: `; `PEER` stands for the other node. */
export const CAUSE_TEXTS: Readonly<Record<TransitionCause, string>> = {
  "holder-dead": "PEER fell silent",
  "holder-leaving": "PEER leaves",
  "holder-vacated": "PEER has restarted or was cut off, and holds nothing any more",
  unheld: "nobody answers for it",
  preferred: "this node is preferred over PEER, which holds it",
  "handed-over": "PEER has it now",
  "preferred-announced": "PEER, which is preferred, announces it",
  unheard: "PEER announces it and does not hear this node",
  insisted: "PEER goes on announcing it",
  "hand-over-timeout": "nobody took it in time",
  isolated: "this node hears neither peers nor its gateway",
  frozen: "this process stood still for so long that others may have it",
  unfit: "this node has no interface that can carry it",
  leaving: "this node leaves",
  placement: "this node is no candidate for it any more",
  "preferred-alive": "PEER, which is preferred, is alive",
  contested: "somebody answers for it who was not expected",
  waiting: "it is too early to claim it",
  kept: "nobody took it over",
};

/** Why a member counts as dead. */
const DEATHS: Readonly<Record<DeathCause, string>> = {
  silent: "nothing comes from it any more",
  vacated: "it says that it holds nothing",
  "never-heard": "it was never heard, though others are",
  "not-ready": "the API server says that it is not ready",
  "not-a-member": "it runs no speaker any more",
};

const HEARING: Readonly<Record<Hearing, string>> = {
  yes: "is heard, and hears this node",
  no: "is heard, and does not hear this node",
  unknown: "has yet to be heard",
};

const COMPANY: Readonly<Record<Company, string>> = {
  accompanied: "hears other speakers",
  doubtful: "hears no other speaker, and asks its gateway",
  alone: "hears no other speaker, and goes on",
  isolated: "hears neither other speakers nor its gateway, and holds nothing",
};

const roughly = (duration: Duration): string => formatDuration(millis(Math.round(toMillis(duration))));

const addressSentence = ({ address, from, to, cause, peer, outage }: Of<"address-state">): Sentence => {
  const cited = CAUSE_TEXTS[cause].replace("PEER", () => peer ?? "the holder");
  const why = outage === undefined ? cited : `${cited}, last heard ${roughly(outage)} before`;
  const severity = to === "holding" || from === "holding" ? "notice" : "info";
  return say(severity, `address ${address}`, `${from} -> ${to}: ${why}`);
};

const memberSentence = ({ node, from, to, cause }: Of<"member">): Sentence => {
  const text = `${from} -> ${to}`;
  if (to !== "dead") return say("notice", `node ${node}`, text);
  return say("warning", `node ${node}`, cause === undefined ? text : `${text}: ${DEATHS[cause]}`);
};

const patienceSentence = ({ state, wait }: Of<"patience">): Sentence => {
  const silence = `${roughly(wait)} of silence`;
  return state === "begun"
    ? say(
        "warning",
        "this node",
        `stands still again and again, so others take over only after ${silence}: give it more processor time`,
      )
    : say("notice", "this node", `stands still no more: others take over after ${silence}`);
};

const STAGES: Readonly<Record<Of<"duplicate-address">["stage"], string>> = {
  held: "answers for it as well",
  used: "answers for it, so it is not taken",
  unused: "has it already, so it is not used",
};

const duplicateSentence = ({ address, mac, stage }: Of<"duplicate-address">): Sentence => {
  return say("error", `address ${address}`, `${mac}, which is no node of this cluster, ${STAGES[stage]}`);
};

const bindingSentence = ({ address, link, change, detail }: Of<"binding">): Sentence => {
  const subject = `address ${address}`;
  switch (change) {
    case "restored":
      return say("notice", subject, detailed(`is bound to ${link} again`, detail));
    case "refused":
      return say(
        "warning",
        subject,
        detailed(`cannot be bound to ${link}, so this program answers for it`, detail),
      );
    case "adopted":
      return say("notice", subject, `was left on ${link} by an earlier run, and stays there`);
    case "released":
      return say("notice", subject, `was left on ${link} by an earlier run, and is not bound any more`);
    case "stuck":
      return say(
        "warning",
        subject,
        detailed(`cannot be taken off ${link}, and goes by itself soon`, detail),
      );
  }
};

const secretSentence = ({ change, detail }: Of<"secret">): Sentence =>
  change === "refused"
    ? say("error", "secret", detailed("cannot be used, and the one before stays", detail))
    : say("notice", "secret", detailed("replaced", detail));

const configurationSentence = (event: Of<"configuration-applied"> | Of<"configuration-refused">): Sentence =>
  event.type === "configuration-refused"
    ? say("error", "configuration", `refused, what was in force stays: ${event.problems.join("; ")}`)
    : say(
        "notice",
        "configuration",
        `in force: ${counted(event.pools, "pool")}, ${counted(event.advertisements, "L2Advertisement")}`,
      );

/** The line for an event. */
export const speakerSentence = (event: SpeakerEvent): Sentence => {
  if (isBgpEvent(event)) return bgpSentence(event);
  switch (event.type) {
    case "speaker":
      return say(
        event.change === "alone" || event.change === "state-ignored" ? "warning" : "info",
        "speaker",
        detailed(event.change, event.detail),
      );
    case "address-state":
      return addressSentence(event);
    case "member":
      return memberSentence(event);
    case "hearing":
      return say(event.hearsUs === "no" ? "warning" : "info", `node ${event.node}`, HEARING[event.hearsUs]);
    case "company":
      return say(event.to === "accompanied" ? "notice" : "warning", "this node", COMPANY[event.to]);
    case "patience":
      return patienceSentence(event);
    case "rival":
      return say(
        "warning",
        `address ${event.address}`,
        `${event.peer} announces it, which is held here by right`,
      );
    case "duplicate-address":
      return duplicateSentence(event);
    case "duplicate-gone":
      return say("notice", `address ${event.address}`, `${event.mac} does not stand in its way any more`);
    case "binding":
      return bindingSentence(event);
    case "secret":
      return secretSentence(event);
    case "flapping":
      return event.state === "begun"
        ? say("warning", `address ${event.address}`, "moves too often, and is not taken back for a while")
        : say("notice", `address ${event.address}`, "does not move too often any more");
    case "link":
      return say(event.state === "up" ? "notice" : "warning", `link ${event.link}`, event.state);
    case "reachability":
      return say(
        event.to === "unreachable" ? "warning" : "notice",
        `address ${event.address}`,
        detailed(`as seen from here ${event.from} -> ${event.to}`, event.obstacle),
      );
    case "configuration-applied":
    case "configuration-refused":
      return configurationSentence(event);
    case "api-trouble":
      return event.state === "begun"
        ? say("warning", "API server", `cannot read ${event.resource}: ${event.detail ?? "no reason given"}`)
        : say("notice", "API server", `reads ${event.resource} again`);
    case "write-failed":
      return say("warning", event.subject, `not written (${event.reason}): ${event.message}`);
    case "process":
      return say(
        event.change === "recovered" ? "notice" : "error",
        event.part,
        detailed(event.change, event.detail),
      );
  }
};
