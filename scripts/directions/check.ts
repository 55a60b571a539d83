/**
 * Checks every source file of a tree against the layers: who may import whom, and how it must be spelt.
 *
 * An import that leads nowhere is a finding as well. Otherwise a check that resolves nothing would pass in silence.
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, posix } from "node:path";
import { LAYERS, type Layer, SUBJECT_PACKAGES, TEST_LAYERS, TEST_PACKAGES } from "./layers.ts";
import { type Import, importsOf, type Scanned, scan } from "./scan.ts";

/** One thing that is wrong, as `FILE:LINE: WHAT`. */
export type Finding = { readonly file: string; readonly line: number; readonly what: string };

/** What was looked at, so that "no findings" can be told from "nothing seen". */
export type Report = {
  readonly files: number;
  readonly imports: number;
  readonly findings: readonly Finding[];
};

/** A file's place: its layer, and the folder inside which imports are relative. */
type Place = { readonly layer: Layer; readonly unit: string };

const LONGEST_FILE = 500;
const SUPPRESSIONS = /biome-ignore|@ts-(?:ignore|expect-error|nocheck)/;
const UNFINISHED = /\b(?:TODO|FIXME|XXX)\b/;

const placeOf = (file: string): Place | undefined => {
  const layer = LAYERS.find(({ folder }) => file.startsWith(`${folder}/`));
  if (layer === undefined) return undefined;
  const rest = file.slice(layer.folder.length + 1).split("/");
  if (layer.name === "main" && rest.length > 1) return undefined;
  const hasSubject = layer.subjects !== "none" && rest.length > 1;
  return { layer, unit: hasSubject ? `${layer.folder}/${rest[0]}` : layer.folder };
};

/** Whether a file is only ever run by the test runner. */
const isTest = (file: string): boolean => /(?:\.test|\/contract|\/test-[a-z-]+)\.ts$/.test(file);

const matches = (patterns: readonly string[], name: string): boolean =>
  patterns.some((pattern) =>
    pattern.endsWith("*") ? name.startsWith(pattern.slice(0, -1)) : name === pattern,
  );

/** `yaml/util` belongs to the package `yaml`, `@x/y/z` to `@x/y`. */
const packageOf = (specifier: string): string =>
  specifier.startsWith("node:")
    ? specifier
    : specifier.split("/", specifier.startsWith("@") ? 2 : 1).join("/");

const packageProblem = (file: string, place: Place, specifier: string): string | undefined => {
  const allowed = [
    ...place.layer.packages,
    ...(SUBJECT_PACKAGES.get(place.unit) ?? []),
    ...(isTest(file) ? TEST_PACKAGES : []),
  ];
  const name = packageOf(specifier);
  return matches(allowed, name) ? undefined : `${place.layer.name} must not import the package ${name}`;
};

const layerProblem = (
  file: string,
  kind: Import["kind"],
  { from, to }: { from: Place; to: Place },
): string | undefined => {
  if (from.layer === to.layer) {
    if (from.layer.subjects !== "apart" || from.unit === to.unit) return undefined;
    return `${from.unit} must not import ${to.unit}: ${from.layer.name} stay apart`;
  }
  const allowed = [...from.layer.layers, ...(isTest(file) ? TEST_LAYERS : [])];
  if (allowed.includes(to.layer.name)) return undefined;
  if (!allowed.includes(`${to.layer.name}?`)) return `${from.layer.name} must not import ${to.layer.name}`;
  // What a layer asks for by type, its tests make: a driver's fake.
  return kind === "type" || isTest(file)
    ? undefined
    : `${from.layer.name} may import ${to.layer.name} for types only`;
};

/** The file an alias stands for, by the `imports` map of package.json; `undefined` if no entry fits. */
const resolveAlias = (aliases: ReadonlyMap<string, string>, specifier: string): string | undefined => {
  for (const [pattern, target] of aliases) {
    const prefix = pattern.slice(0, -1);
    if (!pattern.endsWith("*") || !specifier.startsWith(prefix)) continue;
    return posix.normalize(target.replace("*", specifier.slice(prefix.length)));
  }
  return undefined;
};

type Tree = { readonly root: string; readonly aliases: ReadonlyMap<string, string> };

