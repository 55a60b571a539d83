/** How a YAML text is written, so that what is added to it looks like its neighbours. */

/** In the words of the YAML library. */
export type YamlStyle = {
  /** 0: nothing is folded. */
  readonly lineWidth: number;
  readonly indent: number;
  /** Whether lists stand further in than the key that they belong to. */
  readonly indentSeq: boolean;
  /** Whether there are blanks in `{ a: b }`. */
  readonly flowCollectionPadding: boolean;
};

/** A key with a list below it, comments in between. */
const LIST = /^( *)[^\s#-][^\n]*:[ \t]*\n(?:[ \t]*#[^\n]*\n)*( *)- /m;

/** The style of a text; that of kubectl where it shows none. */
export const styleOf = (text: string): YamlStyle => {
  const [, outer = "", inner = ""] = LIST.exec(text) ?? [];
  const depths = [...text.matchAll(/^( {1,8})[^\s#]/gm)].map(([, spaces = ""]) => spaces.length);
  const least = Math.min(...depths, 9);
  return {
    lineWidth: 0,
    indent: least < 2 || least > 8 ? 2 : least,
    indentSeq: inner.length > outer.length,
    flowCollectionPadding: !/\{[^\s{}][^{}\n]*[^\s{}]\}|: \[[^\s[\]][^[\]\n]*\]/.test(text),
  };
};
