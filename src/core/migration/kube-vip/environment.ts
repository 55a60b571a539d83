/** The environment of a container, variable by variable. */
import { type IpAddress, parseAddress } from "#base/address";
import type { Report, Subject } from "../report.ts";
import type { Item, Section } from "../section.ts";

const OFF = /^(?:0|f|F|FALSE|false|False|)$/;

export class Environment {
  readonly about: Subject;
  readonly #report: Report;
  readonly #items = new Map<string, Item>();
  readonly #asked = new Set<string>();

  /** Reads `env` of a container; variables that come from elsewhere, such as a node's name, count as not given. */
  constructor(container: Section, report: Report) {
    this.about = container.at("env");
    this.#report = report;
    for (const variable of container.sections("env")) {
      const name = variable.text("name");
      const text = variable.text("value");
      if (name !== undefined) this.#items.set(name, { text: text ?? "", about: variable.about });
    }
  }

  has(name: string): boolean {
    return this.#items.has(name);
  }

  /** The value of a variable, if it has one. */
  value(name: string): Item | undefined {
    this.#asked.add(name);
    const item = this.#items.get(name);
    return item === undefined || item.text === "" ? undefined : item;
  }

  /** Whether a variable is there and says yes. */
  isOn(name: string): boolean {
    const item = this.value(name);
    return item !== undefined && !OFF.test(item.text);
  }

  whole(name: string, { min, max }: { readonly min: number; readonly max: number }): number | undefined {
    const item = this.value(name);
    if (item === undefined) return undefined;
    const number = /^\d{1,10}$/.test(item.text) ? Number(item.text) : Number.NaN;
    if (number >= min && number <= max) return number;
    this.#report.lost(item.about, `${name} is no whole number from ${min} to ${max}`);
    return undefined;
  }

  address(name: string): IpAddress | undefined {
    const item = this.value(name);
    if (item === undefined) return undefined;
    const address = parseAddress(item.text);
    if (address === undefined) this.#report.lost(item.about, `${name} is no address`);
    return address;
  }

  /** Notes a variable that is there. */
  note(fate: "lost" | "changed" | "needless", name: string, why: string): void {
    const item = this.#items.get(name);
    this.#asked.add(name);
    if (item !== undefined) this.#report[fate](item.about, `${name.slice(0, 60)} ${why}`);
  }

  /** Notes what nobody asked for: not needed is what is off and what `whyNeedless` has a reason for; the rest is lost. */
  close(whyNeedless: (name: string) => string | undefined): void {
    for (const [name, { text }] of this.#items) {
      if (this.#asked.has(name)) continue;
      const why = whyNeedless(name) ?? (OFF.test(text) ? "is off, or comes from elsewhere" : undefined);
      if (why === undefined) this.note("lost", name, "has no counterpart");
      else this.note("needless", name, why);
    }
  }
}