const importProblem = (
  tree: Tree,
  { file, place, found }: { readonly file: string; readonly place: Place; readonly found: Import },
): string | undefined => {
  const { specifier, kind } = found;
  if (kind === "computed") return "import() of something that is no literal cannot be checked";
  const isRelative = specifier.startsWith(".");
  if (!isRelative && !specifier.startsWith("#")) return packageProblem(file, place, specifier);
  const target = isRelative ? posix.join(dirname(file), specifier) : resolveAlias(tree.aliases, specifier);
  if (target === undefined) return `no alias in package.json fits ${specifier}`;
  if (!existsSync(join(tree.root, target))) return `${specifier} leads to ${target}, which does not exist`;
  const to = placeOf(target);
  if (to === undefined) return `${specifier} leads to ${target}, which belongs to no layer`;
  const wrongWay = layerProblem(file, kind, { from: place, to });
  if (wrongWay !== undefined) return wrongWay;
  if (isRelative && place.unit !== to.unit) return `${specifier} leaves its folder: use the alias`;
  if (!isRelative && place.unit === to.unit) return `${specifier} stays in its folder: import it relatively`;
  return undefined;
};

/** What the compiler cannot see in the pure layers: the clock and the dice that the language itself brings. */
const impurities = ({ tokens }: Scanned): readonly { readonly line: number; readonly what: string }[] =>
  tokens.flatMap((token, index) => {
    if (token.kind !== "word") return [];
    const next = tokens[index + 2]?.value ?? "";
    const isCall = tokens[index + 1]?.value === ".";
    if (token.value === "Date" && isCall && next === "now") return [{ line: token.line, what: "Date.now" }];
    if (token.value === "Math" && isCall && next === "random")
      return [{ line: token.line, what: "Math.random" }];
    const isNow =
      token.value === "Date" && tokens[index + 1]?.value === "(" && tokens[index + 2]?.value === ")";
    return isNow ? [{ line: token.line, what: "new Date()" }] : [];
  });

const checkText = (file: string, source: string, scanned: Scanned): readonly Finding[] => {
  const findings: Finding[] = [];
  const lines = source.split("\n").length - 1;
  if (lines > LONGEST_FILE)
    findings.push({ file, line: lines, what: `${lines} lines, more than ${LONGEST_FILE}` });
  for (const { text, line } of scanned.comments) {
    if (SUPPRESSIONS.test(text)) findings.push({ file, line, what: "suppresses a check" });
    if (UNFINISHED.test(text)) findings.push({ file, line, what: "leaves work behind" });
  }
  return findings;
};

const checkFile = (tree: Tree, file: string): { imports: number; findings: readonly Finding[] } => {
  const place = placeOf(file);
  if (place === undefined) return { imports: 0, findings: [{ file, line: 1, what: "belongs to no layer" }] };
  const source = readFileSync(join(tree.root, file), "utf8");
  const scanned = scan(source);
  const findings = [...checkText(file, source, scanned)];
  if ((place.layer.name === "base" || place.layer.name === "core") && !isTest(file)) {
    for (const { line, what } of impurities(scanned))
      findings.push({ file, line, what: `${what} in a pure layer` });
  }
  const imports = importsOf(scanned);
  for (const found of imports) {
    const what = importProblem(tree, { file, place, found });
    if (what !== undefined) findings.push({ file, line: found.line, what });
  }
  return { imports: imports.length, findings };
};

const readAliases = (root: string): ReadonlyMap<string, string> => {
  const manifest: { imports?: Record<string, string> } = JSON.parse(
    readFileSync(join(root, "package.json"), "utf8"),
  );
  return new Map(Object.entries(manifest.imports ?? {}));
};

const sourceFiles = (root: string): readonly string[] =>
  ["src", "native", "scripts", "test", "bench"]
    .filter((folder) => existsSync(join(root, folder)))
    .flatMap((folder) =>
      readdirSync(join(root, folder), { recursive: true, encoding: "utf8" })
        .filter((name) => name.endsWith(".ts"))
        .map((name) => `${folder}/${name}`),
    )
    .sort();

/** Checks the tree below `root`, which holds a package.json with the aliases. */
export const checkTree = (root: string): Report => {
  const tree: Tree = { root, aliases: readAliases(root) };
  const files = sourceFiles(root);
  let imports = 0;
  const findings: Finding[] = [];
  for (const file of files) {
    try {
      const checked = checkFile(tree, file);
      imports += checked.imports;
      findings.push(...checked.findings);
    } catch (error) {
      findings.push({
        file,
        line: 1,
        what: `cannot be read: ${error instanceof Error ? error.message : error}`,
      });
    }
  }
  return { files: files.length, imports, findings };
};
