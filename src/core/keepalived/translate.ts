/** From the text of keepalived's configuration to our resources, and notes on every line that did not simply become one. */
import { API_VERSION, type Kind } from "#core/config/kinds";
import { parseResources } from "#core/config/parse";
import { formatPath, type Problem } from "#core/config/problem";
import type { CheckInput } from "#core/config/schema-check";
import type { RouterInput } from "#core/config/schema-router";
import type { ServerInput } from "#core/config/schema-server";
import { defaultGlobals, type Globals, readGlobals } from "./globals.ts";
import { type Group, readGroup } from "./group.ts";
import { type Instance, readInstance } from "./instance.ts";
import { type LineOptions, readLines, type SourceText, type Unreadable } from "./lines.ts";
import { Names } from "./names.ts";
import { INNER, LABEL, ROUTES, STATIC_ADDRESSES } from "./reasons.ts";
import { type Note, Report } from "./report.ts";
import { routerFrom } from "./router.ts";
import { readScript, type Script } from "./script.ts";
import { serverFrom } from "./server.ts";
import { readStatements, type Statement } from "./statements.ts";
import { applyTable, carried, each, lost, needless, type Table } from "./table.ts";

/** A resource and the statement that it was made from. */
export type Resource = {
  readonly origin: Statement;
  readonly value: {
    readonly apiVersion: string;
    readonly kind: Kind;
    readonly metadata: { readonly name: string };
    readonly spec: RouterInput | ServerInput | CheckInput;
  };
};

/** What the files became, or why they could not be read. */
export type Translated =
  | { readonly ok: true; readonly resources: readonly Resource[]; readonly notes: readonly Note[] }
  | { readonly ok: false; readonly why: Unreadable };

/** Blocks and lines of the top level, sorted by what they are. */
type Contents = {
  readonly globals: Globals;
  readonly instances: Instance[];
  readonly groups: Group[];
  readonly scripts: Script[];
  readonly servers: Statement[];
};

const TABLE: Table<Contents> = new Map([
  ["global_defs", carried((contents, statement, report) => readGlobals(contents.globals, statement, report))],
  ["vrrp_instance", carried((contents, ...rest) => void contents.instances.push(readInstance(...rest)))],
  ["vrrp_sync_group", carried((contents, ...rest) => void contents.groups.push(readGroup(...rest)))],
  ["vrrp_script", carried((contents, ...rest) => void contents.scripts.push(readScript(...rest)))],
  ["virtual_server", carried((contents, statement) => void contents.servers.push(statement))],
  ...each("static_ipaddress", STATIC_ADDRESSES),
  ...each("static_routes static_rules", ROUTES),
  ...each("track_group", lost("it is for static addresses, which steelyard does not set")),
  ...each("virtual_server_group", lost("write one virtual_server for each address and port")),
  ...each(
    "track_file vrrp_track_file vrrp_track_process bfd_instance",
    lost("steelyard watches no files, processes or BFD sessions; a TrackedCheck with a script can"),
  ),
  ...each("linkbeat_interfaces linkbeat_use_polling", needless("the kernel tells of links through netlink")),
  ...each(
    "interface_up_down_delays",
    lost("a link that goes down counts at once; preemptDelay calms what follows"),
  ),
  ...each("garp_group", lost("gratuitous.interval of each router says how fast addresses are announced")),
  ...each("SSL", lost("checks over TLS show no certificate and verify none, as imported")),
  ...each(
    "net_namespace net_namespace_ipvs",
    lost("start steelyard in the namespace: ip netns exec NAME, or systemd's NetworkNamespacePath="),
  ),
  ...each("instance", LABEL),
  ...each("use_pid_dir namespace_with_ipsets child_wait_time", INNER),
]);

const resource = (
  kind: Kind,
  origin: Statement,
  name: string,
  spec: Resource["value"]["spec"],
): Resource => ({
  origin,
  value: { apiVersion: API_VERSION, kind, metadata: { name }, spec },
});

/** A script whose check `steelyard check` would refuse cannot be tracked. */
const isAcceptable = (check: Resource): boolean => parseResources([check.value]).ok;

/** The first of several blocks with the same name, as keepalived has it. */
const firstByName = <Named extends { readonly name: string; readonly statement: Statement }>(
  all: readonly Named[],
  report: Report,
): ReadonlyMap<string, Named> => {
  const byName = new Map<string, Named>();
  for (const one of all) {
    if (byName.has(one.name)) report.lost(one.statement, `there is another one named ${one.name}`);
    else byName.set(one.name, one);
  }
  return byName;
};

/** The checks that can be tracked, by the names of their scripts. */
const checksFrom = (
  scriptByName: ReadonlyMap<string, Script>,
  report: Report,
): ReadonlyMap<string, Resource> => {
  const names = new Names();
  const checkByScript = new Map<string, Resource>();
  for (const { name, statement, check } of scriptByName.values()) {
    if (check === undefined) {
      report.lost(statement, "has no script");
      continue;
    }
    const made = resource("TrackedCheck", statement, names.take(name, "check"), check);
    if (isAcceptable(made)) checkByScript.set(name, made);
    else report.lost(statement, "its script has too many or too long arguments");
  }
  return checkByScript;
};

