/** What is kept of the objects that a speaker reads: much less than they hold. `undefined` stands for one that is none of our business. */
import { fieldsOf, listOf, metaOf } from "#core/kubernetes/read";
import { readHolderRecord } from "#core/layer2/record";
import { readStatus, type SeenStatus } from "#core/layer2-status/object";
import type { Node } from "#core/node/node";
import { readNode } from "#core/node/read";
import { readService } from "#core/service/read";
import type { Service } from "#core/service/service";
import { readReport, type SpeakerReport } from "#core/speaker-report/report";
import { readVerdict, type SaidVerdict } from "#core/speaker-report/verdict";
import { leanService } from "./lean-service.ts";

/** One that has become another type is kept until what we have said on it is gone. */
export const projectService = (object: unknown): Service | undefined => {
  const service = readService(object);
  if (service === undefined) return undefined;
  const lean = leanService(service);
  return lean.type === "LoadBalancer" || lean.conditions.length > 0 ? lean : undefined;
};

/** A node, and by what its object is told from one that is made anew under the same name. */
type SeenNode = { readonly node: Node; readonly uid: string };

export const projectNode = (object: unknown): SeenNode | undefined => {
  const node = readNode(object);
  return node === undefined ? undefined : { node, uid: metaOf(object, () => false)?.uid ?? "" };
};

/** What a speaker has reported, and whose the object is. */
export type SeenReport = {
  readonly report: SpeakerReport;
  readonly owners: readonly unknown[];
  readonly verdict: SaidVerdict;
};

const MOST_OWNERS = 16;

export const projectReport = (object: unknown): SeenReport | undefined => {
  const report = readReport(object);
  if (report === undefined) return undefined;
  const { ownerReferences } = fieldsOf(fieldsOf(object).metadata);
  const owners = listOf(ownerReferences).slice(0, MOST_OWNERS);
  return { report, owners, verdict: readVerdict(object) };
};

/** A status as an object of its own, and as the record of a holder. */
export type SeenHolder = { readonly seen: SeenStatus; readonly record: ReturnType<typeof readHolderRecord> };

export const projectStatus =
  (holders: "followed" | "ignored") =>
  (object: unknown): SeenHolder | undefined => {
    const seen = readStatus(object);
    const record = holders === "ignored" ? undefined : readHolderRecord(object);
    return seen === undefined ? undefined : { seen, record };
  };
