/** From documents, as a file or a cluster holds them, to everything the operator wants. */
import * as v from "valibot";
import { isRoutingDocument, type RoutingDocument, readEdgeRouting } from "#core/edge-routes/read";
import type { RoutedServer } from "#core/edge-routes/route";
import { endpointFindings } from "#core/vip/findings";
import { ELSEWHERE, type Host } from "#core/vip/host";
import { type Expansion, expand } from "#core/vip/translate";
import { crossProblems, type Placed } from "./cross-rules.ts";
import type { Desired, TrackedCheck } from "./desired.ts";
import { findingsOf } from "./issues.ts";
import { API_VERSION, KIND_NAMES, KINDS, type Kind } from "./kinds.ts";
import { nearestHint } from "./nearest.ts";
import { error, type Finding, formatPath, type Problem, show } from "./problem.ts";
import { checkFindings, checkOf } from "./resolve-health.ts";
import { routerOf } from "./resolve-router.ts";
import { serverOf } from "./resolve-server.ts";
import { routerFindings } from "./router-rules.ts";
import { serverFindings } from "./server-rules.ts";
import { syncFindings, syncOf } from "./sync-rules.ts";
import { isSection, unknownKeys } from "./unknown-keys.ts";

/** The outcome of reading a configuration: all of it, or nothing and every reason. */
export type Parsed =
  | { readonly ok: true; readonly desired: Desired; readonly warnings: readonly Problem[] }
  /** At least one problem is an error; warnings are among them. In the order of the documents. */
  | { readonly ok: false; readonly problems: readonly Problem[] };

/** What became of one document by itself; the value is there when each of its parts is right by itself. */
type Read<Value> = { readonly value?: Value; readonly findings: readonly Finding[] };

const isKind = (kind: unknown): kind is Kind => KIND_NAMES.some((name) => name === kind);

const hasErrors = (findings: readonly Finding[]): boolean =>
  findings.some(({ severity }) => severity === "error");

/** The findings without those that miss a key which is there, misspelt. */
const onePerKey = (unknown: readonly Finding[], others: readonly Finding[]): readonly Finding[] => {
  const meant = new Set(unknown.map(({ path, hint }) => `${formatPath(path.slice(0, -1))} ${hint}`));
  return [
    ...unknown,
    ...others.filter(({ path, message }) => {
      const key = `${formatPath(path.slice(0, -1))} Did you mean ${path.at(-1)}?`;
      return message !== "is missing" || !meant.has(key);
    }),
  ];
};

/** The findings without those that repeat the path of an earlier error. */
const onePerPath = (findings: readonly Finding[]): readonly Finding[] => {
  const seen = new Set<string>();
  return findings.filter(({ path }) => {
    const key = formatPath(path);
    return seen.has(key) ? false : seen.add(key);
  });
};

const read = <Resource extends { readonly metadata: { readonly name: string } }, Spec, Value>(
  schema: v.GenericSchema<unknown, Resource>,
  document: unknown,
  {
    specOf,
    rules,
    resolve,
  }: {
    readonly specOf: (resource: Resource) => Spec;
    readonly rules: (spec: Spec) => readonly Finding[];
    readonly resolve: (name: string, spec: Spec) => Value;
  },
): Read<Value> => {
  const unknown = unknownKeys(schema, document, []);
  const result = v.safeParse(schema, document);
  if (!result.success) {
    const findings = result.issues.flatMap((issue) => findingsOf(issue));
    return { findings: onePerPath(onePerKey(unknown, findings)) };
  }
  const spec = specOf(result.output);
  return { findings: [...unknown, ...rules(spec)], value: resolve(result.output.metadata.name, spec) };
};

/** What is wrong with the two keys that say what a document is. */
const envelopeFindings = (document: Readonly<Record<string, unknown>>): readonly Finding[] => {
  const { apiVersion, kind } = document;
  const findings: Finding[] = [];
  if (apiVersion === undefined) {
    findings.push(error(["apiVersion"], "is missing", `Write apiVersion: ${API_VERSION}.`));
  } else if (apiVersion !== API_VERSION) {
    findings.push(error(["apiVersion"], `${show(apiVersion)} is not known`, `Write ${API_VERSION}.`));
  }
  if (kind === undefined) {
    findings.push(error(["kind"], "is missing", `Use one of ${KIND_NAMES.join(", ")}.`));
  } else if (!isKind(kind)) {
    findings.push(error(["kind"], `${show(kind)} is not known`, nearestHint(String(kind), KIND_NAMES)));
  }
  return findings;
};

