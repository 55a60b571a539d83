/** Writes the pages that are made from the configuration schemas: `node scripts/generate-reference.ts`. */
import { mkdirSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { configurationJsonSchema } from "#core/config/json-schema";
import { configurationReference } from "#core/config/reference";

/** Each generated file, by its path from the top of the repository. */
export const generatedFiles = (): ReadonlyMap<string, string> =>
  new Map([
    ["docs/reference/configuration.md", configurationReference()],
    ["docs/reference/configuration.schema.json", `${JSON.stringify(configurationJsonSchema(), null, 2)}\n`],
  ]);

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const root = new URL("../", import.meta.url);
  mkdirSync(new URL("docs/reference/", root), { recursive: true });
  for (const [path, text] of generatedFiles()) writeFileSync(new URL(path, root), text);
}
