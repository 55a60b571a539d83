/** Configuration files in memory, for tests. */
import { expandBraces, matchesName } from "./pattern.ts";
import type { FileProblem, FilesPort, FilesRead, SourceFile } from "./port.ts";

/** A `FilesPort` whose files a test writes and removes. */
export type FakeFiles = FilesPort & {
  /** Sets the text of a file, or removes it with `undefined`, and tells whoever watches it. */
  write(path: string, text: string | undefined): void;
};

/** Files in memory; directories exist as far as files lie in them. */
export const fakeFiles = (initial: Readonly<Record<string, string>> = {}): FakeFiles => {
  const texts = new Map(Object.entries(initial));
  const watchers = new Set<{ readonly paths: readonly string[]; readonly onChange: () => void }>();

  const inDirectory = (directory: string): readonly string[] =>
    [...texts.keys()]
      .filter(
        (path) =>
          path.startsWith(`${directory}/`) && /^[^./][^/]*\.ya?ml$/.test(path.slice(directory.length + 1)),
      )
      .sort();

  const read = (paths: readonly string[]): FilesRead => {
    const files = new Map<string, SourceFile>();
    const problems: FileProblem[] = [];
    for (const path of paths) {
      const found = texts.has(path) ? [path] : inDirectory(path);
      if (found.length === 0) problems.push({ path, message: "does not exist" });
      for (const each of found) files.set(each, { path: each, text: texts.get(each) ?? "" });
    }
    return { files: [...files.values()], problems };
  };

  const matches = (path: string, pattern: string): boolean => {
    const names = path.split("/");
    const wanted = pattern.split("/");
    return (
      names.length === wanted.length && names.every((name, index) => matchesName(name, wanted[index] ?? ""))
    );
  };

  return {
    read,
    find: (pattern) => {
      const patterns = expandBraces(pattern);
      return [...texts.keys()].filter((path) => patterns.some((each) => matches(path, each))).sort();
    },
    watch: (paths, onChange) => {
      const watcher = { paths, onChange };
      watchers.add(watcher);
      return () => {
        watchers.delete(watcher);
      };
    },
    write: (path, text) => {
      if (text === undefined) texts.delete(path);
      else texts.set(path, text);
      for (const { paths, onChange } of watchers) {
        if (paths.some((each) => path === each || path.startsWith(`${each}/`))) onChange();
      }
    },
  };
};
