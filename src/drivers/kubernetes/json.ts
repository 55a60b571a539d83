/** Looking into JSON that came from elsewhere. */

/** An object whose fields are not known. */
export type Fields = Readonly<Record<string, unknown>>;

/** Whether a value is an object with fields, and no list. */
export const isFields = (value: unknown): value is Fields =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** The fields of an object; none of what is not one. */
export const fieldsOf = (value: unknown): Fields => (isFields(value) ? value : {});

/** Text as it is; `""` for what is none. */
export const textOf = (value: unknown): string => (typeof value === "string" ? value : "");

/** The value that a text stands for; `undefined` when it is not JSON. */
export const parseJson = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
};
