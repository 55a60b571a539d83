/**
 * Configuration: from documents to `Desired`, the one value that says what the operator wants.
 *
 * Resources look as in Kubernetes (apiVersion, kind, metadata, spec) and are the same in a file and in a cluster.
 * One schema per kind (`schema-*.ts`) gives validation, defaults, JSON Schema and the reference page; rules
 * between values are in `*-rules.ts`. All problems are reported at once, unknown keys among them. Ranges follow
 * RFC 9568 and RFC 3768 where a protocol field sets them.
 *
 * Left out: reading files and YAML (`drivers/files`); whether an interface, program or certificate exists, which
 * only the box itself can tell and which may change at any time.
 *
 * Start with `kinds.ts`, then `parse.ts`.
 */
export {};
