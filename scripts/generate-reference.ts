/** Writes the pages and custom resource definitions that are made from the configuration schemas: `node scripts/generate-reference.ts`. */
import { mkdirSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { configurationJsonSchema } from "#core/config/json-schema";
import { configurationReference } from "#core/config/reference";
import { renderCrds } from "#core/metallb/crd";
import { metallbReference } from "#core/metallb/reference";

/** Each generated file, by its path from the top of the repository. */
export const generatedFiles = (): ReadonlyMap<string, string> =>
  new Map([
    ["docs/reference/configuration.md", configurationReference()],
    ["docs/reference/configuration.schema.json", `${JSON.stringify(configurationJsonSchema(), null, 2)}\n`],
    ["docs/reference/metallb.md", metallbReference()],
    ...renderCrds(),
  ]);

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const root = new URL("../", import.meta.url);
  for (const [path, text] of generatedFiles()) {
    mkdirSync(new URL("./", new URL(path, root)), { recursive: true });
    writeFileSync(new URL(path, root), text);
  }
}
