/**
 * Makes the API server call us, and trust us: the patches for a ValidatingWebhookConfiguration and for the conversion of
 * a CustomResourceDefinition. Each is compared with what is there, so that nothing is written when nothing changed.
 */
import { fieldsOf } from "#core/kubernetes/read";
import { encodeField, isSameBundle, readCaBundle } from "./pem.ts";

/** The Service through which the API server reaches us. */
export type WebhookService = {
  readonly namespace: string;
  readonly name: string;
  /** Of the Service. */
  readonly port: number;
};

/** Why an object is left as it is although it is not as we would have it. */
export type LeftReason =
  /** Nothing in it names our Service. */
  | "names-another"
  /** cert-manager writes its bundle, as an annotation says: two who write would go on for ever. */
  | "injected"
  /** It is not the kind of object that it should be. */
  | "unreadable";

export type ConfigurationPlan =
  | { readonly type: "unchanged" }
  | {
      readonly type: "left";
      readonly reason: LeftReason /** What it names instead. */;
      readonly names: string;
    }
  /** Refused with `conflict` if the object has changed since it was read. */
  | { readonly type: "patch"; readonly patch: "strategic" | "merge"; readonly body: unknown };

const field = (value: unknown, ...path: readonly string[]): unknown =>
  path.reduce<unknown>((inner, name) => {
    const fields = fieldsOf(inner);
    return Object.hasOwn(fields, name) ? fields[name] : undefined;
  }, value);

const isOurs = (clientConfig: unknown, service: WebhookService): boolean =>
  field(clientConfig, "service", "name") === service.name &&
  field(clientConfig, "service", "namespace") === service.namespace;

/** What a client configuration names, for people. */
const target = (clientConfig: unknown): string => {
  const [namespace, name] = ["namespace", "name"].map((key) => field(clientConfig, "service", key));
  const url = field(clientConfig, "url");
  return (typeof url === "string" ? url : `${namespace}/${name}`).slice(0, 200);
};

/** Injectors of cert-manager's and of OpenShift's are asked by annotations of these names. */
const INJECTIONS = [
  "cert-manager.io/inject-ca-from",
  "cert-manager.io/inject-ca-from-secret",
  "cert-manager.io/inject-apiserver-ca",
  "service.beta.openshift.io/inject-cabundle",
];

const isInjected = (object: unknown): boolean => {
  const annotations = fieldsOf(field(object, "metadata", "annotations"));
  return INJECTIONS.some((name) => Object.hasOwn(annotations, name));
};

const metadataOf = (object: unknown): unknown => ({
  resourceVersion: field(object, "metadata", "resourceVersion"),
});

const webhooksOf = (object: unknown): readonly unknown[] | undefined => {
  const webhooks = field(object, "webhooks");
  return Array.isArray(webhooks) ? webhooks : undefined;
};

/** The bundles, as PEM, of the webhooks that name our Service; `""` for one without. */
export const webhookBundles = (object: unknown, service: WebhookService): readonly string[] =>
  (webhooksOf(object) ?? [])
    .map((webhook) => field(webhook, "clientConfig"))
    .filter((clientConfig) => isOurs(clientConfig, service))
    .map((clientConfig) => readCaBundle(field(clientConfig, "caBundle")));

/** The patch that gives every webhook of ours in a configuration this bundle. */
export const planWebhooks = ({
  object,
  service,
  bundle,
}: {
  /** A ValidatingWebhookConfiguration, parsed from JSON. */
  readonly object: unknown;
  readonly service: WebhookService;
  /** As the planner of the certificate gave it. */
  readonly bundle: readonly string[];
}): ConfigurationPlan => {
  const webhooks = webhooksOf(object);
  if (webhooks === undefined) return { type: "left", reason: "unreadable", names: "" };
  const ours = webhooks.filter((webhook) => isOurs(field(webhook, "clientConfig"), service));
  if (ours.length === 0) {
    const names = webhooks.map((webhook) => target(field(webhook, "clientConfig")));
    return { type: "left", reason: "names-another", names: [...new Set(names)].slice(0, 10).join(", ") };
  }
  if (isInjected(object)) return { type: "left", reason: "injected", names: "cert-manager" };
  const pem = bundle.join("");
  const stale = ours.filter(
    (webhook) => !isSameBundle(readCaBundle(field(webhook, "clientConfig", "caBundle")), pem),
  );
  if (stale.length === 0) return { type: "unchanged" };
  const caBundle = encodeField(pem);
  // Webhooks are merged by their names; the version keeps one that was removed meanwhile from coming back in part.
  const patches = stale.map((webhook) => ({ name: field(webhook, "name"), clientConfig: { caBundle } }));
  return {
    type: "patch",
    patch: "strategic",
    body: { metadata: metadataOf(object), webhooks: patches },
  };
};

/** The bundle, as PEM, with which the API server verifies our conversion; `undefined` if it does not ask us. */
export const conversionBundle = (object: unknown, service: WebhookService): string | undefined => {
  const conversion = field(object, "spec", "conversion");
  const clientConfig = field(conversion, "webhook", "clientConfig");
  return field(conversion, "strategy") === "Webhook" && isOurs(clientConfig, service)
    ? readCaBundle(field(clientConfig, "caBundle"))
    : undefined;
};

const REVIEW_VERSIONS = ["v1"];

const isConversionRight = (
  conversion: unknown,
  { service, path, pem }: { readonly service: WebhookService; readonly path: string; readonly pem: string },
): boolean => {
  const clientConfig = field(conversion, "webhook", "clientConfig");
  const versions = field(conversion, "webhook", "conversionReviewVersions");
  return (
    isOurs(clientConfig, service) &&
    field(clientConfig, "service", "path") === path &&
    (field(clientConfig, "service", "port") ?? 443) === service.port &&
    Array.isArray(versions) &&
    versions.includes("v1") &&
    isSameBundle(readCaBundle(field(clientConfig, "caBundle")), pem)
  );
};

/**
 * The patch that has a CustomResourceDefinition converted by us. One that another Service converts is taken over only if
 * `takeOver` says so: its owner would take it back.
 */
export const planConversion = ({
  object,
  service,
  path,
  bundle,
  takeOver,
}: {
  /** A CustomResourceDefinition, parsed from JSON. */
  readonly object: unknown;
  readonly service: WebhookService;
  /** At which we answer ConversionReviews, such as `/convert`. */
  readonly path: string;
  readonly bundle: readonly string[];
  readonly takeOver: boolean;
}): ConfigurationPlan => {
  if (!Array.isArray(field(object, "spec", "versions"))) {
    return { type: "left", reason: "unreadable", names: "" };
  }
  const conversion = field(object, "spec", "conversion");
  const clientConfig = field(conversion, "webhook", "clientConfig");
  const isWebhook = field(conversion, "strategy") === "Webhook";
  if (isWebhook && !isOurs(clientConfig, service) && !takeOver) {
    return { type: "left", reason: "names-another", names: target(clientConfig) };
  }
  if (isInjected(object)) return { type: "left", reason: "injected", names: "cert-manager" };
  const pem = bundle.join("");
  if (isWebhook && isConversionRight(conversion, { service, path, pem })) return { type: "unchanged" };
  const client = { url: null, service: { ...service, path }, caBundle: encodeField(pem) };
  return {
    type: "patch",
    patch: "merge",
    body: {
      metadata: metadataOf(object),
      spec: {
        conversion: {
          strategy: "Webhook",
          webhook: { clientConfig: client, conversionReviewVersions: REVIEW_VERSIONS },
        },
      },
    },
  };
};
