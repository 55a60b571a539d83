/** Where configuration comes from: files, and directories of files. */

/** The text of one configuration file. */
export type SourceFile = {
  /** As it is shown to the operator: the path given, or directory and name. */
  readonly path: string;
  readonly text: string;
};

/** A path that gave nothing, and why. */
export type FileProblem = {
  readonly path: string;
  /** What is wrong, such as `does not exist`. */
  readonly message: string;
  readonly hint?: string;
};

/** What all paths together gave. */
export type FilesRead = {
  /** In the order of the paths given; within a directory in the order of the names. */
  readonly files: readonly SourceFile[];
  readonly problems: readonly FileProblem[];
};

export type FilesPort = {
  /**
   * Reads files, and of directories every `*.yaml` and `*.yml` right in them whose name does not start with a dot.
   * Never throws. A file that is reached twice is read once.
   */
  read(paths: readonly string[]): FilesRead;
  /**
   * The paths that a pattern with `*`, `?`, `[...]` and `{a,b}` means, sorted, at most a thousand of them. A pattern
   * without any of these is its own path, if something is there. Never throws.
   */
  find(pattern: string): readonly string[];
  /**
   * Calls back after something that `read` would see has changed and been still for a moment; once per such
   * change. Gives a function that stops it. Watch before the first read, so that no change falls between.
   */
  watch(paths: readonly string[], onChange: () => void): () => void;
};