/** An interface's name like `wanted` that is not taken yet; it is now. */
const takeInterface = (taken: Set<string>, wanted: string): string => {
  let name = wanted;
  for (let count = 2; taken.has(name); count += 1) {
    const suffix = `.${count}`;
    name = `${wanted.slice(0, 15 - suffix.length)}${suffix}`;
  }
  taken.add(name);
  return name;
};

const routersFrom = (contents: Contents, report: Report): readonly Resource[] => {
  const { globals } = contents;
  const scriptByName = firstByName(contents.scripts, report);
  const checkByScript = checksFrom(scriptByName, report);
  const instanceByName = firstByName(contents.instances, report);
  const groupNames = new Names();
  const groups = [...firstByName(contents.groups, report).values()].map((group) => ({
    ...group,
    resourceName: groupNames.take(group.name, "group"),
  }));
  for (const { members, statement } of groups) {
    for (const member of members.filter((name) => !instanceByName.has(name)))
      report.lost(statement, `there is no vrrp_instance ${member}`);
  }
  const names = new Names();
  const macInterfaces = new Set<string>();
  const claimed = new Set<string>();
  const trackedScripts = new Set<string>();
  const routers = [...instanceByName.values()].flatMap((instance) => {
    const group = groups.find(({ members }) => members.includes(instance.name));
    const ofGroup = (group?.tracked ?? []).map((tracked) => ({ ...tracked, byGroup: true }) as const);
    const router = routerFrom(
      { ...instance, tracked: [...instance.tracked, ...ofGroup] },
      {
        globals,
        syncGroup: group?.resourceName,
        claim: (address) => !claimed.has(address) && claimed.add(address).has(address),
        ownInterface: (wanted) => takeInterface(macInterfaces, wanted),
        tracking: { scriptByName, checkName: (script) => checkByScript.get(script)?.value.metadata.name },
        report,
      },
    );
    for (const script of router?.scripts ?? []) trackedScripts.add(script);
    if (router === undefined) return [];
    return [resource("VirtualRouter", instance.statement, names.take(instance.name, "router"), router.spec)];
  });
  const checks = [...checkByScript].flatMap(([script, check]) => {
    if (trackedScripts.has(script)) return [check];
    report.needless(check.origin, "no instance tracks it, so keepalived does not run it either");
    return [];
  });
  return [...checks, ...routers];
};

const serversFrom = (contents: Contents, report: Report): readonly Resource[] => {
  const names = new Names();
  return contents.servers.flatMap((statement) => {
    const spec = serverFrom(statement, report);
    if (spec === undefined) return [];
    const name = `${spec.address}-${spec.protocol ?? "tcp"}-${spec.port}`;
    return [resource("VirtualServer", statement, names.take(name, "server"), spec)];
  });
};

/** Leaves out what `steelyard check` would refuse, with its reason, until nothing is refused. */
const acceptable = (resources: readonly Resource[], report: Report): readonly Resource[] => {
  const parsed = parseResources(resources.map(({ value }) => value));
  if (parsed.ok || resources.length === 0) return resources;
  const problems = new Map<number, Problem>();
  for (const problem of parsed.problems) {
    if (problem.severity === "error" && !problems.has(problem.document))
      problems.set(problem.document, problem);
  }
  for (const { document, path, message } of problems.values()) {
    const origin = resources[document]?.origin;
    if (origin !== undefined) report.lost(origin, `is left out: ${formatPath(path)}: ${message}`);
  }
  return acceptable(
    resources.filter((_, index) => !problems.has(index)),
    report,
  );
};

const KEYWORD_LENGTH = 40;

/** In the order of the files and of their lines; what was said twice is said once. */
const inReadingOrder = (notes: readonly Note[]): readonly Note[] => {
  const files = [...new Set(notes.map(({ place }) => place.file))];
  const orderByFile = new Map(files.map((file, index) => [file, index]));
  const seen = new Set<string>();
  return notes
    .filter(({ place, subject, text }) => {
      const key = JSON.stringify([place.file, place.line, subject, text]);
      return seen.has(key) ? false : seen.add(key);
    })
    .map((note) => ({ ...note, subject: note.subject.slice(0, KEYWORD_LENGTH) }))
    .toSorted(
      (left, right) =>
        (orderByFile.get(left.place.file) ?? 0) - (orderByFile.get(right.place.file) ?? 0) ||
        left.place.line - right.place.line,
    );
};

/**
 * Translates keepalived's configuration. The resources are such that `steelyard check` accepts them together. Never
 * throws, whatever the files hold.
 */
export const translate = (sources: readonly SourceText[], options: LineOptions): Translated => {
  const report = new Report();
  const lines = readLines(sources, options, report);
  if (!lines.ok) return lines;
  const read = readStatements(lines.lines);
  if (!read.ok) return read;
  for (const place of read.strays)
    report.needless({ place, keyword: "}" }, "closes no block, and is ignored");
  const contents: Contents = {
    globals: defaultGlobals(),
    instances: [],
    groups: [],
    scripts: [],
    servers: [],
  };
  applyTable(TABLE, read.statements, { draft: contents, report, where: "keepalived.conf" });
  const resources = acceptable([...routersFrom(contents, report), ...serversFrom(contents, report)], report);
  return { ok: true, resources, notes: inReadingOrder(report.notes) };
};
