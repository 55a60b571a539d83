/** Where objects and lists are found on an API server. */
import { assert } from "#base/assert";
import type { Resource, Target } from "./port.ts";

/** Parameters by name; `undefined` leaves one out. */
export type Query = Readonly<Record<string, string | undefined>>;

const rootOf = ({ group, version }: Resource): readonly string[] =>
  group === "" ? ["api", version] : ["apis", group, version];

/** The path of a target, each part escaped, with its query. */
export const pathOf = ({ resource, namespace, name, subresource }: Target, query: Query = {}): string => {
  assert(!resource.namespaced || name === undefined || namespace !== undefined, "no namespace", {
    resource,
    name,
  });
  const parts = [
    ...rootOf(resource),
    ...(resource.namespaced && namespace !== undefined ? ["namespaces", namespace] : []),
    resource.plural,
    ...(name === undefined ? [] : [name]),
    ...(subresource === undefined ? [] : [subresource]),
  ];
  const path = parts.map((part) => `/${encodeURIComponent(part)}`).join("");
  const parameters = new URLSearchParams();
  for (const [key, value] of Object.entries(query)) if (value !== undefined) parameters.append(key, value);
  return parameters.size === 0 ? path : `${path}?${parameters}`;
};
