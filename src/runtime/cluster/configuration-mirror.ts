/**
 * The resources that pools and advertisements are read from, kept up to date.
 *
 * A kind that the API server does not know counts as empty: who comes from MetalLB has only MetalLB's kinds at first. Those that
 * are needed do not, such as pools, without which every Service would lose its address: an API server that starts may not know
 * them yet.
 */
import { type ObjectKey, objectKey, type TextMap } from "#core/kubernetes/meta";
import { fieldsOf, metaOf, textMapOf } from "#core/kubernetes/read";
import type { ClusterPort, Failure, Resource, Sink, Watch } from "#drivers/kubernetes/port";
import { CONFIGURATION_KINDS, NAMESPACES } from "./resources.ts";

/** A resource as it was read, without what the API server keeps for itself. */
export type RawObject = {
  readonly kind: string;
  readonly key: ObjectKey;
  readonly object: Readonly<Record<string, unknown>>;
};

type NamespaceLabels = { readonly name: string; readonly labels: TextMap };

export type ConfigurationListener = {
  /** Pools, advertisements or labels of namespaces are other ones now, or everything has been read for the first time. */
  changed(): void;
  trouble(resource: string, failure: Failure | undefined): void;
};

export type ConfigurationMirror = {
  /** Labels by name of namespace. */
  namespaces(): ReadonlyMap<string, TextMap>;
  /** Every resource, by kind and name. */
  objects(): readonly RawObject[];
  /** Whether everything has been read once. */
  readonly isSynced: boolean;
  close(): void;
};

const projectNamespace = (object: unknown): NamespaceLabels | undefined => {
  const meta = metaOf(object, () => false);
  return meta === undefined ? undefined : { name: meta.name, labels: meta.labels };
};

const projectRaw =
  (kind: string, { group, version }: Resource) =>
  (object: unknown): RawObject | undefined => {
    const meta = metaOf(object);
    if (meta === undefined) return undefined;
    const { metadata, ...rest } = fieldsOf(object);
    const { managedFields: _, ...kept } = fieldsOf(metadata);
    // Objects in lists do not say what they are.
    return {
      kind,
      key: objectKey(meta),
      object: { ...rest, apiVersion: `${group}/${version}`, kind, metadata: kept },
    };
  };

const isOurs = (annotation: string): boolean => annotation.startsWith("steelyard.dev/");

/** What of a resource says something to us; its status is written by ourselves. */
const said = ({ object: { spec, metadata } }: RawObject): string =>
  JSON.stringify([spec, fieldsOf(metadata).labels, textMapOf(fieldsOf(metadata).annotations, isOurs)]);

const byKey = (left: RawObject, right: RawObject): number =>
  left.key < right.key ? -1 : left.key > right.key ? 1 : 0;

export type ConfigurationMirrorOptions = {
  readonly namespace: string;
  readonly listener: ConfigurationListener;
  /** Kinds without which nothing is complete. */
  readonly needed: ReadonlySet<string>;
  /** All others and the labels of namespaces, or these kinds. */
  readonly besides: "everything" | ReadonlySet<string>;
};

/** Opens the watches. Nothing is told before this has returned. */
export const openConfigurationMirror = (
  cluster: ClusterPort,
  { namespace, listener, needed, besides }: ConfigurationMirrorOptions,
): ConfigurationMirror => {
  const read = [...CONFIGURATION_KINDS].filter(
    ([kind]) => besides === "everything" || needed.has(kind) || besides.has(kind),
  );
  const labelled = besides === "everything" ? [NAMESPACES] : [];
  const waiting = new Set([...labelled, ...read.map(([, resource]) => resource)].map(({ plural }) => plural));
  const changed = (): void => {
    if (waiting.size === 0) listener.changed();
  };
  const arrived = (plural: string): void => {
    if (waiting.delete(plural)) changed();
  };
  const sinkOf = <Item>(plural: string, isOptional: boolean): Sink<Item> => ({
    changed,
    removed: changed,
    synced: () => arrived(plural),
    trouble: (trouble) => {
      listener.trouble(plural, trouble?.failure);
      if (isOptional && trouble?.failure.reason === "not-found") arrived(plural);
    },
  });
  const namespaces = labelled.map((resource) =>
    cluster.watch<NamespaceLabels>(
      {
        ...{ resource, project: projectNamespace, keyOf: ({ name }) => name },
        isSame: (left, right) => JSON.stringify(left.labels) === JSON.stringify(right.labels),
      },
      sinkOf(resource.plural, false),
    ),
  );
  const kinds = read.map(
    ([kind, resource]): Watch<RawObject> =>
      cluster.watch(
        {
          resource,
          namespace,
          project: projectRaw(kind, resource),
          keyOf: ({ key }) => key,
          isSame: (left, right) => said(left) === said(right),
        },
        sinkOf(resource.plural, !needed.has(kind)),
      ),
  );
  return {
    namespaces: () =>
      new Map(
        namespaces.flatMap(({ items }) => [...items.values()].map(({ name, labels }) => [name, labels])),
      ),
    objects: () => kinds.flatMap(({ items }) => [...items.values()].sort(byKey)),
    get isSynced() {
      return waiting.size === 0;
    },
    close() {
      for (const watch of [...namespaces, ...kinds]) watch.close();
    },
  };
};
