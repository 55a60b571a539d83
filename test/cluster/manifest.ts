/** Applies manifests as an operator's tools do: every document, by server-side apply, where the server says it belongs. */

import { setTimeout as pause } from "node:timers/promises";
import { parseAllDocuments } from "yaml";
import { type Api, type KubeObject, patchContentType } from "./api.ts";

const FIELD_MANAGER = "steelyard-cluster-test";
/** A kind whose definition was accepted just now is served a moment later. */
const SERVED_WITHIN_MS = 5_000;

type Kind = { readonly name: string; readonly kind: string; readonly namespaced: boolean };

const isObject = (value: unknown): value is KubeObject =>
  typeof value === "object" &&
  value !== null &&
  "apiVersion" in value &&
  "kind" in value &&
  "metadata" in value;

/** The objects of a text of YAML documents; empty documents are passed over. */
export const readManifest = (text: string): readonly KubeObject[] =>
  parseAllDocuments(text).flatMap((document) => {
    const [problem] = document.errors;
    if (problem !== undefined) throw problem;
    const value: unknown = document.toJS();
    if (value === null) return [];
    if (!isObject(value)) throw new Error(`not an object of Kubernetes: ${JSON.stringify(value)}`);
    return [value];
  });

const groupPath = (apiVersion: string): string =>
  apiVersion.includes("/") ? `/apis/${apiVersion}` : `/api/${apiVersion}`;

const findKind = async (api: Api, { apiVersion, kind }: KubeObject): Promise<Kind> => {
  const limit = performance.now() + SERVED_WITHIN_MS;
  for (;;) {
    const { status, body } = await api.request("GET", groupPath(apiVersion));
    const { resources = [] } = status === 200 ? (body as { resources?: readonly Kind[] }) : {};
    const found = resources.find((resource) => resource.kind === kind && !resource.name.includes("/"));
    if (found !== undefined) return found;
    if (performance.now() > limit) throw new Error(`the API server knows no ${kind} of ${apiVersion}`);
    await pause(50);
  }
};

/** The path of an object; without a namespace of its own, a namespaced one lies in `default`. */
const pathOf = async (api: Api, object: KubeObject): Promise<string> => {
  const { name, namespaced } = await findKind(api, object);
  const place = namespaced ? `/namespaces/${object.metadata.namespace ?? "default"}` : "";
  return `${groupPath(object.apiVersion)}${place}/${name}/${object.metadata.name}`;
};

/** Creates or changes every object of a manifest; fails at the first that is refused. */
export const applyManifest = async (api: Api, text: string): Promise<readonly KubeObject[]> => {
  const applied: KubeObject[] = [];
  for (const object of readManifest(text)) {
    const path = await pathOf(api, object);
    const { status, body } = await api.request(
      "PATCH",
      `${path}?fieldManager=${FIELD_MANAGER}&force=true&fieldValidation=Strict`,
      { body: object, contentType: patchContentType("apply-patch") },
    );
    if (status !== 200 && status !== 201)
      throw new Error(`${object.kind} ${object.metadata.name}: ${status} ${JSON.stringify(body)}`);
    applied.push(body as KubeObject);
  }
  return applied;
};
