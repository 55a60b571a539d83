/**
 * TCP between simulated hosts: connections are slow, break at any moment, or fall silent.
 *
 * What is sent on a connection arrives in order, each after a delay of its own; different connections overtake one another.
 */
import { after, type Duration, type Instant, instant, micros, seconds } from "#base/time";
import type { Cancel, Clock } from "./clock.ts";
import { integerBetween, type Random } from "./random.ts";

const RETRANSMISSION = seconds(1);

/** What one end of a connection is told. */
export type EndEvents<Message> = {
  readonly onMessage: (message: Message) => void;
  /** At most once, and never after `close`; `undefined`: the other end closed it properly. */
  readonly onClosed: (reason: string | undefined) => void;
};

/** How a host answers who connects to it. */
export type Listener<Message> = (end: TcpEnd<Message>) => EndEvents<Message>;

/** One end of a connection. */
export class TcpEnd<Message> {
  readonly host: number;
  readonly #network: SimulatedTcp<Message>;
  #other: TcpEnd<Message> | undefined;
  #events: EndEvents<Message> | undefined;
  /** What came before anybody listened. */
  #early: ((events: EndEvents<Message>) => void)[] = [];
  #isOpen = true;
  #arrivesAt: Instant;
  readonly #onTheWay: { readonly at: Instant; readonly arrive: (other: TcpEnd<Message>) => void }[] = [];

  constructor(network: SimulatedTcp<Message>, host: number) {
    this.host = host;
    this.#network = network;
    this.#arrivesAt = network.clock.now;
  }

  get isOpen(): boolean {
    return this.#isOpen;
  }

  /** Makes two ends one connection. */
  static join<Message>(one: TcpEnd<Message>, two: TcpEnd<Message>): void {
    one.#other = two;
    two.#other = one;
  }

  isOtherEndOf(end: TcpEnd<Message>): boolean {
    return this.#other === end;
  }

  listen(events: EndEvents<Message>): void {
    this.#events = events;
    for (const tell of this.#early.splice(0)) if (this.#isOpen) tell(events);
  }

  send(message: Message): void {
    if (!this.#isOpen) throw new Error("sent on a closed connection");
    this.#carry((other) => other.#tell((events) => events.onMessage(message)));
  }

  /** After what was sent; nothing is heard any more. */
  close(): void {
    if (!this.#isOpen) throw new Error("closed a closed connection");
    this.#isOpen = false;
    this.#network.forget(this);
    this.#carry((other) => other.#lose(undefined));
  }

  /** As when the process dies: whatever was sent may be lost, and the other end may see either kind of end. */
  abandon(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#network.forget(this);
    this.#carry((other) => other.#lose(this.#network.random() < 0.5 ? "reset" : undefined));
  }

  /** As when the host loses power: nobody learns of it. */
  vanish(): void {
    this.#isOpen = false;
    this.#onTheWay.splice(0);
    this.#network.forget(this);
  }

  /** A reset by whatever is between: this end sees it at once, the other one later. */
  break(): void {
    this.#carry((other) => other.#lose("reset"));
    this.#lose("reset");
  }

  #lose(reason: string | undefined): void {
    if (!this.#isOpen) return;
    this.#tell((events) => {
      this.#isOpen = false;
      this.#network.forget(this);
      events.onClosed(reason);
    });
  }

  #tell(tell: (events: EndEvents<Message>) => void): void {
    if (!this.#isOpen) return;
    if (this.#events === undefined) this.#early.push(tell);
    else tell(this.#events);
  }

  #carry(arrive: (other: TcpEnd<Message>) => void): void {
    const { clock } = this.#network;
    const at = after(clock.now, this.#network.delay());
    this.#arrivesAt = instant(Math.max(at, this.#arrivesAt));
    this.#onTheWay.push({ at: this.#arrivesAt, arrive });
    if (this.#onTheWay.length === 1) clock.schedule(this.#arrivesAt, () => this.#deliver());
  }

  /** The next of what is on the way; while the network is cut, it is sent again every second. */
  #deliver(): void {
    const { clock, isCut } = this.#network;
    const other = this.#other;
    if (isCut || other === undefined) {
      if (this.#onTheWay.length > 0) clock.schedule(after(clock.now, RETRANSMISSION), () => this.#deliver());
      return;
    }
    const next = this.#onTheWay.shift();
    // A host that knows nothing of a connection says so.
    if (other.#isOpen) next?.arrive(other);
    else if (next !== undefined) this.#answerReset(other);
    const following = this.#onTheWay[0];
    if (following !== undefined) clock.schedule(following.at, () => this.#deliver());
  }

  #answerReset(other: TcpEnd<Message>): void {
    const { clock } = this.#network;
    if (!this.#network.isUp(other.host)) return;
    clock.schedule(after(clock.now, this.#network.delay()), () => {
      if (!this.#network.isCut) this.#lose("reset");
    });
  }
}

/** The network, and the kernels of its hosts. */
export class SimulatedTcp<Message> {
  readonly clock: Clock;
  readonly random: Random;
  readonly #listenerByHost = new Map<number, Listener<Message>>();
  readonly #down = new Set<number>();
  readonly #open = new Set<TcpEnd<Message>>();
  /** Nothing arrives, and nobody is told. */
  isCut = false;
  minimumDelay: Duration = micros(100);
  maximumDelay: Duration = micros(100);

  constructor(clock: Clock, random: Random) {
    this.clock = clock;
    this.random = random;
  }

  delay(): Duration {
    return micros(integerBetween(this.random, this.minimumDelay, this.maximumDelay));
  }

  /** Ends that nobody has closed. */
  get open(): readonly TcpEnd<Message>[] {
    return [...this.#open];
  }

  isUp(host: number): boolean {
    return !this.#down.has(host);
  }

  /** Whether a host answers at all. */
  power(host: number, isUp: boolean): void {
    if (isUp) this.#down.delete(host);
    else this.#down.add(host);
  }

  /** `undefined`: connections are refused. */
  listen(host: number, listener: Listener<Message> | undefined): void {
    if (listener === undefined) this.#listenerByHost.delete(host);
    else this.#listenerByHost.set(host, listener);
  }

  forget(end: TcpEnd<Message>): void {
    this.#open.delete(end);
  }

  /** Opens a connection. Nothing is told after the attempt was cancelled, but the other host may see a connection that ends at once. */
  connect(
    from: number,
    to: number,
    on: {
      readonly onConnected: (end: TcpEnd<Message>) => EndEvents<Message>;
      readonly onFailed: (reason: string) => void;
    },
  ): Cancel {
    let isCancelled = false;
    this.#later(() => {
      if (!this.isUp(to)) return;
      const isRefused = !this.#listenerByHost.has(to);
      this.#later(() => {
        if (isCancelled) return;
        if (isRefused) on.onFailed("connection refused");
        else this.#establish(from, to, on.onConnected);
      });
    });
    return () => {
      isCancelled = true;
    };
  }

  #establish(from: number, to: number, onConnected: (end: TcpEnd<Message>) => EndEvents<Message>): void {
    const [here, there] = [new TcpEnd(this, from), new TcpEnd(this, to)];
    TcpEnd.join(here, there);
    this.#open.add(here);
    this.#later(() => {
      const listener = this.#listenerByHost.get(to);
      if (!this.isUp(to)) return;
      this.#open.add(there);
      if (listener === undefined) there.abandon();
      else there.listen(listener(there));
    });
    here.listen(onConnected(here));
  }

  #later(action: () => void): void {
    this.clock.schedule(after(this.clock.now, this.delay()), () => {
      if (!this.isCut) action();
    });
  }
}
