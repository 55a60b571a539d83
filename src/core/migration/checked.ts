/** Leaves out what the controller would refuse, since one broken resource keeps all of a configuration from being used. */
import { formatPath } from "#core/config/problem";
import { examine } from "#core/metallb/read";
import type { Report } from "./report.ts";
import type { Resource } from "./resource.ts";

const keyOf = ({ value: { kind, metadata } }: Resource): string =>
  `${kind} ${metadata.namespace}/${metadata.name}`;

/** The resources that are valid together; why others are not is noted. */
export const checked = (resources: readonly Resource[], report: Report): readonly Resource[] => {
  let valid = resources;
  // Each round that finds something leaves at least one out, and what names that one may fall in the next.
  while (valid.length > 0) {
    const objects = valid.map(({ value }) => value);
    const { problems } = examine({ objects, namespaces: new Map() });
    const wrong = problems.filter(({ severity }) => severity === "error");
    if (wrong.length === 0) return valid;
    const byKey = new Map(valid.map((resource) => [keyOf(resource), resource]));
    const refused = new Set<Resource>();
    for (const { kind, object, path, message } of wrong) {
      const resource = byKey.get(`${kind} ${object}`);
      if (resource === undefined || refused.has(resource)) continue;
      refused.add(resource);
      const where = path.length === 0 ? "" : `${formatPath(path)}: `;
      report.lost(resource.origin, `${kind} ${resource.value.metadata.name} is left out: ${where}${message}`);
    }
    // A problem of no resource that we know cannot be mended by leaving one out.
    if (refused.size === 0) {
      for (const { origin } of valid)
        report.lost(origin, "is left out: what was made of the files is not valid");
      return [];
    }
    valid = valid.filter((resource) => !refused.has(resource));
  }
  return valid;
};
