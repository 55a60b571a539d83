/*
 * For the bench: the same generator of flows before any other XDP program, which it jumps to. What that program has put
 * before the frame in the run before, as one that encapsulates does, is taken off first, and the Ethernet header laid anew,
 * in whose place the other one's second half was; the kernel does neither. Whoever puts nothing there pays for that as well.
 */
#include "draw.h"

static void (*tail_call)(void *context, void *map, u32 index) = (void *)12;
static long (*adjust_head)(void *context, int by) = (void *)44;

/* The program whose turn it is, and nothing else. */
struct map next SECTION("maps");

/* The frames of bench/xdp/packets.ts: Ethernet, IPv4 or IPv6, TCP. */
enum { LENGTH4 = 14 + 20 + 20, LENGTH6 = 14 + 40 + 20 };

SECTION("xdp") int take_turn(struct context *context) {
  void *end = (void *)(long)context->data_end;
  struct ethernet *ethernet = (void *)(long)context->data;
  if (!FITS(ethernet, end)) return XDP_DROP;
  u16 type = ethernet->type;
  long length = end - (void *)ethernet;
  if (adjust_head(context, length - (type == NETWORK16(0x0800) ? LENGTH4 : LENGTH6))) return XDP_DROP;
  end = (void *)(long)context->data_end;
  ethernet = (void *)(long)context->data;
  if (!FITS(ethernet, end)) return XDP_DROP;
  for (int index = 0; index < 3; index++) ethernet->source[index] = 0;
  ethernet->type = type;
  if (!draw(context)) return XDP_TX;
  tail_call(context, &next, 0);
  return XDP_DROP;
}

const char LICENSE[] SECTION("license") = "Apache-2.0";
