/** Files that cannot be read. */

const codeOf = (error: unknown): string =>
  error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : "unreadable";

const FILE_PROBLEMS: Readonly<Record<string, string>> = {
  ENOENT: "does not exist",
  EACCES: "may not be read by this user",
  EISDIR: "is a directory",
};

/** Why a file could not be read, in words. */
export const fileProblem = (path: string, error: unknown): string => {
  const code = codeOf(error);
  return `${path} ${FILE_PROBLEMS[code] ?? `cannot be read (${code})`}`;
};
