/** Who asked the API server for what, as its own audit log has it. */
import { readFileSync } from "node:fs";

/** One request that was answered, or one watch that began. */
export type AuditEntry = {
  readonly user: string;
  readonly agent: string;
  readonly verb: string;
  readonly group: string;
  /** As in paths, with a subresource after a slash: `services/status`. `""` for paths that name none. */
  readonly resource: string;
  readonly namespace: string;
  readonly name: string;
  readonly path: string;
  readonly code: number;
  /** Milliseconds since 1970 when it was received. */
  readonly at: number;
  /** What was sent, of a write to a Service's status. */
  readonly body: unknown;
};

/** Everything but what the API server asks of itself; what is sent to the status of Services with every word. */
export const AUDIT_POLICY = `apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules:
  - level: None
    users: ["system:apiserver"]
  - level: Request
    verbs: [update, patch]
    resources: [{ group: "", resources: [services/status] }]
  - level: Metadata
`;

type Event = {
  readonly stage: string;
  readonly verb: string;
  readonly requestURI: string;
  readonly userAgent?: string;
  readonly user?: { readonly username?: string };
  readonly objectRef?: {
    readonly apiGroup?: string;
    readonly resource?: string;
    readonly subresource?: string;
    readonly namespace?: string;
    readonly name?: string;
  };
  readonly responseStatus?: { readonly code?: number };
  readonly requestReceivedTimestamp: string;
  readonly requestObject?: unknown;
};

const toEntry = (event: Event): AuditEntry => {
  const { apiGroup = "", resource = "", subresource, namespace = "", name = "" } = event.objectRef ?? {};
  return {
    user: event.user?.username ?? "",
    agent: event.userAgent ?? "",
    verb: event.verb,
    group: apiGroup,
    resource: subresource === undefined ? resource : `${resource}/${subresource}`,
    namespace,
    name,
    path: event.requestURI,
    code: event.responseStatus?.code ?? 0,
    at: Date.parse(event.requestReceivedTimestamp),
    body: event.requestObject,
  };
};

/** A watch is told twice, when it begins and when it ends; only its beginning counts. */
const counts = ({ stage, verb }: Event): boolean =>
  verb === "watch" ? stage === "ResponseStarted" : stage === "ResponseComplete" || stage === "Panic";

/** Everything that an audit log holds, oldest first; a line that is being written now is left out. */
export const readAudit = (file: string): readonly AuditEntry[] => {
  const text = readFileSync(file, "utf8");
  const complete = text.slice(0, text.lastIndexOf("\n") + 1);
  return complete
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as Event)
    .filter(counts)
    .map(toEntry);
};

const WRITES: ReadonlySet<string> = new Set(["create", "update", "patch", "delete", "deletecollection"]);

/** Whether a request would have changed something. */
export const isWrite = ({ verb }: AuditEntry): boolean => WRITES.has(verb);

/** Requests counted by verb and resource, as in `patch services/status`, most often first. */
export const tally = (entries: readonly AuditEntry[]): ReadonlyMap<string, number> => {
  const counted = new Map<string, number>();
  for (const { verb, resource, path } of entries) {
    const key = `${verb} ${resource === "" ? path : resource}`;
    counted.set(key, (counted.get(key) ?? 0) + 1);
  }
  return new Map([...counted].sort(([, left], [, right]) => right - left));
};