const nameOf = (document: unknown): string | undefined => {
  const metadata = isSection(document) ? document.metadata : undefined;
  const name = isSection(metadata) ? metadata.name : undefined;
  return typeof name === "string" ? name : undefined;
};

/** Labels of a document that has been checked. */
const labelsOf = (document: unknown): RoutedServer["labels"] => {
  const metadata = isSection(document) && isSection(document.metadata) ? document.metadata : {};
  const entries = Object.entries(isSection(metadata.labels) ? metadata.labels : {});
  return Object.fromEntries(
    entries.flatMap(([key, text]): [string, string][] => (typeof text === "string" ? [[key, text]] : [])),
  );
};

/** An error for every later document with the kind and name of an earlier one. */
const duplicateNames = (documents: readonly unknown[]): readonly Problem[] => {
  const seen = new Set<string>();
  return documents.flatMap((value, document) => {
    const name = nameOf(value);
    if (name === undefined || !isSection(value) || !isKind(value.kind)) return [];
    const key = `${value.kind} ${name}`;
    if (!seen.has(key)) {
      seen.add(key);
      return [];
    }
    const finding = error(
      ["metadata", "name"],
      `there is another ${value.kind} named ${name}`,
      "Rename one of them.",
    );
    return [{ ...finding, document }];
  });
};

/** An error for every endpoint that stands for a resource of a name that is written down as well. */
const claimedNames = (
  documents: readonly unknown[],
  placed: readonly Placed<{ readonly name: string }>[],
  kind: Kind,
): readonly Problem[] => {
  const isEndpoint = (document: number): boolean => {
    const value = documents[document];
    return isSection(value) && value.kind === "ControlPlaneEndpoint";
  };
  const written = new Set(
    placed.filter(({ document }) => !isEndpoint(document)).map(({ value }) => value.name),
  );
  return placed
    .filter(({ document, value }) => isEndpoint(document) && written.has(value.name))
    .map(({ document, value }) => ({
      ...error(["metadata", "name"], `it needs the name ${value.name}, which a ${kind} has`, "Rename one."),
      document,
    }));
};

/** Resources as they are collected, document by document. */
class Collection {
  readonly problems: Problem[] = [];
  readonly routers: Placed<Desired["routers"][number]>[] = [];
  readonly servers: Placed<Desired["servers"][number]>[] = [];
  readonly checks: Placed<TrackedCheck>[] = [];
  readonly syncs: Placed<Desired["syncs"][number]>[] = [];
  /** Resources of MetalLB's, which are read together at the end. */
  readonly routing: RoutingDocument[] = [];
  readonly routed: RoutedServer[] = [];
  /** Whether a document could not be read as what it says it is. */
  unread = false;
  /** Whether a document does not even say what it is. */
  hidden = false;
  readonly #host: Host;

  constructor(host: Host) {
    this.#host = host;
  }

  /** Reads one document and keeps what it holds. */
  add(value: unknown, document: number): void {
    if (!isSection(value)) {
      this.#report(document, [
        error([], `${show(value)} is not a resource`, "A resource has apiVersion, kind, metadata and spec."),
      ]);
      this.hidden = true;
      return;
    }
    if (isRoutingDocument(value)) {
      this.routing.push({ document, value });
      return;
    }
    const envelope = envelopeFindings(value);
    if (hasErrors(envelope)) {
      this.#report(document, envelope);
      this.hidden = true;
      return;
    }
    if (value.kind === "VirtualRouter") this.#keep(document, this.routers, readRouter(value));
    if (value.kind === "VirtualServer") this.#keepServer(document, value);
    if (value.kind === "TrackedCheck") this.#keep(document, this.checks, readCheck(value));
    if (value.kind === "ConnectionSync") this.#keep(document, this.syncs, readSync(value));
    if (value.kind === "ControlPlaneEndpoint") this.#keepEndpoint(document, value);
  }

  #keep<Value>(document: number, into: Placed<Value>[], { value, findings }: Read<Value>): void {
    this.#report(document, findings);
    if (value === undefined) this.unread = true;
    else into.push({ document, value });
  }

  #keepServer(document: number, value: unknown): void {
    const server = readServer(value);
    this.#keep(document, this.servers, server);
    if (server.value === undefined) return;
    const { name, address } = server.value;
    this.routed.push({ name, address, labels: labelsOf(value) });
  }

  /** What an endpoint stands for is kept as if it had been written down. */
  #keepEndpoint(document: number, endpoint: unknown): void {
    const expansions: Placed<Expansion>[] = [];
    this.#keep(document, expansions, readEndpoint(endpoint, this.#host));
    for (const { value } of expansions) {
      this.routers.push(...value.routers.map((router) => ({ document, value: router })));
      this.checks.push(...value.checks.map((check) => ({ document, value: check })));
      this.servers.push(...value.servers.map((server) => ({ document, value: server })));
    }
  }

  #report(document: number, findings: readonly Finding[]): void {
    this.problems.push(...findings.map((finding) => ({ ...finding, document })));
  }
}

