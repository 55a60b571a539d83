/*
 * For benchmarks: draws the client's address and port of the frame anew, out of as many flows as the frame's IPv4
 * identification (or the low half of IPv6's flow label) says: 2 to the power of it. What an earlier run has changed of the
 * frame is laid anew. With the IPv4 service byte (IPv6: the first word's low nibble of the class) not 0 that is all, to know
 * what the drawing costs.
 */
#include "../../native/xdp/balance.h"

static u32 (*random32)(void) = (void *)7;

enum { BASE = 0x0a010000, FIRST_PORT = 1024, PORTS = 256 };

/* Gives whether the program itself is to run. */
INLINE int draw(struct context *context) {
  void *end = (void *)(long)context->data_end;
  struct ethernet *ethernet = (void *)(long)context->data;
  if (!FITS(ethernet, end)) return 0;
  u64 own = settings.address;
  *(u32 *)ethernet->destination = own;
  ethernet->destination[2] = own >> 32;
  struct ipv4 *four = (void *)(ethernet + 1);
  if (!FITS(four, end)) return 0;
  if (ethernet->type == NETWORK16(0x0800)) {
    struct ports *ports = (void *)(four + 1);
    if (!FITS(ports, end)) return 0;
    u32 flow = random32() & ((1u << (NETWORK16(four->id) & 31)) - 1);
    four->source = __builtin_bswap32(BASE + flow / PORTS);
    ports->source = NETWORK16(FIRST_PORT + flow % PORTS);
    four->hops = 64;
    return four->service == 0;
  }
  struct ipv6 *six = (void *)four;
  if (!FITS(six, end)) return 0;
  struct ports *ports = (void *)(six + 1);
  if (!FITS(ports, end)) return 0;
  u32 first = __builtin_bswap32(six->version_and_flow);
  u32 flow = random32() & ((1u << (first & 31)) - 1);
  six->source[3] = __builtin_bswap32(BASE + flow / PORTS);
  ports->source = NETWORK16(FIRST_PORT + flow % PORTS);
  six->hops = 64;
  return (first >> 20 & 255) == 0;
}
