/* For the bench: the XDP program behind a generator of flows, in one piece. */
#include "draw.h"

SECTION("xdp") int many_flows(struct context *context) { return draw(context) ? balance(context) : XDP_TX; }

const char LICENSE[] SECTION("license") = "Apache-2.0";
