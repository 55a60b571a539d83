/**
 * keepalived's configuration: reading it, and turning it into our resources.
 *
 * Grammar and defaults follow keepalived 2.2.7: `keepalived.conf(5)` and what that program says when asked to dump what
 * it has read (`keepalived -n -l -d`). Nothing is dropped in silence: every line becomes part of a resource or a note that
 * says why not.
 *
 * Left out: `~SEQ` and `~LST` lines, BFD, routes, rules and mail, which steelyard has no counterpart for; each such line
 * is listed. Reading files is the caller's: `readLines` asks for what an `include` line means.
 *
 * Start with `translate.ts`. Text becomes lines (`lines.ts`), words (`words.ts`), statements (`statements.ts`); a table
 * per block (`table.ts`) says what happens to each of its keywords.
 */
export {};
