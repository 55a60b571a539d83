/** Which words were told of a subject lately, so that obstacles that alternate for days do not make a line each time. */
import { after, type Instant, seconds } from "#base/time";

/** For so long nothing is told again. */
const LATELY = seconds(600);
/** So many different words are told of a subject within that time, at most. */
const MOST = 8;

export class RecentlyTold {
  readonly #toldBySubject = new Map<string, Map<string, Instant>>();

  /** Takes note of words about a subject; says whether they are worth telling. */
  note(subject: string, words: string, now: Instant): boolean {
    const told = this.#toldBySubject.get(subject) ?? new Map<string, Instant>();
    this.#toldBySubject.set(subject, told);
    for (const [each, at] of told) if (after(at, LATELY) <= now) told.delete(each);
    if (told.has(words) || told.size >= MOST) return false;
    told.set(words, now);
    return true;
  }

  /** What was in the way is over: should it come back, that is news. */
  forget(subject: string): void {
    this.#toldBySubject.delete(subject);
  }
}
