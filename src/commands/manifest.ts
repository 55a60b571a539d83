/** `steelyard manifest`: prints what starts `steelyard vip` on a host. */

import { endpointWords } from "#core/vip/flags";
import type { ArtefactName, Variant } from "#core/vip-artefacts/names";
import { render } from "#core/vip-artefacts/render";
import { type EndpointFlags, type FoundEndpoint, findEndpoint } from "./vip-endpoint.ts";

export type ManifestOptions = {
  readonly artefact: ArtefactName;
  readonly image: string;
  readonly program: string;
  readonly variant: Variant;
  readonly endpoint: EndpointFlags;
};

const DONE = 0;
const REFUSED = 2;

/** Registry, path, tag and digest: what goes into YAML, units and command lines as it is. */
const IMAGE = /^[A-Za-z0-9][A-Za-z0-9._:@/-]{0,511}$/;

const refusal = ({ image, program }: ManifestOptions): string | undefined => {
  if (!IMAGE.test(image))
    return `--image ${image} is no name of an image, such as registry.example/steelyard:0.1.0`;
  return /^\/[^\0\n]+$/.test(program) ? undefined : `--program ${program} is no absolute path`;
};

/** The unit reads a file: without flags there is nothing to check. */
const isUnsaid = ({ config, address }: EndpointFlags): boolean =>
  config === undefined && address === undefined;

const NOTHING: FoundEndpoint = { ok: false, problems: [] };

/** Prints it; gives the exit status. */
export const manifest = (
  options: ManifestOptions,
  print: (text: string) => void = (text) => void process.stdout.write(text),
): number => {
  const complain = (lines: readonly string[]): void => {
    for (const line of lines) process.stderr.write(`steelyard manifest: ${line}\n`);
  };
  const { artefact, endpoint: flags, image, program, variant } = options;
  const problem = refusal(options);
  const found = isUnsaid(flags) ? NOTHING : findEndpoint(flags);
  if (problem !== undefined) {
    complain([problem]);
    return REFUSED;
  }
  complain(found.ok ? found.warnings : found.problems);
  if (!found.ok && !isUnsaid(flags)) return REFUSED;
  const { document, spec } = found.ok ? found.endpoint : { document: {}, spec: undefined };
  const rendered = render(artefact, {
    ...{ document, words: endpointWords(document), caFile: spec?.apiServer.caFile },
    ...{ balance: spec?.balance === true, image, program, variant },
  });
  if (rendered.ok) print(rendered.text);
  else complain([rendered.problem]);
  return rendered.ok ? DONE : REFUSED;
};
