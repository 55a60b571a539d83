/** The kinds as a reference page for operators, in Markdown. */
import type { GenericSchema } from "valibot";
import { shapeOf } from "#core/config/introspect";
import { rowsOf } from "#core/config/reference";
import { type KindFacts, type KindVersion, kindEntries } from "./kinds.ts";

const table = (schema: GenericSchema | undefined, key: "spec" | "status"): readonly string[] => {
  if (schema === undefined) return [];
  const shape = shapeOf(schema);
  if (shape.type !== "section" || shape.entries.size === 0) return [];
  return ["| key | value | default | meaning |", "|---|---|---|---|", ...rowsOf(schema, key), ""];
};

const versionText = (version: KindVersion, versions: readonly KindVersion[]): readonly string[] => {
  const title = versions.length === 1 ? [] : [`### ${version.name}`, ""];
  const note = version.deprecation === undefined ? [] : [`Deprecated: ${version.deprecation}.`, ""];
  return [...title, ...note, ...table(version.spec, "spec"), ...table(version.status, "status")];
};

const columnsText = ({ versions }: KindFacts): readonly string[] => {
  const columns = versions.at(-1)?.columns ?? [];
  return columns.length === 0
    ? []
    : [`\`kubectl get\` shows: ${columns.map(({ name }) => name).join(", ")}.`, ""];
};

const kindText = ([kind, facts]: readonly [string, KindFacts]): readonly string[] => [
  `## ${kind}`,
  "",
  `\`${facts.group}\`, \`${facts.plural}\`. ${facts.description}`,
  "",
  ...columnsText(facts),
  ...facts.versions.toReversed().flatMap((version) => versionText(version, facts.versions)),
];

const INTRODUCTION = `# Kubernetes resources

These are the kinds of \`metallb.io\`, as MetalLB has them, and two kinds of \`steelyard.dev/v1alpha1\`. If MetalLB's definitions are installed
already, they stay: what they accept is read. The definitions in \`packaging/crds\` are for clusters that have none. All of these resources
lie in one namespace, the one that the controller is told.

**The configuration is taken as a whole.** If any part of it is wrong, the last one that was right stays in force, and every problem is told
in the ConfigurationState \`controller\`, in the log, and by the webhook before it comes to that. A webhook refuses a change that makes
something worse; what was wrong before, or what another object may still mend (a Community or a BFDProfile that does not exist yet), passes
with a warning.

**Refused are**: pools that overlap with themselves or each other (overlap with addresses of nodes is fine); the same name, namespace,
selector, condition or value twice; aggregation lengths that would announce addresses outside a pool; different local preferences for one
announcement; peers that cannot be on one node together (the same neighbour, different router identifiers, different numbers of the own
autonomous system in one VRF) unless their nodeSelectors keep them apart; a BFDProfile with echoMode for peers that are told of IPv6
addresses; the removal of a BFDProfile that a peer names; an address that two reservations keep.

**BGPPeer has two versions** with the same names for the same things; v1beta2 has more of them. With the conversion webhook, what only v1beta2
has is kept in the annotation \`steelyard.dev/bgppeer-v1beta2\` while an object is seen as v1beta1. Without it (\`strategy: None\`, which
is what a new definition from \`packaging/crds\` has), objects of v1beta1 are read as v1beta2 all the same and nothing in them is lost; but a client that writes v1beta1 removes
what v1beta1 does not have.

Durations are spelt as Go spells them: \`90s\`, \`1m30s\`. Empty text counts as not given.
`;

/** The whole page. */
export const metallbReference = (): string =>
  [
    "<!-- Generated from src/core/metallb by `node scripts/generate-reference.ts`; do not edit. -->",
    "",
    INTRODUCTION,
    ...kindEntries().flatMap(kindText),
  ].join("\n");
