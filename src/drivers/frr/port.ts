/** What is asked of an FRR. */

export type FrrFailure = {
  readonly reason:
    | "no-shell" // vtysh is not there, or does not start
    | "no-daemon" // FRR does not run, or one of its daemons
    | "refused" // a line was not accepted; the others were
    | "no-answer" // not in time
    | "too-long"; // more than anybody would have
  /** With what FRR printed; never with a password. */
  readonly message: string;
};

export type FrrAnswer<Value> =
  | { readonly ok: true; readonly value: Value }
  | { readonly ok: false; readonly failure: FrrFailure };

/** Answers come in bounded time and size, and calls may overlap. */
export type FrrPort = {
  /** What `show running-config` prints, and `show daemons` after it. */
  readonly running: () => Promise<FrrAnswer<string>>;
  /** Enters lines as configuration, in order, all of them even where one is refused. Nothing is saved. */
  readonly configure: (lines: readonly string[]) => Promise<FrrAnswer<undefined>>;
  /** What `show bgp vrf all neighbors json` prints. */
  readonly sessions: () => Promise<FrrAnswer<string>>;
};