const readRouter = (document: unknown) =>
  read(KINDS.VirtualRouter, document, {
    specOf: ({ spec }) => spec,
    rules: routerFindings,
    resolve: routerOf,
  });

const readServer = (document: unknown) =>
  read(KINDS.VirtualServer, document, {
    specOf: ({ spec }) => spec,
    rules: serverFindings,
    resolve: serverOf,
  });

const readCheck = (document: unknown) =>
  read(KINDS.TrackedCheck, document, { specOf: ({ spec }) => spec, rules: checkFindings, resolve: checkOf });

const readSync = (document: unknown) =>
  read(KINDS.ConnectionSync, document, {
    specOf: ({ spec }) => spec,
    rules: syncFindings,
    resolve: syncOf,
  });

const readEndpoint = (document: unknown, host: Host) =>
  read(KINDS.ControlPlaneEndpoint, document, {
    specOf: ({ spec }) => spec,
    rules: endpointFindings,
    resolve: (name, spec) => expand({ name, spec }, host),
  });

/**
 * Checks documents, each one parsed resource, and gives what they ask for with every default filled in.
 *
 * Never throws, whatever the documents hold. All problems are found at once, except that rules between values
 * of a document wait until each value is right by itself. With `hidden` the caller says that there are more
 * documents which could not even be parsed, so nothing is called missing or unused. `host` is asked for this machine's
 * addresses when a document depends on them; by default it is a machine that is not known.
 */
export const parseResources = (
  documents: readonly unknown[],
  { hidden = false, host = ELSEWHERE }: { readonly hidden?: boolean; readonly host?: Host } = {},
): Parsed => {
  const found = new Collection(host);
  found.hidden = hidden;
  for (const [index, document] of documents.entries()) found.add(document, index);
  const { routers, servers, checks, syncs } = found;
  const incomplete = found.unread || found.hidden;
  const routing = readEdgeRouting(found.routing, { servers: found.routed, isIncomplete: incomplete });
  const isCheck = (document: unknown) => isSection(document) && document.kind === "TrackedCheck";
  const problems = [
    ...found.problems,
    ...duplicateNames(documents),
    ...claimedNames(documents, routers, "VirtualRouter"),
    ...claimedNames(documents, servers, "VirtualServer"),
    ...claimedNames(documents, checks, "TrackedCheck"),
    ...routing.problems,
    ...crossProblems({
      routers,
      servers,
      checks,
      syncs,
      checkNames: [
        ...documents.filter(isCheck).flatMap((document) => nameOf(document) ?? []),
        ...checks.map(({ value }) => value.name),
      ],
      routed: new Set(routing.routes.flatMap((route) => route.servers)),
      incomplete,
      hidden: found.hidden,
    }),
  ].sort((left, right) => left.document - right.document);
  if (hasErrors(problems)) return { ok: false, problems };
  return {
    ok: true,
    desired: {
      routers: routers.map(({ value }) => value),
      checks: checks.map(({ value }) => value),
      servers: servers.map(({ value }) => value),
      syncs: syncs.map(({ value }) => value),
      peers: routing.peers,
      routes: routing.routes,
    },
    warnings: problems,
  };
};
