/** A list in pages, for servers that know no better. */
import type { Asked } from "./client.ts";
import { notUnderstood } from "./failure.ts";
import { fieldsOf, isFields, textOf } from "./json.ts";
import { versionOf } from "./mirror.ts";
import type { Query } from "./paths.ts";
import type { Failure } from "./port.ts";

/** Objects of a page at first; halved whenever a page turns out to be larger than what is read of one answer. */
const PAGE_SIZE = 250;
const MOST_PAGES = 20_000;

/** How the reading of pages ended. */
export type Paged =
  | { readonly type: "complete"; readonly version: string }
  /** Nobody wants more. */
  | { readonly type: "closed" }
  | { readonly type: "failed"; readonly failure: Failure };

export type PageReader = {
  ask(query: Query): Promise<Asked>;
  /** Takes the objects of a page. */
  take(objects: readonly unknown[]): Promise<void>;
  isClosed(): boolean;
};

const failed = (failure: Failure): Paged => ({ type: "failed", failure });

/** Reads lists page by page, and remembers what size of page the server's answers allow. */
export class Pages {
  #size = PAGE_SIZE;

  async read(reader: PageReader): Promise<Paged> {
    let next: string | undefined;
    for (let page = 0; page < MOST_PAGES; page += 1) {
      const answer = await reader.ask({ limit: `${this.#size}`, continue: next });
      if (reader.isClosed()) return { type: "closed" };
      if (!answer.ok) {
        if (answer.isTooLarge !== true || this.#size === 1) return failed(answer.failure);
        this.#size = Math.floor(this.#size / 2);
        continue;
      }
      const { items, metadata } = fieldsOf(answer.body);
      const version = isFields(answer.body) ? versionOf(answer.body) : "";
      if (version === "" || (items !== null && !Array.isArray(items)))
        return failed(notUnderstood("the answer is no list", answer.status));
      await reader.take(items ?? []);
      if (reader.isClosed()) return { type: "closed" };
      const token = textOf(fieldsOf(metadata).continue);
      if (token === "") return { type: "complete", version };
      if (token === next) break;
      next = token;
    }
    return failed(notUnderstood("the list does not end"));
  }
}
