/** Remembers what the peer was told, and says what it has to be told now. */
import { after, between, type Duration, type Instant, instant, micros, seconds } from "#base/time";
import type { ClientKey, Pin } from "#core/balance/pin";
import { pinsPerDatagram } from "./packet.ts";

/** A pin is told again after so long, whatever happens. */
const REFRESH: Duration = seconds(60);
/** A client that comes again moves its pin's end: told when by more than one part in so many of the timeout. */
const MOVES = 8;
/** Datagrams that are sent at once. */
const AT_ONCE = 64;
/** Pins that are told at all. */
const MOST_TOLD = 262_144;

/** Pins of one server for one datagram. */
export type Telling = { readonly server: string; readonly pins: readonly Pin[] };

type Told = { readonly backend: number; readonly until: Instant; readonly at: Instant };

export type Teller = {
  /** Begins a round: what the last one found and nobody was told is found again. */
  begin(now: Instant): void;
  /** A pin as it is in the kernel now; all of them in each round. */
  see(server: { readonly name: string; readonly timeout: Duration }, pin: Pin): void;
  /** What to send now; call it again after a second for the rest. */
  take(now: Instant): readonly Telling[];
  /** The peer knows nothing any more. */
  forget(): void;
  /** Only these servers are ours to tell; when others become so again, the peer is told all of theirs. */
  keep(servers: ReadonlySet<string>): void;
};

/** What the peer was told, at most `limit` pins. */
const createMemory = (limit: number) => {
  const toldByServer = new Map<string, Map<ClientKey, Told>>();
  let count = 0;
  return {
    of: (server: string, client: ClientKey): Told | undefined => toldByServer.get(server)?.get(client),
    /** `false` when there is no room for it. */
    remember(server: string, { client, backend, remaining }: Pin, now: Instant): boolean {
      const told = toldByServer.get(server) ?? new Map<ClientKey, Told>();
      toldByServer.set(server, told);
      const until = after(now, remaining);
      const known = told.get(client);
      if (known === undefined && count >= limit) return false;
      if (known === undefined) count += 1;
      told.set(client, { backend, until, at: now });
      return true;
    },
    dropExpired(now: Instant): void {
      for (const told of toldByServer.values()) {
        for (const [client, { until }] of told) {
          if (until > now) continue;
          told.delete(client);
          count -= 1;
        }
      }
    },
    forget(): void {
      toldByServer.clear();
      count = 0;
    },
    keep(servers: ReadonlySet<string>): void {
      for (const [server, told] of toldByServer) {
        if (servers.has(server)) continue;
        toldByServer.delete(server);
        count -= told.size;
      }
    },
  };
};

/** Nothing told yet. `limit` is the number of pins that are told at all. */
export const createTeller = (limit = MOST_TOLD): Teller => {
  const memory = createMemory(limit);
  /** What has changed, and what is to be told again if there is room. */
  let due = { changed: new Map<string, Pin[]>(), again: new Map<string, Pin[]>() };
  let found = 0;
  let seenAt = instant(0);
  let room = 0;

  const push = (list: Map<string, Pin[]>, server: string, pin: Pin): void => {
    if (found >= limit) return;
    found += 1;
    const pins = list.get(server);
    if (pins === undefined) list.set(server, [pin]);
    else pins.push(pin);
  };

  /** The pin as it is by now; `undefined` when its time is over. */
  const aged = (pin: Pin, now: Instant): Pin | undefined => {
    const remaining = micros(pin.remaining - between(seenAt, now));
    return remaining > 0 ? { ...pin, remaining } : undefined;
  };

  function* tell(list: Map<string, Pin[]>, now: Instant): Generator<Telling> {
    for (const [server, pins] of list) {
      const most = pinsPerDatagram(pins[0]?.client.length ?? 0);
      while (pins.length > 0 && room > 0) {
        const told = pins
          .splice(-most)
          .flatMap((pin) => aged(pin, now) ?? [])
          .filter((pin) => memory.remember(server, pin, now));
        if (told.length === 0) continue;
        room -= 1;
        yield { server, pins: told };
      }
    }
  }

  return {
    forget: memory.forget,
    keep: memory.keep,
    begin(now) {
      due = { changed: new Map(), again: new Map() };
      [found, seenAt] = [0, now];
      memory.dropExpired(now);
    },
    see(server, pin) {
      const known = memory.of(server.name, pin.client);
      const moved = known === undefined ? 0 : between(known.until, after(seenAt, pin.remaining));
      if (known?.backend !== pin.backend || moved > server.timeout / MOVES) {
        push(due.changed, server.name, pin);
      } else if (between(known.at, seenAt) >= REFRESH) push(due.again, server.name, pin);
    },
    take(now) {
      room = AT_ONCE;
      return [...tell(due.changed, now), ...tell(due.again, now)];
    },
  };
};
