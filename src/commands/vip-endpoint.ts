/** The one endpoint that a command line means, by flags or by files, for commands that do not run it. */
import { endpointIn } from "#core/config/endpoint";
import type { EndpointSpec } from "#core/config/schema-endpoint";
import { endpointDocument, flagOf, type VipFlags } from "#core/vip/flags";
import { openFiles } from "#drivers/files/linux";
import { formatProblem, type GivenDocument, loadConfiguration } from "#drivers/files/load";
import { parseYaml } from "#drivers/files/yaml";

export type EndpointFlags = VipFlags & { readonly config?: readonly string[] };

export type Endpoint = {
  /** As it is written down. */
  readonly document: object;
  /** With every default. */
  readonly spec: EndpointSpec;
};

export type FoundEndpoint =
  | { readonly ok: true; readonly endpoint: Endpoint; readonly warnings: readonly string[] }
  /** Everything that is wrong, a line each. */
  | { readonly ok: false; readonly problems: readonly string[] };

const ofFlags = (flags: EndpointFlags): GivenDocument => ({
  source: "command line:",
  value: endpointDocument(flags),
  nameOf: flagOf,
});

const isObject = (value: unknown): value is object => typeof value === "object" && value !== null;

/** Finds it, and checks it as `steelyard vip` does. */
export const findEndpoint = (flags: EndpointFlags): FoundEndpoint => {
  const { config = [] } = flags;
  const files = openFiles();
  const given = config.length === 0 ? [ofFlags(flags)] : [];
  const loaded = loadConfiguration(files, config, { given });
  if (!loaded.ok) return { ok: false, problems: loaded.problems.map(formatProblem) };
  const written = files.read(config).files.flatMap((file) => parseYaml(file).documents);
  const found = [...given, ...written].flatMap(({ value }): readonly Endpoint[] => {
    const spec = endpointIn(value);
    return spec === undefined || !isObject(value) ? [] : [{ document: value, spec }];
  });
  const [endpoint] = found;
  if (endpoint === undefined || found.length > 1)
    return {
      ok: false,
      problems: [
        `${config.join(", ")}: holds ${found.length} resources of kind ControlPlaneEndpoint, and one is needed`,
      ],
    };
  return { ok: true, endpoint, warnings: loaded.warnings.map(formatProblem) };
};
