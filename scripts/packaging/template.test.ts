import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { render, type Value } from "./evaluate.ts";
import { parseTemplate } from "./template.ts";

const rendered = (source: string, dot: Value = {}): string => {
  const { parts, defined } = parseTemplate(source);
  const lookup = (kind: string, namespace: string, name: string): Value =>
    name === "there" ? { data: { key: `${kind} ${namespace}` } } : {};
  return render(parts, { dot, defined, lookup, file: (path) => `<${path}>\n`, seen: () => {} });
};

describe("the templates of the chart (text/template of Go, Sprig)", () => {
  const VALUES = { a: { b: "x" }, yes: true, no: false, list: ["p", "q"], empty: {}, n: 0 };

  for (const [what, source, expected] of [
    ["fields", "{{ .a.b }}", "x"],
    ["text without actions", "a {b} c", "a {b} c"],
    ["blanks taken away on the left", "a \n {{- .a.b }} b", "ax b"],
    ["blanks taken away on the right", "a {{ .a.b -}} \n b", "a xb"],
    ["comments", "a{{/* no {{ .b */}}c", "ac"],
    ["a minus sign that is no trimming", "{{ -3 }}", "-3"],
    ["conditions", "{{ if .no }}1{{ else if .yes }}2{{ else }}3{{ end }}", "2"],
    ["conditions that all fail", "a{{ if .empty }}1{{ else if .n }}2{{ end }}", "a"],
    ["nested conditions", "{{ if .yes }}{{ if .no }}1{{ else }}2{{ end }}{{ end }}", "2"],
    ["with", "{{ with .a }}{{ .b }}{{ end }}{{ with .empty }}!{{ end }}", "x"],
    ["and, or, not", "{{ if and .yes (not .no) }}1{{ end }}{{ or .n .a.b }}", "1x"],
    ["eq and default", '{{ if eq .a.b "x" }}1{{ end }}{{ .n | default "d" }}', "1d"],
    ["quote", "{{ .a.b | quote }}", '"x"'],
    ["toYaml and nindent", "l:{{ toYaml .list | nindent 2 }}", "l:\n  - p\n  - q"],
    [
      "maps in the order of their keys",
      "{{ toYaml . }}",
      "a:\n  b: x\nempty: {}\nlist:\n- p\n- q\nn: 0\nno: false\nyes: true",
    ],
    ["named templates", '{{ define "t" }}[{{ .b }}]{{ end }}{{ include "t" .a | indent 1 }}', " [x]"],
    ["dicts", '{{ define "t" }}{{ .k }}{{ end }}{{ include "t" (dict "k" .a.b) }}', "x"],
    ["objects of the cluster", '{{ dig "data" "key" "d" (lookup "v1" "K" "n" "there") }}', "K n"],
    ["objects that are not there", '{{ dig "data" "key" "d" (lookup "v1" "K" "n" "gone") }}', "d"],
    ["letters and their code", "{{ randAlphaNum 3 | b64enc }}", "eHh4"],
    ["files", '{{ .Files.Get "f" | trim }}', "<f>"],
    ["actions over several lines", "{{ if and\n  .yes\n  .a.b }}1{{ end }}", "1"],
  ] as const) {
    it(`renders ${what}`, () => assert.equal(rendered(source, VALUES), expected));
  }

  for (const [what, source] of [
    ["a value that is not there", "{{ .a.c }}"],
    ["a map as text", "{{ .a }}"],
    ["a function that is not known", "{{ genCA .a.b }}"],
    ["what the chart itself refuses", '{{ if .yes }}{{ fail "no" }}{{ end }}'],
    ["a path without a map", '{{ dig "a" .a }}'],
    ["a name of every object's", "{{ constructor .a.b }}"],
    ["a template that is not there", '{{ include "t" . }}'],
    ["a variable", "{{ $x := .a }}"],
    ["an if without an end", "{{ if .yes }}"],
    ["an end without an if", "a{{ end }}"],
    ["a bracket that is not closed", "{{ (not .no }}"],
    ["too few values", "{{ default .a.b }}"],
    ["a bar before nothing", "{{ .a.b | }}"],
    ["range", "{{ range .list }}x{{ end }}"],
  ] as const) {
    it(`refuses ${what}`, () => assert.throws(() => rendered(source, VALUES)));
  }
});
