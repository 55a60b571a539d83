/** One line of a watch. */
import { failureOfStatus, notUnderstood } from "./failure.ts";
import { type Fields, fieldsOf, isFields, parseJson } from "./json.ts";
import { versionOf } from "./mirror.ts";
import type { Failure } from "./port.ts";

export type WatchEvent =
  /** An object is there, in this version. */
  | { readonly type: "put"; readonly object: Fields; readonly version: string }
  | { readonly type: "remove"; readonly object: Fields; readonly version: string }
  /** Nothing has changed up to `version`; `endsList` when everything has been sent that was there at first. */
  | { readonly type: "bookmark"; readonly version: string; readonly endsList: boolean }
  | { readonly type: "failure"; readonly failure: Failure };

/** The annotation of the bookmark after which what comes is changes. */
const LIST_END = "k8s.io/initial-events-end";

const isListEnd = (object: Fields): boolean =>
  fieldsOf(fieldsOf(object.metadata).annotations)[LIST_END] === "true";

const errorEvent = (object: unknown, secrets: readonly string[]): WatchEvent => {
  const { code } = fieldsOf(object);
  const status = typeof code === "number" && code >= 400 && code < 600 ? code : 500;
  return { type: "failure", failure: failureOfStatus(object, { status, secrets }) };
};

/** Reads a line; whatever cannot be understood is a failure. */
export const parseWatchEvent = (line: string, secrets: readonly string[]): WatchEvent => {
  const { type, object } = fieldsOf(parseJson(line));
  if (type === "ERROR") return errorEvent(object, secrets);
  const version = isFields(object) ? versionOf(object) : "";
  if (!isFields(object) || version === "")
    return { type: "failure", failure: notUnderstood("the watch sent a line that is no event") };
  switch (type) {
    case "ADDED":
    case "MODIFIED":
      return { type: "put", object, version };
    case "DELETED":
      return { type: "remove", object, version };
    case "BOOKMARK":
      return { type: "bookmark", version, endsList: isListEnd(object) };
    default:
      return { type: "failure", failure: notUnderstood("the watch sent an event of an unknown type") };
  }
};
